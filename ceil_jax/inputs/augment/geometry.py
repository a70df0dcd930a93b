"""Zero padding, random crop and mirror."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ceil_jax.inputs.augment.planes import Planes
from ceil_jax.inputs.augment.uniform import whole


class CropDraws(NamedTuple):
    """Draws of one image's crop and mirror.

    Attributes:
        top: First row of the crop in the padded image, () int32.
        left: Its first column, () int32.
        mirror: Whether the crop is mirrored, () bool.
    """

    top: jax.Array
    left: jax.Array
    mirror: jax.Array


def draw_crop(key: jax.Array, *, pad: int) -> CropDraws:
    """Draw where to crop, uniformly over the padding, and whether to mirror (p=0.5).

    Args:
        key: PRNG key of the image.
        pad: Pixels of padding on each side.

    Returns:
        The draws.
    """
    top, left, mirror = jax.random.uniform(key, (3,))
    places = 2 * pad + 1
    return CropDraws(whole(top, places), whole(left, places), mirror < 0.5)


def crop(planes: Planes, draws: CropDraws, *, pad: int) -> Planes:
    """Pad with zeros, crop back to the size that came in, and mirror.

    Args:
        planes: One image.
        draws: From `draw_crop`, with the same padding.
        pad: Pixels of padding on each side.

    Returns:
        Planes of the same size and dtype.

    References:
        Section 8 of the method: torchvision's Pad, RandomCrop, RandomHorizontalFlip.
    """

    def move(plane: jax.Array) -> jax.Array:
        padded = jnp.pad(plane, pad)
        window = lax.dynamic_slice(padded, (draws.top, draws.left), plane.shape)
        return jnp.where(draws.mirror, window[:, ::-1], window)

    return Planes(*(move(plane) for plane in planes))
