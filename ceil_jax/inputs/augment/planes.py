"""Images as three separate colour planes, and the arithmetic on them.

Colour arithmetic on separate planes runs several times faster than on an array whose
last axis is the colour: the planes are long and contiguous, the colour axis is short.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
GREY_WEIGHTS = (0.2989, 0.5870, 0.1140)


def _wrap_normalised() -> np.ndarray:
    """What `to_bytes` makes of every normalised colour, (3, 256) uint8."""
    colours = np.arange(256, dtype=np.float32) / np.float32(255)
    mean, std = np.asarray(MEAN, np.float32), np.asarray(STD, np.float32)
    scaled = np.float32(255) * ((colours - mean[:, None]) / std[:, None])
    return (scaled.astype(np.int32) & 255).astype(np.uint8)


_WRAPPED = _wrap_normalised()


class Planes(NamedTuple):
    """The colours of one image, each (height, width), of any one dtype."""

    red: jax.Array
    green: jax.Array
    blue: jax.Array


def split(image: jax.Array) -> Planes:
    """Take an image (..., height, width, 3) apart into its planes."""
    return Planes(*(image[..., channel] for channel in range(3)))


def merge(planes: Planes) -> jax.Array:
    """Put planes (..., height, width) together into (..., height, width, 3)."""
    return jnp.stack(planes, axis=-1)


def to_float(planes: Planes) -> Planes:
    """Convert every plane to float32, values unchanged."""
    return Planes(*(jnp.asarray(plane, jnp.float32) for plane in planes))


def normalise_planes(planes: Planes) -> Planes:
    """Scale 0-255 to 0-1, then subtract ImageNet's mean and divide by its deviation.

    Args:
        planes: Planes of 0-255, of any dtype.

    Returns:
        Float32 planes.
    """
    normalised = [
        (plane / 255.0 - mean) / std
        for plane, mean, std in zip(to_float(planes), MEAN, STD, strict=True)
    ]
    return Planes(*normalised)


def normalise(images: jax.Array | np.ndarray) -> jax.Array:
    """Make images ready for the encoder: ImageNet's mean and deviation, no draws.

    Args:
        images: (..., height, width, 3) uint8.

    Returns:
        The same shape, float32.

    Raises:
        ValueError: If `images` is not uint8 or has no three colours.

    References:
        Section 8 of the method, N(.): torchvision's ToTensor and Normalize.
    """
    images = jnp.asarray(images)
    if images.dtype != jnp.uint8 or images.ndim < 3 or images.shape[-1] != 3:
        raise ValueError(
            f"{images.dtype=} and {images.shape=} must be uint8 and (..., h, w, 3)"
        )
    return merge(normalise_planes(split(images)))


def to_bytes(planes: Planes) -> Planes:
    """Convert to 8 bits as the released code does: truncate 255 x, wrap modulo 256.

    Meant for values of 0-1, it is applied to normalised images too, where -1.5
    becomes -382.5, then -382, then 130.

    Args:
        planes: Float planes.

    Returns:
        Planes of whole numbers, 0-255, int32.

    References:
        torchvision's ToPILImage on a float tensor, as the released data loader of
        CEIL applies it to its finished weak view.
    """
    # The truncating conversion, then the low byte of the two's complement.
    return Planes(*((plane * 255.0).astype(jnp.int32) & 255 for plane in planes))


def normalised_to_bytes(planes: Planes) -> Planes:
    """Normalise and convert to 8 bits as `to_bytes` does, by a table.

    Nine of the 768 colours reach whole numbers, where truncation hangs on the last bit
    of a float. The table holds IEEE's results, the released code's; compilers that
    multiply with reciprocals, or fuse, find others.

    Args:
        planes: Planes of 0-255, integers.

    Returns:
        Planes of whole numbers, 0-255, int32.
    """
    wrapped = [
        jnp.take(table, plane.astype(jnp.int32), mode="clip").astype(jnp.int32)
        for table, plane in zip(jnp.asarray(_WRAPPED), planes, strict=True)
    ]
    return Planes(*wrapped)


def grey(planes: Planes) -> jax.Array:
    """Weigh the colours: 0.2989 red + 0.5870 green + 0.1140 blue."""
    red, green, blue = GREY_WEIGHTS
    return red * planes.red + green * planes.green + blue * planes.blue
