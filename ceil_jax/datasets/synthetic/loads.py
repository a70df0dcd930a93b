"""Bags, and things that stand between the person and the camera."""

import numpy as np

from ceil_jax.datasets.synthetic.figure import CHIN, HANDS, SHOULDERS, Figure
from ceil_jax.datasets.synthetic.palette import brightness
from ceil_jax.datasets.synthetic.shapes import (
    Band,
    Canvas,
    Scalar,
    band,
    ellipse,
    paint,
)

OCCLUDERS = (
    (0.45, 0.43, 0.41),
    (0.30, 0.40, 0.26),
    (0.50, 0.40, 0.30),
    (0.36, 0.39, 0.44),
)


def paint_load_behind(figure: Figure) -> None:
    """The part of a load that the body hides, painted before the body."""
    person, canvas, poses = figure.person, figure.canvas, figure.poses
    size = person.load_size
    if person.load_kind == "backpack":
        at = -poses.side * (0.055 + 0.35 * person.body.waist + 0.035 * size)
        half = figure.across(0.0, 0.058 * size) + 0.01
        _bag(figure, band(canvas, 0.19, 0.19 + 0.26 * size, at, half), None)
    else:
        _paint_carried(figure, np.where(_away(figure), 1.0, 0.0))


def paint_load_before(figure: Figure) -> None:
    """The part of a load in front of the body, painted after it."""
    person, canvas, poses = figure.person, figure.canvas, figure.poses
    size = person.load_size
    if person.load_kind == "backpack":
        back = np.clip(-poses.front * 3.0, 0.0, 1.0)
        half = figure.across(0.082 * size, 0.058 * size)
        at = -poses.side * 0.08
        _bag(figure, band(canvas, 0.19, 0.19 + 0.26 * size, at, half), back)
        front = np.clip(poses.front * 3.0, 0.0, 1.0)
        for edge in (-1.0, 1.0):
            place = edge * 0.55 * person.body.shoulder * np.abs(poses.front)
            strap = band(canvas, CHIN + 0.03, 0.35, place, 0.014)
            figure.paint(strap, person.load, front)
        return
    if person.load_kind == "satchel":
        slant = person.load_side * poses.front * person.body.hip
        line = (canvas.y - SHOULDERS) / (HANDS - SHOULDERS) * 1.7 - 0.7
        figure.paint(
            band(canvas, SHOULDERS, HANDS - 0.02, slant * line, 0.016), person.load
        )
    _paint_carried(figure, np.where(_away(figure), 0.0, 1.0))


def _away(figure: Figure) -> np.ndarray:
    """Whether the load hangs on the side away from the camera, (n, 1)."""
    return figure.person.load_side * figure.poses.side > 0.5


def _paint_carried(figure: Figure, weight: np.ndarray) -> None:
    person, canvas, poses = figure.person, figure.canvas, figure.poses
    size, hip = person.load_size, person.body.hip
    reach = person.load_side * poses.front
    if person.load_kind == "satchel":
        half = figure.across(0.050 * size, 0.075 * size)
        bag = band(canvas, 0.43, 0.43 + 0.14 * size, reach * (hip + 0.025), half)
    elif person.load_kind == "handbag":
        half = figure.across(0.045 * size, 0.070 * size)
        at = reach * (person.body.shoulder + 0.035) - poses.side * 0.02
        bag = band(canvas, HANDS, HANDS + 0.115 * size, at, half)
    elif person.load_kind == "tote":
        half = figure.across(0.042 * size, 0.075 * size)
        at = reach * (person.body.shoulder + 0.005) - poses.side * 0.02
        bag = band(canvas, 0.31, 0.31 + 0.19 * size, at, half)
    elif person.load_kind == "suitcase":
        half = figure.across(0.072 * size, 0.055 * size)
        at = reach * 0.175 - poses.side * 0.19
        top, bottom = figure.level(0.97 - 0.25 * size), figure.level(0.98)
        handle = band(canvas, HANDS + 0.02, top, 0.95 * at, 0.009)
        figure.shade(handle, 0.6 * weight)
        bag = band(canvas, top, bottom, at, half)
    else:
        return
    _bag(figure, bag, weight)


def _bag(figure: Figure, bag: Band, weight: np.ndarray | None) -> None:
    """A bag with a darker flap and edge, so that it stands out from the cloth."""
    seen: Scalar = 1.0 if weight is None else weight[:, :, None]
    figure.paint(bag, figure.person.load, seen * np.ones_like(bag.v))
    flap = np.clip((0.36 - bag.v) * 10.0, 0.0, 1.0)
    edge = np.clip((np.abs(bag.u) - 0.6) * 3.0, 0.0, 1.0)
    figure.shade(bag, seen * (0.14 * flap + 0.22 * edge))


def paint_occluder(
    canvas: Canvas, draws: np.ndarray, share: float, infrared: bool
) -> None:
    """A pillar at one side, a low wall, or a bush, in some of the images.

    Args:
        canvas: In units of the image's height, from its top and its middle.
        draws: (n, 4) numbers in [0, 1): whether and which kind, place, size, colour.
        share: Share of the images that get one.
        infrared: Whether reflectances are painted.
    """
    chosen = draws[:, 0] < share
    if not chosen.any():
        return
    kind = np.floor(draws[:, :1] * 3.0 / share)
    place, size = draws[:, 1:2], draws[:, 2:3]
    y = canvas.y
    edge = np.where(place < 0.5, -1.0, 1.0)
    reach = 0.5 * canvas.image.shape[3] / canvas.image.shape[2]
    top = np.where(kind == 0.0, -1.0, 0.80 - 0.16 * size)
    pillar = 0.05 + 0.07 * size
    bush = ellipse(y, 1.0, 1.0 - top, 0.13 + 0.10 * size)
    half = np.where(kind == 0.0, pillar, np.where(kind == 1.0, 1.0, bush))
    at = np.where(kind == 1.0, 0.0, edge * (reach - pillar * place))
    shape = band(canvas, top, 2.0, at, half)
    colours = np.array(OCCLUDERS)[np.floor(draws[:, 3] * 4.0).astype(np.int64)]
    if infrared:
        luma = brightness(colours[:, 0], colours[:, 1], colours[:, 2])
        values = [luma]
    else:
        values = [colours[:, channel] for channel in range(3)]
    paint(
        canvas,
        shape,
        [value[:, None, None] for value in values],
        np.where(chosen, 1.0, 0.0)[:, None],
    )
