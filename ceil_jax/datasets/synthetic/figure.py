"""The body and the clothes of a person, painted part by part from back to front."""

import dataclasses

import numpy as np

from ceil_jax.datasets.synthetic.palette import Material
from ceil_jax.datasets.synthetic.people import Garment, Person
from ceil_jax.datasets.synthetic.poses import Poses
from ceil_jax.datasets.synthetic.shapes import (
    Band,
    Canvas,
    Scalar,
    band,
    ellipse,
    paint,
    profile,
    texture,
)

CHIN, SHOULDERS, HANDS, KNEES, ANKLES = 0.13, 0.175, 0.50, 0.73, 0.955
SLEEVE_PATTERNS = ("hoops", "checks", "yoke", "hem")


@dataclasses.dataclass(slots=True)
class Figure:
    """One person in n poses on a canvas.

    Attributes:
        canvas: Where to paint.
        person: Who.
        poses: How, in each image.
        infrared: Whether reflectances are painted, not colours.
    """

    canvas: Canvas
    person: Person
    poses: Poses
    infrared: bool

    def across(self, wide: Scalar, deep: Scalar) -> np.ndarray:
        """Half width of an elliptic section seen from each image's direction.

        Args:
            wide: Half axis from side to side.
            deep: Half axis from front to back.
        """
        front, side = self.poses.front * wide, self.poses.side * deep
        return np.sqrt(front * front + side * side)

    def far(self) -> np.ndarray:
        """Which side of the person is away from the camera: 1 left, -1 right."""
        return np.where(self.poses.side >= 0.0, 1.0, -1.0)

    def level(self, y: float) -> np.ndarray:
        """Height of a point of the legs after the camera's shortening, (n, 1)."""
        hip = self.person.body.hip_level
        return hip + (y - hip) * self.poses.legs

    def paint(
        self, shape: Band, material: Material, weight: Scalar | None = None
    ) -> None:
        """Paint a shape in a material.

        Args:
            shape: Which pixels.
            material: Visible colour and infrared reflectance.
            weight: Opacity in [0, 1].
        """
        paint(self.canvas, shape, material.channels(self.infrared), weight)

    def shade(self, shape: Band, weight: Scalar) -> None:
        """Darken a shape.

        Args:
            shape: Which pixels.
            weight: How much, in [0, 1].
        """
        paint(self.canvas, shape, (0.0,) * self.canvas.image.shape[1], weight)

    def dress(self, shape: Band, garment: Garment, *, sleeve: bool = False) -> None:
        """Paint a shape in a garment's ground and pattern.

        Args:
            shape: Which pixels.
            garment: Ground, pattern and their materials.
            sleeve: Whether it is an arm of it.
        """
        self.paint(shape, garment.main)
        if sleeve and garment.pattern not in SLEEVE_PATTERNS:
            return
        accent = texture(shape, garment.pattern, garment.repeats)
        if accent is not None:
            self.paint(shape, garment.accent, accent)


def paint_shadow(figure: Figure) -> None:
    """A soft shadow on the ground under the feet."""
    canvas, feet = figure.canvas, figure.level(1.0)
    half = ellipse(canvas.y, feet - 0.005, 0.035, 0.20)
    figure.shade(band(canvas, feet - 0.04, feet + 0.03, 0.0, half), 0.28)


