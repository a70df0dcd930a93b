"""Soft-edged shapes on a batch of images, made of exactly rounded operations only.

A shape is a band of rows: at each height a centre and a half width. Every body part,
bag and occluder is one, which keeps a batch of images within few array operations. All
lengths are in units of the person: 0 at the top of the head, 1 at the feet.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

Scalar = float | np.ndarray  # (n, 1) where it differs from image to image


@dataclasses.dataclass(slots=True)
class Canvas:
    """Images being painted, and their coordinates in units of the person.

    Attributes:
        image: (n, c, H, W) float64 in [0, 1], painted in place.
        x: (n, 1, W) distance to the right of the person's middle.
        y: (n, H) distance below the top of the head.
        pixel: (n, 1) size of a pixel.
    """

    image: np.ndarray
    x: np.ndarray
    y: np.ndarray
    pixel: np.ndarray


@dataclasses.dataclass(slots=True)
class Band:
    """A shape on a canvas, cut to the rows that it reaches.

    Attributes:
        rows: The rows.
        mask: (n, h, W) coverage in [0, 1].
        u: (n, h, W) place across the shape, -1 to 1 from edge to edge.
        v: (n, h, 1) place down the shape, 0 to 1.
    """

    rows: slice
    mask: np.ndarray
    u: np.ndarray
    v: np.ndarray


def profile(y: np.ndarray, knots: Sequence[tuple[Scalar, Scalar]]) -> np.ndarray:
    """A quantity that changes in straight lines between given heights.

    Args:
        y: (n, H) heights.
        knots: (height, value) pairs from top to bottom; constant beyond the ends.

    Returns:
        The quantity, (n, H).
    """
    value = np.zeros_like(y) + knots[0][1]
    for (y0, v0), (y1, v1) in itertools.pairwise(knots):
        value += np.clip((y - y0) / (y1 - y0), 0.0, 1.0) * (v1 - v0)
    return value


def ellipse(y: np.ndarray, middle: Scalar, radius: Scalar, half: Scalar) -> np.ndarray:
    """Half widths of an ellipse.

    Args:
        y: (n, H) heights.
        middle: Height of its centre.
        radius: Its vertical radius.
        half: Its horizontal radius.

    Returns:
        (n, H) half widths, 0 above and below it.
    """
    t = (y - middle) / radius
    return half * np.sqrt(np.maximum(1.0 - t * t, 0.0))


def band(
    canvas: Canvas, top: Scalar, bottom: Scalar, centre: Scalar, half: Scalar
) -> Band:
    """The shape between two heights.

    Args:
        canvas: Where it is.
        top: Height at which it begins.
        bottom: Height at which it ends.
        centre: Its middle, (n, H) or any shape that broadcasts to it.
        half: Its half width, likewise; nothing is drawn where it is 0 or less.

    Returns:
        The shape.
    """
    y, pixel = canvas.y, canvas.pixel
    cover = np.clip((y - top) / pixel + 0.5, 0.0, 1.0)
    cover = cover * np.clip((bottom - y) / pixel + 0.5, 0.0, 1.0)
    half = np.zeros_like(y) + half
    cover = cover * np.clip(half / pixel, 0.0, 1.0)
    reached = np.flatnonzero(cover.any(axis=0))
    rows = slice(int(reached[0]), int(reached[-1]) + 1) if reached.size else slice(0)
    centre = np.broadcast_to(centre, y.shape)[:, rows, None]
    half = half[:, rows, None]
    offset = canvas.x - centre
    mask = np.clip((half - np.abs(offset)) / pixel[:, :, None] + 0.5, 0.0, 1.0)
    mask *= cover[:, rows, None]
    u = offset / np.maximum(half, pixel[:, :, None])
    v = np.clip((y - top) / (bottom - top), 0.0, 1.0)[:, rows, None]
    return Band(rows, mask, u, v)


def paint(
    canvas: Canvas,
    shape: Band,
    channels: Sequence[Scalar],
    weight: Scalar | None = None,
) -> None:
    """Lay a colour over the images where a shape is.

    Args:
        canvas: Changed in place.
        shape: Where to paint.
        channels: A value per channel of the image.
        weight: Opacity, a number, (n, 1) or (n, h, W); opaque without it.
    """
    mask = shape.mask
    if isinstance(weight, np.ndarray) and weight.ndim == 2:
        weight = weight[:, :, None]
    if weight is not None:
        mask = mask * weight
    for channel, value in enumerate(channels):
        part = canvas.image[:, channel, shape.rows]
        part += mask * (value - part)


def stripes(place: np.ndarray, repeats: float) -> np.ndarray:
    """Soft square wave: 0 and 1 in turns, `repeats` times each from place 0 to 1.

    Args:
        place: Coordinates along the wave.
        repeats: Periods per unit.

    Returns:
        Values in [0, 1] of the same shape.
    """
    phase = place * repeats
    phase = phase - np.floor(phase)
    return np.clip(4.0 * (np.abs(phase - 0.5) - 0.25) + 0.5, 0.0, 1.0)


def texture(shape: Band, pattern: str, repeats: float) -> np.ndarray | None:
    """How much of the accent colour shows at each place of a garment.

    Args:
        shape: The garment.
        pattern: "plain", "hoops" (stripes across), "bars" (stripes along), "checks",
            "yoke" (upper part), "hem" (lower part), "panel" (a large patch) or "sash".
        repeats: Periods of a repeating pattern over the garment.

    Returns:
        Weights in [0, 1] for `paint`, or None for a plain garment.
    """
    u, v = shape.u, shape.v
    if pattern == "hoops":
        return np.broadcast_to(stripes(v, repeats), shape.mask.shape)
    if pattern == "bars":
        return stripes((u + 1.0) * 0.5, repeats)
    if pattern == "checks":
        across, down = stripes((u + 1.0) * 0.5, repeats - 0.5), stripes(v, repeats)
        return across + down - 2.0 * across * down
    if pattern == "yoke":
        return np.broadcast_to(np.clip((0.42 - v) * 12.0, 0.0, 1.0), shape.mask.shape)
    if pattern == "hem":
        return np.broadcast_to(np.clip((v - 0.55) * 12.0, 0.0, 1.0), shape.mask.shape)
    if pattern == "panel":
        across = np.clip((0.62 - np.abs(u)) * 6.0, 0.0, 1.0)
        return across * np.clip((0.21 - np.abs(v - 0.43)) * 12.0, 0.0, 1.0)
    if pattern == "sash":
        return np.clip((0.26 - np.abs(v - 0.42 - 0.34 * u)) * 9.0, 0.0, 1.0)
    return None
