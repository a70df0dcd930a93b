"""Who the generated people are: body, garments, things carried."""

import dataclasses

import numpy as np

from ceil_jax.datasets.synthetic.palette import (
    CLOTH,
    HAIR,
    SKIN,
    Colour,
    Material,
    contrasting,
    jitter,
    material,
)
from ceil_jax.datasets.synthetic.streams import choice, stream, uniform

UPPER_KINDS = ("tee", "shirt", "shirt", "jacket", "jacket", "coat", "raglan")
LOWER_KINDS = ("trousers", "trousers", "trousers", "shorts", "skirt", "dress")
UPPER_PATTERNS = ("plain",) * 3 + (
    "hoops",
    "bars",
    "checks",
    "yoke",
    "hem",
    "panel",
    "sash",
)
LOWER_PATTERNS = ("plain",) * 5 + ("hem", "checks", "hoops", "yoke")
HAIR_KINDS = ("short", "short", "long", "bob", "bun", "bald")
HAT_KINDS = ("none", "none", "none", "cap", "beanie", "brim")
LOADS = ("none", "backpack", "backpack", "satchel", "handbag", "suitcase", "tote")
PERSON = 1  # purpose of the stream


@dataclasses.dataclass(frozen=True, slots=True)
class Body:
    """Proportions, as shares of the person's own height unless said otherwise.

    Attributes:
        height: Size in the image, 1 for the tallest.
        head: Half the head's height.
        shoulder: Half the shoulders' width.
        waist: Half the waist's width.
        hip: Half the hips' width.
        hip_level: Distance of the hips from the top of the head.
        arm: Half an arm's width.
        leg: Half a leg's width at the thigh.
        stride: Reach of a foot in a full step.
    """

    height: float
    head: float
    shoulder: float
    waist: float
    hip: float
    hip_level: float
    arm: float
    leg: float
    stride: float


@dataclasses.dataclass(frozen=True, slots=True)
class Garment:
    """A garment with its pattern.

    Attributes:
        kind: One of the kinds above.
        pattern: One of the patterns above.
        repeats: How often the pattern repeats over the garment.
        main: Material of the ground.
        accent: Material of the pattern.
    """

    kind: str
    pattern: str
    repeats: float
    main: Material
    accent: Material


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """All that stays the same from image to image of one identity."""

    body: Body
    skin: Material
    hair_kind: str
    hair: Material
    hat_kind: str
    hat: Material
    upper: Garment
    lower: Garment
    shoes: Material
    load_kind: str
    load: Material
    load_side: float  # +1 the person's left, -1 the right
    load_size: float

    def signature(self) -> tuple[str | int, ...]:
        """What a passer-by would remember; no two people of a set share it."""
        return (
            *(self.upper.kind, self.upper.pattern, self.lower.kind, self.load_kind),
            int(self.upper.main.reflectance * 4),
            int(self.lower.main.reflectance * 4),
        )


def draw_people(seed: int, domain: int, count: int, rho: float) -> list[Person]:
    """Draw people none of whom could be taken for another by attributes alone.

    Person i is drawn from a stream of his own; where his signature is taken he is drawn
    again. People of the same (seed, domain) do not depend on how many follow them.

    Args:
        seed: The data set's seed.
        domain: Which set of people: sets with different numbers are independent.
        count: How many people.
        rho: See `Parameters.rho`.

    Returns:
        The people, in order.
    """
    people: list[Person] = []
    taken = set()
    for index in range(count):
        attempt = 0
        person = draw_person(stream(seed, PERSON, domain, index, attempt), rho)
        while person.signature() in taken and attempt < 100:
            attempt += 1
            person = draw_person(stream(seed, PERSON, domain, index, attempt), rho)
        taken.add(person.signature())
        people.append(person)
    return people


def draw_person(rng: np.random.RandomState, rho: float) -> Person:
    """Draw one person.

    Args:
        rng: Stream to draw from.
        rho: See `Parameters.rho`.

    Returns:
        The person.
    """
    body = _draw_body(rng)
    skin = jitter(rng, choice(rng, SKIN), 0.03)
    upper = _draw_garment(rng, rho, UPPER_KINDS, UPPER_PATTERNS, (2.0, 3.5))
    lower = _draw_garment(rng, rho, LOWER_KINDS, LOWER_PATTERNS, (2.0, 3.0))
    return Person(
        body=body,
        skin=Material(skin, uniform(rng, 0.62, 0.78)),
        hair_kind=choice(rng, HAIR_KINDS),
        hair=_draw_cloth(rng, rho, HAIR),
        hat_kind=choice(rng, HAT_KINDS),
        hat=_draw_cloth(rng, rho, CLOTH),
        upper=upper,
        lower=lower,
        shoes=_draw_cloth(rng, rho, CLOTH),
        load_kind=choice(rng, LOADS),
        load=_draw_cloth(rng, rho, CLOTH),
        load_side=choice(rng, (1.0, -1.0)),
        load_size=uniform(rng, 0.8, 1.25),
    )


def _draw_body(rng: np.random.RandomState) -> Body:
    build = uniform(rng, 0.0, 1.0)  # slim to stout
    shoulder = 0.105 + 0.045 * build + uniform(rng, -0.012, 0.012)
    return Body(
        height=uniform(rng, 0.86, 1.0),
        head=uniform(rng, 0.066, 0.082),
        shoulder=shoulder,
        waist=0.070 + 0.055 * build + uniform(rng, -0.010, 0.010),
        hip=0.080 + 0.045 * build + uniform(rng, -0.010, 0.010),
        hip_level=uniform(rng, 0.46, 0.53),
        arm=0.024 + 0.012 * build + uniform(rng, -0.003, 0.003),
        leg=0.038 + 0.020 * build + uniform(rng, -0.004, 0.004),
        stride=uniform(rng, 0.09, 0.14),
    )


def _draw_garment(
    rng: np.random.RandomState,
    rho: float,
    kinds: tuple[str, ...],
    patterns: tuple[str, ...],
    repeats: tuple[float, float],
) -> Garment:
    main = jitter(rng, choice(rng, CLOTH))
    accent = contrasting(rng, main, 0.25)
    own = uniform(rng, 0.08, 0.95)
    return Garment(
        kind=choice(rng, kinds),
        pattern=choice(rng, patterns),
        repeats=uniform(rng, *repeats),
        main=material(main, rho=rho, own=own),
        accent=material(accent, rho=rho, own=own),
    )


def _draw_cloth(
    rng: np.random.RandomState, rho: float, colours: tuple[Colour, ...]
) -> Material:
    colour = jitter(rng, choice(rng, colours))
    return material(colour, rho=rho, own=uniform(rng, 0.08, 0.95))