def paint_arm(figure: Figure, which: np.ndarray) -> None:
    """One arm with its sleeve and hand.

    Args:
        figure: The person.
        which: (n, 1) 1 for the person's left arm, -1 for the right one.
    """
    canvas, person, poses = figure.canvas, figure.person, figure.poses
    body, upper = person.body, person.upper
    reach = which * poses.front
    shoulder = reach * (body.shoulder - 0.4 * body.arm)
    swing = -which * poses.side * poses.swing
    elbow = shoulder + reach * 0.018 + swing * 0.035 - poses.side * 0.01
    hand = shoulder + reach * 0.022 + swing * 0.11 + poses.side * 0.03
    centre = profile(
        canvas.y, [(SHOULDERS + 0.02, shoulder), (0.34, elbow), (HANDS, hand)]
    )
    width = body.arm * (1.25 if upper.kind in ("coat", "jacket") else 1.05)
    half = profile(
        canvas.y,
        [
            (SHOULDERS, 0.5 * width),
            (SHOULDERS + 0.03, width),
            (0.36, 0.9 * width),
            (HANDS, 0.7 * width),
        ],
    )
    arm = band(canvas, SHOULDERS, HANDS, centre, half)
    hand_half = ellipse(canvas.y, HANDS + 0.005, 0.028, 0.9 * body.arm)
    figure.paint(band(canvas, HANDS - 0.02, HANDS + 0.03, hand, hand_half), person.skin)
    if upper.kind == "raglan":
        figure.paint(arm, upper.accent)
    else:
        figure.dress(arm, upper, sleeve=True)
    if upper.kind == "tee":
        bare = band(canvas, 0.31, HANDS, centre, 0.85 * half)
        figure.paint(bare, person.skin)
    figure.shade(arm, 0.10 + 0.10 * np.abs(arm.u))


def paint_leg(figure: Figure, which: np.ndarray, darker: float) -> None:
    """One leg with trousers, shorts or bare, and its shoe.

    Args:
        figure: The person.
        which: (n, 1) 1 for the person's left leg, -1 for the right one.
        darker: How much shade it lies in.
    """
    canvas, person, poses = figure.canvas, figure.person, figure.poses
    body, lower = person.body, person.lower
    hips = which * poses.front * body.hip * 0.52
    reach = which * poses.side * poses.step * body.stride
    knee = hips + 0.55 * reach + poses.side * 0.012
    foot = 1.05 * hips + reach
    lift = 0.025 * np.maximum(which * poses.step * poses.front, 0.0)
    knees, ankles = figure.level(KNEES), figure.level(ANKLES) - lift
    centre = profile(canvas.y, [(body.hip_level, hips), (knees, knee), (ankles, foot)])
    loose = {"trousers": 1.05, "shorts": 1.15}.get(lower.kind, 0.8)
    ends = 0.8 if lower.kind == "trousers" else 0.55
    half = profile(
        canvas.y,
        [(body.hip_level, loose * body.leg), (ankles, ends * loose * body.leg)],
    )
    shoe = ellipse(canvas.y, ankles + 0.03, 0.035, figure.across(0.036, 0.058))
    toes = foot + poses.side * 0.022
    figure.paint(band(canvas, ankles - 0.005, ankles + 0.045, toes, shoe), person.shoes)
    leg = band(canvas, body.hip_level - 0.03, ankles, centre, half)
    if lower.kind == "trousers":
        figure.dress(leg, lower)
    else:
        figure.paint(leg, person.skin)
    if lower.kind == "shorts":
        top, bottom = body.hip_level - 0.03, knees - 0.02
        figure.dress(band(canvas, top, bottom, centre, 1.12 * half), lower)
    figure.shade(leg, darker + 0.14 * np.abs(leg.u))


def paint_skirt(figure: Figure) -> None:
    """A skirt, in the upper garment's cloth where it belongs to a dress."""
    person, canvas = figure.person, figure.canvas
    body, lower = person.body, person.lower
    if lower.kind not in ("skirt", "dress"):
        return
    top, bottom = body.hip_level - 0.06, figure.level(KNEES + 0.02)
    half = profile(
        canvas.y,
        [
            (top, figure.across(0.92 * body.hip, 0.8 * body.hip)),
            (bottom, figure.across(1.5 * body.hip, 1.4 * body.hip)),
        ],
    )
    skirt = band(canvas, top, bottom, 0.0, half)
    figure.dress(skirt, person.upper if lower.kind == "dress" else lower)
    figure.shade(skirt, 0.16 * np.abs(skirt.u))


