"""What is said of a model inside the files that it is exported to."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

import ceil_jax
from ceil_jax.common import digest
from ceil_jax.embedding.step import PREPROCESSING
from ceil_jax.model import image_size as size_lib
from ceil_jax.weights.architecture import Architecture, architecture
from ceil_jax.weights.architecture import check as check_variables

MODALITIES = ("visible", "infrared")
PREFIX = "ceil."
"""Of every key: Ultralytics makes each key of a file's metadata an attribute of its own
object, and a plain name such as `batch` or `device` would break it."""


def check(
    variables: Mapping[str, Any], image_size: Sequence[int]
) -> tuple[Architecture, tuple[int, int]]:
    """Refuse what cannot be exported.

    Args:
        variables: `{"params": ..., "batch_stats": ...}` of an encoder.
        image_size: (height, width) in pixels.

    Returns:
        The sizes of the encoder and the size of its images.

    Raises:
        ValueError: They are no complete encoder's or not all finite, or the size is not
            two whole numbers of at least 16.
    """
    sizes = check_variables(variables)
    for path, leaf in jax.tree_util.tree_leaves_with_path(dict(variables)):
        if not np.isfinite(np.asarray(leaf, np.float32)).all():
            name = jax.tree_util.keystr(path)
            raise ValueError(f"variables{name} is not finite: the weights diverged")
    return sizes, size_lib.check(image_size)


def check_modality(modality: str) -> None:
    """Refuse a modality that there is not.

    Args:
        modality: One of `MODALITIES`.

    Raises:
        ValueError: It is another.
    """
    if modality not in MODALITIES:
        raise ValueError(f"{modality=} must be one of {', '.join(MODALITIES)}")


def of_model(
    variables: Mapping[str, Any], image_size: tuple[int, int], **others: Any
) -> dict[str, Any]:
    """The facts of a model.

    Args:
        variables: `{"params": ..., "batch_stats": ...}` of an encoder.
        image_size: (height, width) in pixels.
        **others: More facts, plain values.

    Returns:
        Plain values by prefixed names: version, architecture, size, colour, mean and
        standard deviation (of colours from 0 to 1), and the model's digest, which is
        that of its figures in `results.json`.
    """
    sizes = architecture(variables)
    shape = {"stage_sizes": list(sizes.stage_sizes), "width": sizes.width}
    size = list(image_size)
    facts = {
        "version": ceil_jax.__version__,
        "architecture": shape,
        "size": size,
        **PREPROCESSING,
        "digest": digest.of_model(
            jax.device_get(variables),
            architecture=shape,
            preprocessing=PREPROCESSING | {"image_size": size},
        ),
        **others,
    }
    return {PREFIX + name: value for name, value in facts.items()}


def as_text(facts: Mapping[str, Any]) -> dict[str, str]:
    """Facts for files that keep text only.

    Args:
        facts: Plain values.

    Returns:
        Text as it is, everything else as JSON.
    """
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in facts.items()
    }
