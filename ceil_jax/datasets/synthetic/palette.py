"""Colours of cloth, skin and hair, and what an infrared camera sees of them."""

from typing import NamedTuple, TypeVar

import numpy as np

from ceil_jax.datasets.synthetic.streams import choice, uniform

CLOTH = (
    (0.10, 0.10, 0.12),  # black
    (0.27, 0.28, 0.31),  # charcoal
    (0.55, 0.56, 0.58),  # grey
    (0.92, 0.91, 0.88),  # white
    (0.13, 0.17, 0.36),  # navy
    (0.20, 0.36, 0.68),  # blue
    (0.53, 0.72, 0.88),  # sky
    (0.76, 0.16, 0.18),  # red
    (0.44, 0.12, 0.19),  # maroon
    (0.91, 0.51, 0.17),  # orange
    (0.93, 0.80, 0.30),  # yellow
    (0.18, 0.45, 0.25),  # green
    (0.44, 0.46, 0.24),  # olive
    (0.13, 0.50, 0.52),  # teal
    (0.45, 0.27, 0.56),  # purple
    (0.90, 0.60, 0.68),  # pink
    (0.40, 0.27, 0.18),  # brown
    (0.79, 0.69, 0.53),  # beige
)
SKIN = ((0.95, 0.78, 0.66), (0.85, 0.65, 0.50), (0.65, 0.45, 0.32), (0.42, 0.28, 0.20))
HAIR = (
    (0.09, 0.07, 0.07),
    (0.24, 0.15, 0.10),
    (0.46, 0.30, 0.17),
    (0.82, 0.68, 0.42),
    (0.62, 0.61, 0.60),
)
Colour = tuple[float, float, float]
Channel = TypeVar("Channel", float, np.ndarray)


class Material(NamedTuple):
    """One colour of one thing, for both kinds of camera.

    Attributes:
        colour: Red, green, blue, each in [0, 1].
        reflectance: What an infrared camera sees, in [0, 1].
    """

    colour: Colour
    reflectance: float

    def channels(self, infrared: bool) -> tuple[float, ...]:
        """Three visible channels, or one infrared channel."""
        return (self.reflectance,) if infrared else self.colour


def brightness(red: Channel, green: Channel, blue: Channel) -> Channel:
    """Luma of a colour or of many, 0.299 red + 0.587 green + 0.114 blue.

    Args:
        red: In [0, 1].
        green: In [0, 1].
        blue: In [0, 1].
    """
    return 0.299 * red + 0.587 * green + 0.114 * blue


def jitter(rng: np.random.RandomState, colour: Colour, amount: float = 0.05) -> Colour:
    """A colour near the given one, each channel kept in [0.03, 0.97].

    Args:
        rng: Source of the draw.
        colour: Red, green, blue in [0, 1].
        amount: Largest change of a channel.
    """
    red, green, blue = (
        min(0.97, max(0.03, channel + uniform(rng, -amount, amount)))
        for channel in colour
    )
    return red, green, blue


def material(colour: Colour, *, rho: float, own: float) -> Material:
    """A material whose reflectance follows its brightness in part.

    reflectance = rho x brightness + (1 - rho) x own

    Args:
        colour: Visible colour.
        rho: Share of the brightness, in [0, 1].
        own: The garment's own random reflectance, in [0, 1].

    Returns:
        The material.
    """
    return Material(colour, rho * brightness(*colour) + (1 - rho) * own)


def contrasting(rng: np.random.RandomState, colour: Colour, least: float) -> Colour:
    """A cloth colour whose brightness differs from that of `colour` by `least` or more.

    Args:
        rng: Stream to draw from.
        colour: Colour to stand out from.
        least: Least difference of brightness, below 0.35.

    Returns:
        The other colour.
    """
    own = brightness(*colour)
    options = [c for c in CLOTH if abs(brightness(*c) - own) >= least + 0.05]
    return jitter(rng, choice(rng, options), 0.04)