def paint_torso(figure: Figure) -> None:
    """The upper garment, and what an open jacket shows underneath."""
    person, canvas, poses = figure.person, figure.canvas, figure.poses
    body, upper = person.body, person.upper
    hem: Scalar = body.hip_level + 0.02
    flare = body.hip
    if upper.kind == "coat":
        hem, flare = figure.level(0.69), 1.2 * body.hip
    loose = 1.08 if upper.kind in ("coat", "jacket") else 1.0
    wide = [
        (CHIN + 0.025, 0.45 * body.shoulder),
        (SHOULDERS - 0.002, 0.84 * body.shoulder),
        (SHOULDERS + 0.03, body.shoulder),
        (0.34, loose * body.waist + 0.012),
        (hem, loose * flare),
    ]
    half = profile(canvas.y, [(y, figure.across(w, 0.035 + 0.42 * w)) for y, w in wide])
    torso = band(canvas, CHIN + 0.025, hem, 0.0, half)
    figure.dress(torso, upper)
    if upper.kind in ("jacket", "coat"):
        opening = np.clip(
            (0.24 - np.abs(torso.u - 0.8 * poses.side[:, :, None])) * 9, 0, 1
        )
        seen = np.clip(poses.front * 2.0, 0.0, 1.0)[:, :, None]
        inner = person.lower.accent if upper.pattern != "plain" else upper.accent
        figure.paint(torso, inner, opening * seen)
    figure.shade(torso, 0.20 * torso.u * torso.u)


def paint_head(figure: Figure) -> None:
    """Neck, hair, face and hat."""
    person, canvas, poses = figure.person, figure.canvas, figure.poses
    head, side = person.body.head, poses.side
    bald = person.hair_kind == "bald"
    lean = 0.012 * side
    neck = band(canvas, CHIN - 0.02, SHOULDERS, 0.5 * lean, 0.42 * head)
    figure.paint(neck, person.skin)
    figure.shade(neck, 0.12)
    if person.hair_kind in ("long", "bob"):
        end = 0.25 if person.hair_kind == "long" else 0.165
        width = figure.across(0.95 * head, 0.55 * head)
        figure.paint(
            band(canvas, 0.5 * head, end, lean - 0.45 * head * side, width),
            person.hair,
        )
    skull = ellipse(canvas.y, head, head, 0.80 * head)
    figure.paint(
        band(canvas, 0.0, 2 * head, lean, skull), person.skin if bald else person.hair
    )
    if person.hair_kind == "bun":
        bun = ellipse(canvas.y, 0.1 * head, 0.5 * head, 0.5 * head)
        at = lean - 0.6 * head * side
        figure.paint(band(canvas, -0.4 * head, 0.6 * head, at, bun), person.hair)
    face = ellipse(canvas.y, 1.22 * head, 0.76 * head, 0.60 * head)
    shown = np.clip((poses.front + 0.5) * 2.0, 0.0, 1.0)
    at = lean + 0.25 * head * side
    figure.paint(band(canvas, 0.4 * head, 2 * head, at, face), person.skin, shown)
    _paint_hat(figure, lean)


def _paint_hat(figure: Figure, lean: np.ndarray) -> None:
    person, canvas, poses = figure.person, figure.canvas, figure.poses
    head = person.body.head
    if person.hat_kind == "none":
        return
    crown = ellipse(canvas.y, 0.75 * head, 0.95 * head, 0.90 * head)
    figure.paint(band(canvas, -0.25 * head, 0.72 * head, lean, crown), person.hat)
    if person.hat_kind == "brim":
        brim = band(canvas, 0.5 * head, 0.8 * head, lean, 1.55 * head)
        figure.paint(brim, person.hat)
    if person.hat_kind == "cap":
        at = lean + 0.75 * head * poses.side
        seen = np.clip((poses.front + 0.5) * 2.0, 0.0, 1.0)
        peak = band(canvas, 0.55 * head, 0.8 * head, at, 0.75 * head)
        figure.paint(peak, person.hat, seen)
        figure.shade(peak, 0.2 * seen)
