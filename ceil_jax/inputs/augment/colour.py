"""Colour jitter on 8-bit colours: brightness, contrast, saturation and hue."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ceil_jax.inputs.augment.planes import Planes

STRENGTH = 0.5
BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
_BLENDS = 3  # every change but the hue


class JitterDraws(NamedTuple):
    """Draws of one image's colour jitter.

    Attributes:
        order: The four changes in the order they are made, (4,) int32: 0 brightness,
            1 contrast, 2 saturation, 3 hue.
        factors: Of brightness, contrast and saturation, (3,) float32, 1 = unchanged.
        hue: Shift as a share of the colour circle, () float32 in [-0.5, 0.5].
    """

    order: jax.Array
    factors: jax.Array
    hue: jax.Array


def draw_jitter(key: jax.Array, *, strength: float = STRENGTH) -> JitterDraws:
    """Draw order, factors from U(1 - strength, 1 + strength), hue from +-strength.

    Args:
        key: PRNG key of the image.
        strength: Of all four changes, in [0, 0.5].

    Returns:
        The draws.
    """
    uniform = jax.random.uniform(key, (8,))
    shifts = strength * (2.0 * uniform[4:] - 1.0)
    order = jnp.argsort(uniform[:4]).astype(jnp.int32)
    return JitterDraws(order, 1.0 + shifts[:_BLENDS], shifts[_BLENDS])


def jitter(planes: Planes, draws: JitterDraws) -> Planes:
    """Change brightness, contrast, saturation and hue in the drawn order.

    After every change the colours are whole numbers of 0-255 again, as in Pillow:
    brightness blends with black, contrast with the image's mean grey, saturation with
    the grey image, `base + factor * (x - base)`, and the hue turns in 8-bit HSV.

    Args:
        planes: One image, whole numbers of 0-255 in float32.
        draws: From `draw_jitter`.

    Returns:
        Planes of whole numbers of 0-255, float32.

    References:
        Section 8 of the method: torchvision's ColorJitter(0.5, 0.5, 0.5, 0.5) on a
        Pillow image. The blends are Pillow's to the bit; in a quarter of a percent of
        all pixels the hue, a whole 255th, rounds to its neighbour.
    """
    hue_at = jnp.argmax(draws.order == HUE)
    # The hue is costly and, under vmap, a switch would compute every change at every
    # place. So: the blends that stand before the hue, the hue once, the others.
    # Factor 1 leaves an image exactly as it is.
    blends = draws.order[jnp.argsort(draws.order == HUE, stable=True)][:_BLENDS]
    factors = draws.factors[blends]
    early = jnp.arange(_BLENDS) < hue_at
    for place in range(_BLENDS):
        factor = jnp.where(early[place], factors[place], 1.0)
        planes = _blend(planes, blends[place], factor)
    planes = shift_hue(planes, draws.hue)
    for place in range(_BLENDS):
        factor = jnp.where(early[place], 1.0, factors[place])
        planes = _blend(planes, blends[place], factor)
    return planes


def _blend(planes: Planes, change: jax.Array, factor: jax.Array) -> Planes:
    """Move away from, or towards, the base of a change; truncate to 0-255."""
    luminance = _luminance(planes)
    mean = jnp.floor(luminance.mean() + 0.5)
    base = jnp.where(
        change == SATURATION, luminance, jnp.where(change == CONTRAST, mean, 0.0)
    )
    return Planes(
        *(jnp.floor(jnp.clip(base + factor * (x - base), 0, 255)) for x in planes)
    )


def _luminance(planes: Planes) -> jax.Array:
    """Pillow's 8-bit grey: the weights .299, .587, .114 in 65536ths, rounded.

    All numbers stay below 2**24, so float32 is exact.
    """
    red, green, blue = planes
    weighted = 19595.0 * red + 38470.0 * green + 7471.0 * blue + 32768.0
    return jnp.floor(weighted / 65536.0)


def shift_hue(planes: Planes, shift: jax.Array) -> Planes:
    """Turn the hue in 8-bit HSV, as Pillow converts to it and back.

    Args:
        planes: Whole numbers of 0-255 in float32.
        shift: Share of the colour circle, truncated to whole 255ths, () float32.

    Returns:
        Planes of whole numbers of 0-255, float32.
    """
    hue, saturation, value = _to_hsv(planes)
    turned = jnp.mod(hue + jnp.trunc(shift * 255.0), 256.0)
    return _from_hsv(turned, saturation, value)


def _to_hsv(planes: Planes) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Hue, saturation and value as whole numbers of 0-255."""
    red, green, blue = planes
    value = jnp.maximum(jnp.maximum(red, green), blue)
    span = value - jnp.minimum(jnp.minimum(red, green), blue)
    inverse = 1.0 / jnp.maximum(span, 1.0)
    sixths = jnp.where(
        red == value,
        (green - blue) * inverse,
        jnp.where(
            green == value,
            2.0 + (blue - red) * inverse,
            4.0 + (red - green) * inverse,
        ),
    )
    turns = sixths / 6.0
    turns = jnp.where(turns < 0, turns + 1.0, turns)
    hue = jnp.where(span == 0, 0.0, jnp.floor(turns * 255.0))
    return hue, jnp.floor(span * 255.0 / jnp.maximum(value, 1.0)), value


def _from_hsv(hue: jax.Array, saturation: jax.Array, value: jax.Array) -> Planes:
    """Colours of 8-bit hue, saturation and value."""
    sixths = hue * (6.0 / 255.0)
    share = saturation / 255.0

    def colour(offset: float) -> jax.Array:
        # Pillow's six cases in one: v (1 - s clip(min(k, 4 - k), 0, 1)).
        k = sixths + offset
        k = jnp.where(k >= 6.0, k - 6.0, k)
        return _half_up(value * (1.0 - share * jnp.clip(jnp.minimum(k, 4.0 - k), 0, 1)))

    return Planes(colour(5.0), colour(3.0), colour(1.0))


def _half_up(x: jax.Array) -> jax.Array:
    """Round to whole numbers, halves up, as C's `round` does for positive ones."""
    return jnp.floor(x + 0.5)
