"""What is known of a model: its sizes, what it does to images, where it comes from."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from ceil_jax import __version__
from ceil_jax.common import digest
from ceil_jax.embedding.step import PREPROCESSING
from ceil_jax.model import redaction
from ceil_jax.weights import Architecture, architecture

FORMAT, VERSION = "ceil-jax model", 1
MODALITIES = ("visible", "infrared")
INTERPOLATION = "lanczos"
"""As Pillow computes it: of the reading in training, too."""
DIMENSIONS_PER_WIDTH = 32


@dataclasses.dataclass(frozen=True)
class Info:
    """What is known of a model.

    Attributes:
        source: Name of the folder or file that it was loaded from.
        architecture: Stage sizes and width of the encoder.
        image_size: (height, width) in pixels that images are resized to.
        digest: SHA-256 of weights, architecture and preprocessing, 64 hexadecimal
            digits: the same in a run's `results.json`, `engine.model`.
        value_ranges: By modality, the values that become 0 and 255 in images of more
            than 8 bits, as in training; empty where training had none.
        training: What the run noted of its training, plain values: `dataset`, `trial`,
            `seed`, `epoch`, `selection`, `fingerprint` of the training images, `config`
            and others; None where nobody knows.
        results: The run's own evaluation, as in its `results.json`; None without one.
        calibration: Thresholds for "is it the same person?", plain values; see
            `ceil_jax.evaluation.verification`; None without labels.
        warnings: What a user of the model must know, a line each.
    """

    source: str
    architecture: Architecture
    image_size: tuple[int, int]
    digest: str
    value_ranges: Mapping[str, tuple[float, float]] = dataclasses.field(
        default_factory=dict
    )
    training: Mapping[str, Any] | None = None
    results: Mapping[str, Any] | None = None
    calibration: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()

    @property
    def modalities(self) -> tuple[str, ...]:
        """The kinds of images that it embeds."""
        return MODALITIES

    @property
    def embedding_size(self) -> int:
        """Entries of an embedding."""
        return DIMENSIONS_PER_WIDTH * self.architecture.width

    @property
    def epoch(self) -> int | None:
        """The epoch of training that it is; None where nobody knows."""
        return self.training["epoch"] if self.training else None

    @property
    def calibrated_with_flip(self) -> bool:
        """Whether the thresholds are of rows averaged with those of mirror images."""
        scored = (self.results or {}).get("evaluated_with") or {}
        return bool(self.calibration and scored.get("evaluation.flip"))

    @property
    def trained_on(self) -> str:
        """The data set of its training, in a few words."""
        if self.training is None:
            return "unknown"
        name, trial = self.training["dataset"], self.training.get("trial")
        return f"{name}, split {trial}" if name == "regdb" else str(name)

    def __str__(self) -> str:
        """Some lines for people."""
        height, width = self.image_size
        epoch = "" if self.epoch is None else f", epoch {self.epoch}"
        return (
            f"{self.source}: {self.architecture}, {self.embedding_size} dimensions\n"
            f"images: {height} x {width} pixels, {' or '.join(self.modalities)}\n"
            f"trained on: {self.trained_on}{epoch}\n"
            f"digest: {self.digest}"
            + "".join(f"\nwarning: {text}" for text in self.warnings)
        )


def preprocessing(image_size: tuple[int, int]) -> dict[str, Any]:
    """What is done to an image before the encoder sees it.

    Args:
        image_size: (height, width) in pixels.

    Returns:
        Plain values.
    """
    return PREPROCESSING | {"image_size": list(image_size)}


def digest_of(variables: Mapping[str, Any], image_size: tuple[int, int]) -> str:
    """The digest of a model: weights, architecture and preprocessing.

    Args:
        variables: `{"params": ..., "batch_stats": ...}`.
        image_size: (height, width) in pixels.

    Returns:
        64 hexadecimal digits.

    Raises:
        ValueError: They are no encoder's.
    """
    sizes = architecture(variables)
    return digest.of_model(
        jax.device_get(variables),
        architecture={"stage_sizes": list(sizes.stage_sizes), "width": sizes.width},
        preprocessing=preprocessing(image_size),
    )


def to_dict(info: Info) -> dict[str, Any]:
    """The `config.json` of a model folder.

    Args:
        info: What is known.

    Returns:
        Plain values, see `without_paths`.
    """
    info = without_paths(info)
    return {
        "format": FORMAT,
        "version": VERSION,
        "library_name": "ceil-jax",
        "library_version": __version__,
        "architecture": {
            "name": "CEIL encoder: CLIP ResNet with two stems",
            "stage_sizes": list(info.architecture.stage_sizes),
            "width": info.architecture.width,
            "embedding_size": info.embedding_size,
        },
        "preprocessing": {
            **preprocessing(info.image_size),
            "interpolation": INTERPOLATION,
            "value_ranges": {k: list(v) for k, v in info.value_ranges.items()},
        },
        "modalities": list(info.modalities),
        "training": info.training,
        "results": info.results,
        "calibration": info.calibration,
        "warnings": list(info.warnings),
        "digests": {"model": info.digest},
    }


def without_paths(info: Info) -> Info:
    """What others may know: paths of this machine are reduced to their last names.

    Args:
        info: What is known.

    Returns:
        The same with plain values, in sentences and in fields of their own.
    """
    facts = {
        "training": info.training,
        "results": info.results,
        "calibration": info.calibration,
    }
    known = [*redaction.spaced_paths(facts)]
    warnings = tuple(redaction.sentence(text, known) for text in info.warnings)
    return dataclasses.replace(
        info, **redaction.reduced(facts, known), warnings=warnings
    )


def from_dict(record: Mapping[str, Any], source: str | Path) -> Info:
    """Undo `to_dict`.

    Args:
        record: Plain values.
        source: Where they come from.

    Returns:
        What is known.

    Raises:
        ValueError: It is of another program or a later version, or lacks something.
    """
    if record.get("format") != FORMAT:
        raise ValueError(f"it is no configuration of a {FORMAT}")
    if record.get("version") != VERSION:
        raise ValueError(
            f"it is of version {record.get('version')!r}, this program reads version "
            f"{VERSION}: install a later ceil-jax"
        )
    try:
        sizes, images = record["architecture"], record["preprocessing"]
        first, second, third, fourth = sizes["stage_sizes"]
        height, width = images["image_size"]
        return Info(
            source=Path(source).name,
            architecture=Architecture((first, second, third, fourth), sizes["width"]),
            image_size=(height, width),
            digest=record["digests"]["model"],
            value_ranges={
                name: (low, high)
                for name, (low, high) in images["value_ranges"].items()
            },
            training=record["training"],
            results=record["results"],
            calibration=record["calibration"],
            warnings=tuple(record["warnings"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"it lacks something, or holds something else: {error}") from (
            error
        )
