"""From whatever holds a model to the model: a run, a model folder, weights."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ceil_jax import weights
from ceil_jax.checkpoints import scores
from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.checkpoints.saved import Saved
from ceil_jax.common import extras
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import read_json, user_path
from ceil_jax.model import folder as folders
from ceil_jax.model import image_size as size_lib
from ceil_jax.model.info import Info, digest_of
from ceil_jax.model.model import Model

IMAGE_SIZE = (288, 144)
"""(height, width) of the released CEIL, for weights that do not tell theirs."""
UNKNOWN = "these weights do not tell whom they were trained on"
GUESSED = (
    "these weights do not tell the size of their images nor whom they were trained on; "
    "images are resized to {} x {} (image_size= says otherwise)"
)


def load(
    where: str | os.PathLike[str],
    *,
    epoch: int | None = None,
    image_size: tuple[int, int] | None = None,
) -> Model:
    """Load a model.

    Args:
        where: A run's folder, a model folder (`--mode package`, `Model.save`), a folder
            of `--mode convert`, or a file of weights: `.pt`, `.pth`, `.safetensors` of
            the released CEIL, of CLIP's ResNet-50 or of ours, read as plain data.
        epoch: Of a run: which checkpoint; by default the run's model, which is the last
            whole one, or the best on the test set where the run was told so.
        image_size: (height, width) in pixels, for weights that do not tell it, as our
            own `.safetensors` do: 288 x 144 by default, as the released CEIL.

    Returns:
        The model. Nothing in the folder is changed, so that a training may go on there.

    Raises:
        UserError: There is no model there, or it is damaged.
        ValueError: An argument does not go with what is there.
        MissingExtraError: A library is not installed.
    """
    path = user_path(os.fspath(where))
    size = None if image_size is None else size_lib.check(image_size)
    is_run = (path / "checkpoints").is_dir()
    if epoch is not None and not is_run:
        raise ValueError(f"{epoch=}: {path} is no folder of a run")
    if size is not None and (is_run or folders.is_model_folder(path)):
        raise ValueError(f"{image_size=}: {path} tells the size of its images itself")
    if is_run:
        return _of_run(path, epoch)
    try:
        if folders.is_model_folder(path):
            return Model(*folders.read(path))
        if path.is_dir() and not (path / "_CHECKPOINT_METADATA").exists():
            raise ValueError(
                f"{path} holds no model: neither checkpoints of a run, nor "
                f"{folders.WEIGHTS}, nor converted weights"
            )
        variables, metadata = weights.load_with_metadata(path)
        told = _told(path, metadata)
    except extras.MissingExtraError:
        raise
    except (OSError, ValueError) as error:
        raise UserError(str(error)) from error
    return _of_variables(path, variables, size, told)


def of_weights(path: Path, image_size: tuple[int, int] | None = None) -> Model:
    """The model of weights alone.

    Args:
        path: A file of weights, or a folder of `--mode convert`.
        image_size: (height, width) in pixels; None for what the file tells or, where it
            does not, `IMAGE_SIZE`.

    Returns:
        The model.

    Raises:
        OSError: They cannot be read.
        ValueError: They are no weights of the encoder, or of images of another size.
        MissingExtraError: A library is not installed.
    """
    variables, metadata = weights.load_with_metadata(path)
    return _of_variables(path, variables, image_size, _told(path, metadata))


def _told(path: Path, metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """The size that a file of weights tells; None where it does not."""
    try:
        return size_lib.from_metadata(metadata)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _of_variables(
    path: Path,
    variables: dict[str, Any],
    given: tuple[int, int] | None,
    told: tuple[int, int] | None,
) -> Model:
    """The model of weights, of the size that was given, or told by the file."""
    if given and told and given != told:
        raise ValueError(
            f"image_size={given}: {path} was made for images of {told[0]} x {told[1]} "
            f"pixels (its metadata {size_lib.KEY})"
        )
    size = given or told
    return Model(
        variables,
        Info(
            source=path.name,
            architecture=weights.architecture(variables),
            image_size=size or IMAGE_SIZE,
            digest=digest_of(variables, size or IMAGE_SIZE),
            warnings=(UNKNOWN if size else GUESSED.format(*IMAGE_SIZE),),
        ),
    )


def _of_run(path: Path, epoch: int | None) -> Model:
    extras.require("model", "a run's folder")
    saved = Checkpoints(path / "checkpoints")
    if epoch is None:
        got = saved.newest_epoch()
        selection = (got.record.get("config") or {}).get("selection", "")
        best = scores.chosen(path, selection, saved.epochs, "name one by epoch=")
        if best not in (None, got.epoch):
            got = saved.open(best)
    else:
        got = saved.open(epoch)
    return of_checkpoint(path, got)


def of_checkpoint(path: Path, got: Saved) -> Model:
    """The model of a run's checkpoint.

    Args:
        path: The run's folder.
        got: The checkpoint.

    Returns:
        The model, with the run's own figures if they are this checkpoint's.
    """
    variables = got.variables
    height, width = got.record["data"]["image_size"]
    digest = digest_of(variables, (height, width))
    results = _results(path, digest)
    ranges = got.record["data"].get("value_ranges", {})
    about = Info(
        source=path.resolve().name,
        architecture=weights.architecture(variables),
        image_size=(height, width),
        digest=digest,
        value_ranges={name: (low, high) for name, (low, high) in ranges.items()},
        training=_training(got),
        results=results,
        calibration=(results or {}).get("verification"),
        warnings=(*got.record.get("warnings", ()), *_below(path, got.skipped)),
    )
    return Model(variables, about)


def _below(path: Path, warnings: Iterable[str]) -> Iterator[str]:
    """Sentences on a run's own files, which they call by its name."""
    root = os.path.abspath(path)
    for text in warnings:
        for folder in (str(path), root):
            text = text.replace(folder + os.sep, Path(root).name + os.sep)
        yield text


def _training(got: Saved) -> dict[str, Any]:
    record = got.record
    config = record.get("config") or {}
    return {
        "dataset": record["data"]["dataset"],
        "trial": record["data"].get("trial"),
        "fingerprint": record["data"].get("fingerprint", ""),
        "seed": record.get("seed"),
        "epoch": got.epoch,
        "selection": config.get("selection"),
        "init_from": record.get("init_from", ""),
        "init_digest": record.get("init_digest", ""),
        "trained_by": record.get("trained_by"),
        "config": config or None,
    }


def _results(path: Path, digest: str) -> dict[str, Any] | None:
    """The run's own figures, if they are of this model."""
    try:
        results = read_json(path / "results.json")
    except (OSError, ValueError):
        return None
    if not isinstance(results, dict):
        return None
    return results if results.get("engine", {}).get("model") == digest else None
