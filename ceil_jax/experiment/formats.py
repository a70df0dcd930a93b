"""What `--mode export` and `--mode embed` write, as their flags say it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ceil_jax.common.errors import UserError

EMBEDDINGS, ONNX, STABLEHLO, TORCH = FORMATS = ("npz", "onnx", "stablehlo", "torch")
SUFFIXES = {
    ONNX: (".onnx",),
    STABLEHLO: (".stablehlo",),
    TORCH: (".safetensors", ".pth"),
}
"""Of the files of a model."""

# As in `ceil_jax.model.export`, which is not imported before a command line is read.
TARGETS = ("raw", "boxmot", "ultralytics", "deepstream")
MODALITIES = ("visible", "infrared")
CHOICES = {"format": FORMATS, "target": TARGETS, "modality": MODALITIES}


# As in `ceil_jax.model` and `evaluation.feature_writing`, likewise.
ENGINES = ("jax", "onnxruntime", "openvino", "auto")
ON_ERROR = ("raise", "skip")
ROWS = (".npz", ".npy", ".parquet")
CHOICES_OF_EMBED = {"modality": MODALITIES, "engine": ENGINES, "on-error": ON_ERROR}


class Wanted(NamedTuple):
    """What is to be written.

    Attributes:
        format: One of `FORMATS`.
        target: One of `TARGETS`: the program that an ONNX file is for.
        modalities: Those whose encoders are written, a file for each.
        output: The file; "" for one in the run's folder.
    """

    format: str = EMBEDDINGS
    target: str = TARGETS[0]
    modalities: tuple[str, ...] = MODALITIES
    output: str = ""


def wanted(words: Mapping[str, str]) -> Wanted:
    """What the flags ask for.

    Args:
        words: Of the command line, by flag: `format`, `target`, `modality`, `output`;
            "" where one was not given.

    Returns:
        It, with defaults.

    Raises:
        UserError: A word is none of its choices, or is not used with the others.
    """
    _check_choices(words, CHOICES)
    chosen = words["format"] or EMBEDDINGS
    if words["target"] and chosen != ONNX:
        raise UserError(f"--target is for --format onnx, not {_named(words)}")
    if words["modality"] and chosen not in (ONNX, STABLEHLO):
        raise UserError(
            "--modality is for --format onnx and stablehlo, not "
            f"{_named(words)}, which holds both"
        )
    if words["output"]:
        _check_output(words, chosen)
    modality = words["modality"]
    return Wanted(
        chosen,
        words["target"] or TARGETS[0],
        (modality,) if modality else MODALITIES,
        words["output"],
    )


def check_embed(words: Mapping[str, Any]) -> None:
    """Refuse words of `--mode embed` that are none of their choices.

    Args:
        words: Of the command line, by flag; "" where one was not given.

    Raises:
        UserError: Says what it must be.
    """
    _check_choices(words, CHOICES_OF_EMBED)
    if bool(words["model"]) == bool(words["workdir"]):
        raise UserError(
            "--mode embed takes one model: --model M, which is whatever ceil_jax.load "
            "takes, or --workdir DIR of a run"
        )
    if Path(words["output"]).suffix not in ROWS:
        raise UserError(f"--output={words['output']} must end in {', '.join(ROWS)}")


def _check_choices(
    words: Mapping[str, Any], all_choices: Mapping[str, Sequence[str]]
) -> None:
    for name, choices in all_choices.items():
        if words[name] and words[name] not in choices:
            raise UserError(
                f"--{name}={words[name]} must be one of {', '.join(choices)}"
            )


def _named(words: Mapping[str, str]) -> str:
    return words["format"] or f"{EMBEDDINGS} (no --format is given)"


def _check_output(words: Mapping[str, str], chosen: str) -> None:
    """Refuse a file that cannot be what is written."""
    if chosen == EMBEDDINGS:
        raise UserError(
            f"--output is for the other formats than {_named(words)}, which is written "
            "to embeddings.npz in --workdir"
        )
    if chosen in (ONNX, STABLEHLO) and not words["modality"]:
        raise UserError(
            "--output names one file, and there is one for each modality: give "
            f"--modality {' or '.join(MODALITIES)} with it"
        )
    suffixes = SUFFIXES[chosen]
    if Path(words["output"]).suffix not in suffixes:
        raise UserError(
            f"--output={words['output']} must end in {' or '.join(suffixes)} with "
            f"--format {chosen}"
        )
