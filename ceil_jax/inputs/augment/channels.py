"""Channel augmentation: one channel, or the grey image, in place of all three."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ceil_jax.inputs.augment.planes import Planes, grey
from ceil_jax.inputs.augment.uniform import whole

GREY = 3  # after red, green and blue


class ChannelDraws(NamedTuple):
    """Draws of one infrared image's channel augmentation.

    Attributes:
        choice: 0, 1, 2: red, green or blue; 3: grey or unchanged; () int32.
        chance: With choice 3, grey if it is at most 0.5; uniform, () float32.
    """

    choice: jax.Array
    chance: jax.Array


def draw_channel(key: jax.Array) -> ChannelDraws:
    """Draw one of four choices uniformly, and the chance of the last.

    Args:
        key: PRNG key of the image.

    Returns:
        The draws.
    """
    choice, chance = jax.random.uniform(key, (2,))
    return ChannelDraws(whole(choice, 4), chance)


def copy_channel(planes: Planes, choice: jax.Array) -> Planes:
    """Copy one channel (choice 0, 1, 2), or the grey image (3), to all three.

    Args:
        planes: One image, float32.
        choice: Which, () int.

    Returns:
        Three equal planes.

    References:
        Ye et al., Channel Augmented Joint Learning, ICCV 2021; section 8 of the method:
        the released ChannelExchange. The visible strong view draws 0, 1 or 2.
    """
    red, green, blue = planes
    # Selected plane by plane: a switch under vmap computes every branch anyway.
    plane = jnp.where(choice == 0, red, jnp.where(choice == 1, green, blue))
    plane = jnp.where(choice == GREY, grey(planes), plane)
    return Planes(plane, plane, plane)


def augment_channels(planes: Planes, draws: ChannelDraws) -> Planes:
    """Copy red, green or blue to all three, or make grey, or leave the image alone.

    Args:
        planes: One infrared image, normalised, float32.
        draws: From `draw_channel`.

    Returns:
        Planes of the same size.

    References:
        Section 8 of the method: the released ChannelAdapGray.
    """
    unchanged = (draws.choice == GREY) & (draws.chance > 0.5)
    copied = copy_channel(planes, draws.choice)
    chosen = [
        jnp.where(unchanged, before, after)
        for before, after in zip(planes, copied, strict=True)
    ]
    return Planes(*chosen)
