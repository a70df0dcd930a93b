"""The size of a model's images: checked in one place, and noted in files of weights."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ceil_jax.common.checks import shown

KEY = "ceil.size"
"""Under which `.safetensors` files of ours hold it in their metadata."""
LEAST_SIDE = 16
"""In pixels: a smaller image ends before the encoder's last stage."""


def check(image_size: Any, name: str = "image_size") -> tuple[int, int]:
    """Refuse what is no size of images.

    Args:
        image_size: (height, width) in pixels, as a user gave it.
        name: What the user knows it by.

    Returns:
        (height, width) as Python's own whole numbers.

    Raises:
        ValueError: It is not two whole numbers of at least `LEAST_SIDE`.
    """
    given = image_size.tolist() if isinstance(image_size, np.ndarray) else image_size
    is_text = isinstance(given, str | bytes)
    sides = [*given] if isinstance(given, Sequence) and not is_text else []
    if len(sides) != 2 or not all(
        isinstance(side, int | np.integer) and side >= LEAST_SIDE for side in sides
    ):
        raise ValueError(
            f"{name}={shown(image_size)} must be (height, width), whole numbers from "
            f"{LEAST_SIDE} on"
        )
    height, width = map(int, sides)
    return height, width


def as_metadata(image_size: tuple[int, int]) -> dict[str, str]:
    """What a `.safetensors` file says of the size.

    Args:
        image_size: (height, width) in pixels.

    Returns:
        Text by key.
    """
    return {KEY: json.dumps([*image_size])}


def from_metadata(metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """Undo `as_metadata`.

    Args:
        metadata: Of a file, ours or any other.

    Returns:
        (height, width) in pixels; None where the file does not tell.

    Raises:
        ValueError: What it tells is no size.
    """
    if KEY not in metadata:
        return None
    try:
        found = json.loads(metadata[KEY])
    except (ValueError, RecursionError):
        found = metadata[KEY]
    return check(found, f"its metadata {KEY}")
