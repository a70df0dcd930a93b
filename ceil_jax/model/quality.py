"""How good an image of a person is, as far as its pixels tell."""

from typing import NamedTuple

import numpy as np

SHARP = 100.0
"""Variance of the Laplacian, squared grey levels, of an image that counts as sharp."""
RICH = 20.0
"""Standard deviation of the grey levels of an image that counts as not empty."""
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


class Quality(NamedTuple):
    """Measures of n images.

    Attributes:
        height: (n,) int32, pixels before resizing.
        width: (n,) int32, likewise.
        sharpness: (n,) float32, variance of the Laplacian of the resized image's grey
            levels; small where it is blurred.
        contrast: (n,) float32, standard deviation of its grey levels; small where it is
            empty.
        score: (n,) float32 in (0, 1], the product of three shares, each at most 1: of
            the model's number of pixels, of `SHARP`, of `RICH`.
    """

    height: np.ndarray
    width: np.ndarray
    sharpness: np.ndarray
    contrast: np.ndarray
    score: np.ndarray


def measure(images: np.ndarray, sizes: np.ndarray) -> Quality:
    """The quality of images.

    Args:
        images: (n, H, W, 3) uint8, as the encoder takes them.
        sizes: (n, 2) int, height and width before resizing.

    Returns:
        The measures. They know nothing of people: use them to weigh or to sort, not to
        reject.
    """
    grey = images.astype(np.float32) @ _GREY
    inside = grey[:, 1:-1, 1:-1]
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2]
    laplacian = around + grey[:, 1:-1, 2:] - 4 * inside
    sharpness = laplacian.var((1, 2))
    contrast = grey.std((1, 2))
    pixels = sizes.prod(1) / (images.shape[1] * images.shape[2])
    shares = [pixels, sharpness / SHARP, contrast / RICH]
    score = np.prod(np.clip(shares, 1e-3, 1), axis=0)
    return Quality(
        sizes[:, 0].astype(np.int32),
        sizes[:, 1].astype(np.int32),
        sharpness.astype(np.float32),
        contrast.astype(np.float32),
        score.astype(np.float32),
    )


def joined(parts: list[Quality]) -> Quality:
    """The measures of several batches as one.

    Args:
        parts: In order.
    """
    if not parts:
        return measure(np.zeros((0, 3, 3, 3), np.uint8), np.zeros((0, 2), int))
    return Quality(*map(np.concatenate, zip(*parts, strict=True)))
