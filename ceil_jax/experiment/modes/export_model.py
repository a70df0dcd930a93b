"""A model in a file that other programs read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import missing_folders, remove_empty, user_path
from ceil_jax.experiment import formats
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.formats import Wanted
from ceil_jax.experiment.modes.opened import opened
from ceil_jax.model import export
from ceil_jax.model.export import torch

NAME = "model"


class _File(NamedTuple):
    """A file to write, and whose encoder it holds: "" for both."""

    path: Path
    modality: str


def export_model(
    config: Config, workdir: Path, weights: str, wanted: Wanted
) -> tuple[Path, ...]:
    """Write a run's model for other programs, and say what was written.

    Args:
        config: A configuration of the model's architecture.
        workdir: The run's folder, into which is written if `wanted.output` is "".
        weights: A file of weights to write instead; "" for the run's model.
        wanted: In which form, and where.

    Returns:
        The files.

    Raises:
        UserError: There is no checkpoint, a file cannot be written, or another mistake
            that the user can mend.
    """
    files = [*_files(wanted, workdir)]
    config, model = opened(config, workdir, weights)
    written: list[Path] = []
    for path, modality in files:
        made = missing_folders(path.parent)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new = _write(path, modality, model.variables, config, wanted)
        except (OSError, ValueError) as error:
            remove_empty(made)
            raise UserError(f"{path} cannot be written: {error}") from error
        written += new
        _tell(new, path, modality, config)
    return tuple(written)


def _files(wanted: Wanted, workdir: Path) -> Iterator[_File]:
    """The files of models, without what stands beside them."""
    place = user_path(wanted.output) if wanted.output else None
    if wanted.format == formats.TORCH:
        suffixes = torch.SUFFIXES if torch.has_torch() else (torch.SAFETENSORS,)
        for path in [place] if place else [workdir / (NAME + s) for s in suffixes]:
            yield _File(path, "")
        return
    suffix, *_ = formats.SUFFIXES[wanted.format]
    for_other = wanted.format == formats.ONNX and wanted.target != formats.TARGETS[0]
    end = f"_{wanted.target}{suffix}" if for_other else suffix
    for modality in wanted.modalities:
        yield _File(place or workdir / f"{NAME}_{modality}{end}", modality)


def _write(
    path: Path, modality: str, variables: Any, config: Config, wanted: Wanted
) -> tuple[Path, ...]:
    size = config.image_size
    match wanted.format:
        case formats.ONNX:
            return export.write_onnx(
                path,
                variables,
                modality=modality,
                image_size=size,
                target=wanted.target,
            )
        case formats.STABLEHLO:
            return export.write_stablehlo(
                path, variables, modality=modality, image_size=size
            )
    return export.write_torch(path, variables, image_size=size)


def _tell(written: tuple[Path, ...], path: Path, modality: str, config: Config) -> None:
    height, width = config.image_size
    whose = f"the encoder of {modality} images" if modality else "both encoders"
    for file in written:
        size = f"{file.stat().st_size / 1e6:.2f} MB"
        what = f"{whose}, {height}x{width}, {size}," if file == path else "beside it,"
        print(f"{what} written to {file}", flush=True)
