"""Random erasing: a rectangle of the image gets one colour."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ceil_jax.inputs.augment.planes import Planes
from ceil_jax.inputs.augment.uniform import whole

PROBABILITY = 0.5
AREA_RANGE = (0.02, 0.4)
ASPECT_RANGE = (0.3, 1 / 0.3)
FILL = (0.4914, 0.4822, 0.4465)
NUM_ATTEMPTS = 100


class ErasingDraws(NamedTuple):
    """Draws of one image's erasing.

    Attributes:
        chance: Erase if it is at most 0.5; uniform in [0, 1), () float32.
        areas: Area of each attempt's rectangle as a share of the image's, (n,) float32.
        aspects: Height over width of each attempt's rectangle, (n,) float32.
        top: First row of the rectangle, () int32.
        left: Its first column, () int32.
    """

    chance: jax.Array
    areas: jax.Array
    aspects: jax.Array
    top: jax.Array
    left: jax.Array


class Rectangle(NamedTuple):
    """Size of the first attempt that fits, and whether any does."""

    height: jax.Array
    width: jax.Array
    fits: jax.Array


def rectangle(
    areas: jax.Array, aspects: jax.Array, image_size: tuple[int, int]
) -> Rectangle:
    """Find the first attempt whose rectangle is smaller than the image on both sides.

    Height is `round(sqrt(area * aspect))`, width `round(sqrt(area / aspect))`, with
    the area in pixels and halves rounded to even.

    Args:
        areas: Share of the image's area of each attempt, (n,).
        aspects: Height over width of each attempt, (n,).
        image_size: Height and width of the image.

    Returns:
        The rectangle; of size 0 if no attempt fits.
    """
    pixels = areas * (image_size[0] * image_size[1])
    heights = jnp.round(jnp.sqrt(pixels * aspects)).astype(jnp.int32)
    widths = jnp.round(jnp.sqrt(pixels / aspects)).astype(jnp.int32)
    fits = (heights < image_size[0]) & (widths < image_size[1])
    first = jnp.argmax(fits)
    any_fits = fits.any()
    return Rectangle(
        jnp.where(any_fits, heights[first], 0),
        jnp.where(any_fits, widths[first], 0),
        any_fits,
    )


def draw_erasing(key: jax.Array, image_size: tuple[int, int]) -> ErasingDraws:
    """Draw whether to erase, all attempts at a rectangle, the place of the first fit.

    Args:
        key: PRNG key of the image.
        image_size: Height and width of the image.

    Returns:
        The draws.
    """
    uniform = jax.random.uniform(key, (2 * NUM_ATTEMPTS + 3,))
    areas = _between(AREA_RANGE, uniform[:NUM_ATTEMPTS])
    aspects = _between(ASPECT_RANGE, uniform[NUM_ATTEMPTS:-3])
    height, width, _ = rectangle(areas, aspects, image_size)
    return ErasingDraws(
        chance=uniform[-3],
        areas=areas,
        aspects=aspects,
        top=whole(uniform[-2], image_size[0] - height + 1),
        left=whole(uniform[-1], image_size[1] - width + 1),
    )


def _between(limits: tuple[float, float], uniform: jax.Array) -> jax.Array:
    """Move draws from [0, 1) to the range between two limits."""
    return limits[0] + (limits[1] - limits[0]) * uniform


def erase(
    planes: Planes,
    draws: ErasingDraws,
    *,
    fill: tuple[float, float, float] = FILL,
) -> Planes:
    """Fill the drawn rectangle of a normalised image.

    Args:
        planes: One image, normalised, float32.
        draws: From `draw_erasing`.
        fill: Red, green and blue of the rectangle.

    Returns:
        Planes of the same size.

    References:
        Zhong et al., Random Erasing, AAAI 2020; section 8 of the method. The fill is
        written after normalisation although its values are means of 0-1 images, as in
        the released code. All attempts are drawn at once, the first that fits is used.
    """
    image_size = planes.red.shape
    height, width, fits = rectangle(
        draws.areas, draws.aspects, (image_size[0], image_size[1])
    )
    rows = jnp.arange(image_size[0])[:, None] - draws.top
    columns = jnp.arange(image_size[1])[None, :] - draws.left
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    inside = inside & fits & (draws.chance <= PROBABILITY)
    filled = [
        jnp.where(inside, value, plane)
        for plane, value in zip(planes, fill, strict=True)
    ]
    return Planes(*filled)
