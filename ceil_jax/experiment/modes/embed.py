"""Images of folders to rows in a file, by any model."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path
from ceil_jax.evaluation import feature_writing
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.workdir import workdir_of
from ceil_jax.model import Embedded, loading
from ceil_jax.model.collected import UnreadableError
from ceil_jax.model.reading import check_range, image_files


class Asked(NamedTuple):
    """What is to be embedded, and how.

    Attributes:
        model: Whatever `ceil_jax.load` takes.
        images: Folders of images.
        modality: "visible" or "infrared".
        output: The file to write: .npz, .npy with a .csv beside it, or .parquet.
        on_error: "raise" or "skip", of images that cannot be read.
        quality: Whether to measure each image.
        engine: "jax", "onnxruntime", "openvino" or "auto".
        value_range: As of `Model.embed`, "LOW,HIGH"; "" for none.
    """

    model: str
    images: Sequence[str]
    modality: str
    output: str
    on_error: str = "raise"
    quality: bool = False
    engine: str = "jax"
    value_range: str = ""


def embed(asked: Asked) -> Path:
    """Embed the images of folders, and write rows, names and the model's digest.

    Args:
        asked: What, and how.

    Returns:
        The file, whose rows are in the order of the images, folder by folder. An
        image's name is its path below the folder; of several folders, below the one
        that holds them all.

    Raises:
        UserError: There is no model or no image, one cannot be read, the file cannot be
            written, or another mistake that the user can mend.
    """
    path = user_path(asked.output)
    workdir_of(str(path.parent), "--output")
    value_range = _range(asked.value_range)
    files, names = listed(asked.images)
    model = loading.load(asked.model)
    for text in model.info.warnings:
        warn(text)
    feature_writing.check(path, 4 * len(files) * model.info.embedding_size)
    try:
        found: Embedded = model.embed(
            files,
            asked.modality,  # type: ignore[arg-type]
            on_error=asked.on_error,  # type: ignore[arg-type]
            with_quality=asked.quality,
            with_names=True,
            engine=asked.engine,  # type: ignore[arg-type]
            value_range=value_range,
        )
    except UnreadableError as error:
        raise UserError(f"{error.reason}; --on-error skip leaves it out") from error
    for each in found.skipped:
        warn(f"left out: {each.reason}")
    if not found.names:
        raise UserError(f"none of the {len(files)} images can be read")
    kept = [names[place] for place in found.places]
    feature_writing.save(path, _columns(found, kept, asked.modality, model.info.digest))
    told = f"{len(found.features)} rows of {found.features.shape[1]} numbers"
    if found.skipped:
        told += f" ({len(found.skipped)} images left out)"
    print(f"{told} written to {path}", flush=True)
    return path


def listed(folders: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The images of folders, and what they are called.

    Args:
        folders: One, or several.

    Returns:
        Their paths, and their names: below the folder or, of several, below the one
        that holds them all, with forward slashes.

    Raises:
        UserError: A folder is missing, or an image is below two of them.
        DataError: A folder holds no image.
    """
    places = [Path(os.path.abspath(user_path(folder))) for folder in folders]
    for place, given in zip(places, folders, strict=True):
        if not place.is_dir():
            what = "is a file, give its folder" if place.exists() else "no such folder"
            raise UserError(f"--images={given}: {what}")
    root = Path(os.path.commonpath(places))
    files = [path for place in places for path in image_files(place)]
    if len({*files}) < len(files):
        twice = next(path for path in files if files.count(path) > 1)
        raise UserError(f"{twice} is below two of the folders of --images")
    return files, [path.relative_to(root).as_posix() for path in files]


def _range(text: str) -> tuple[float, float] | None:
    """The range that a command line gives."""
    if not text:
        return None
    try:
        return check_range([float(part) for part in text.split(",")])
    except ValueError as error:
        raise UserError(
            f"--value-range={text} must be LOW,HIGH: the values that become 0 and 255"
        ) from error


def _columns(
    found: Embedded, names: list[str], modality: str, digest: str
) -> dict[str, np.ndarray]:
    """The columns of the file, a row for each image."""
    columns: dict[str, Any] = {
        "features": found.features,
        "name": np.array(names, str),
        "modality": np.full(len(names), modality),
        "model": np.full(len(names), digest),
    }
    if found.quality is not None:
        measures = found.quality._asdict()
        measures["quality"] = measures.pop("score")
        columns |= measures
    return columns
