"""Lines over epochs or places, with their names at their ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ceil_jax.report.charts import STYLE, TOKENS, frame, panel, svg

DASHED = (0, (5, 3))
"""A dash that tells a line from a solid one without colours."""


class Line(NamedTuple):
    """One line of `curves`.

    Attributes:
        label: Stands at its end.
        values: (n,) floats; NaN where there is none.
        token: Its colour, a key of `TOKENS`.
        dashed: Whether it is dashed.
        band: Half the height of the band around it, (n,); None for none.
    """

    label: str
    values: Sequence[float] | np.ndarray
    token: str
    dashed: bool = False
    band: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """How `curves` draws.

    Attributes:
        xlabel: Under the axis.
        xticks: Where it is numbered; None for Matplotlib's choice.
        ylim: Limits of the other axis; None for those of the values.
        percent: Whether values are percent.
        stage: Where a dotted line marks the begin of stage 2; None for none.
        reference: A value and its name, for a dotted line across; None for none.
        width: CSS pixels.
        height: CSS pixels.
        right: CSS pixels at the right that the labels need.
    """

    xlabel: str = ""
    xticks: Sequence[float] | None = None
    ylim: tuple[float, float] | None = None
    percent: bool = False
    stage: float | None = None
    reference: tuple[float, str] | None = None
    width: int = 300
    height: int = 200
    right: int = 70


def spread_labels(
    values: Sequence[float], gap: float, within: tuple[float, float]
) -> np.ndarray:
    """Heights of labels, moved apart where they would touch.

    Args:
        values: Where they belong, (n,).
        gap: The least distance of two, in the same unit.
        within: The lowest and the highest place; more labels than there is room for
            reach beyond the lowest.

    Returns:
        Where they stand, (n,), in the order of `values`.
    """
    order = np.argsort(values, kind="stable")
    placed = np.array(values, np.float64)[order]
    for _ in range(200):
        lacks = gap - np.diff(placed)
        if not (lacks > 1e-9).any():
            break
        for i in np.flatnonzero(lacks > 1e-9):
            lack = gap - (placed[i + 1] - placed[i])
            placed[i] -= lack / 2
            placed[i + 1] += lack / 2
    steps = gap * np.arange(len(placed))
    placed = np.maximum(placed, within[0] + steps)
    placed = np.minimum(placed, within[1] - steps[::-1])
    out = np.empty_like(placed)
    out[order] = placed
    return out


def curves(
    name: str,
    title: str,
    description: str,
    x: Sequence[float] | np.ndarray,
    lines: Sequence[Line],
    look: Look,
) -> tuple[Markup, dict[str, Any]]:
    """Lines with their names at their ends.

    Args:
        name: Unique on the page; made of letters, digits and hyphens.
        title: The accessible name.
        description: What it shows, with the first and the last value.
        x: (n,), ascending.
        lines: At least one, each with a finite value.
        look: How it is drawn.

    Returns:
        The drawing, and the data of its read-out.
    """
    figure, axes = panel(look.width, look.height, right=look.right)
    x = np.asarray(x, np.float64)
    with matplotlib.rc_context(STYLE):
        _draw_lines(axes, x, lines)
        if look.ylim is not None:
            axes.set_ylim(*look.ylim)
        # One epoch alone is a point in the middle of an axis of some width.
        alone = len(x) == 1
        axes.set_xlim(*((x[0] - 1, x[0] + 1) if alone else (x[0], x[-1])))
        _label_ends(axes, lines, look)
        if look.stage is not None:
            axes.axvline(look.stage, color=TOKENS["edge"], lw=0.8, ls=(0, (2, 2)))
            _note(
                axes, "stage 2", (look.stage, axes.get_ylim()[1]), (4, 1), va="bottom"
            )
        axes.set_xlabel(look.xlabel, labelpad=4)
        axes.set_xticks([x[0]] if alone else (look.xticks or _ticks(x)))
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=not look.percent))
        if look.percent:
            axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g} %"))
        axes.spines["bottom"].set_position(("outward", 2))
    data = frame(axes) | {
        "xs": [float(v) for v in x],
        "unit": "%" if look.percent else "",
        "xname": look.xlabel,
        "series": [
            [line.label, [_finite(v) for v in line.values], line.token]
            for line in lines
        ],
    }
    return svg(figure, name, title, description), data


def _draw_lines(axes: Axes, x: np.ndarray, lines: Sequence[Line]) -> None:
    for line in lines:
        y = np.asarray(line.values, np.float64)
        colour = TOKENS[line.token]
        if line.band is not None:
            sides = y - line.band, y + line.band
            axes.fill_between(x, *sides, color=colour, alpha=0.16, lw=0)
        style: Any = DASHED if line.dashed else "-"
        axes.plot(x, y, color=colour, ls=style, solid_capstyle="round")
        if np.isfinite(y).sum() == 1:  # a line of one point has no length
            axes.plot(x, y, color=colour, ls="", marker="o", markersize=5)


def _label_ends(axes: Axes, lines: Sequence[Line], look: Look) -> None:
    """The names of lines, and of the reference, at the right."""
    ends: list[tuple[str, float, str]] = []
    for line in lines:
        y = np.asarray(line.values, np.float64)
        ends.append((line.label, float(y[np.isfinite(y)][-1]), line.token))
    if look.reference is not None:
        value, label = look.reference
        axes.axhline(value, color=TOKENS["ink3"], lw=1, ls=(0, (1, 2)))
        ends.append((label, value, "ink3"))
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    gap = 13 * (high - low) / (look.height - 52)
    heights = spread_labels([value for _, value, _ in ends], gap, (low, high))
    for (label, _, token), at in zip(ends, heights, strict=True):
        weight = "normal" if token == "ink3" else "bold"
        _note(axes, label, (1, float(at)), (6, 0), token, weight, of_axes=True)


def _note(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    offset: tuple[float, float],
    token: str = "ink3",
    weight: str = "normal",
    *,
    va: Any = "center",
    of_axes: bool = False,
) -> None:
    axes.annotate(
        text,
        at,
        xycoords=("axes fraction", "data") if of_axes else "data",
        xytext=offset,
        textcoords="offset points",
        va=va,
        color=TOKENS[token],
        annotation_clip=False,
        fontweight=weight,
        fontsize=11 if token == "ink3" else 12,
        parse_math=False,
    )


def _ticks(x: np.ndarray) -> list[float]:
    """The first, the last, and round numbers between that touch neither."""
    inner = MaxNLocator(4, integer=True).tick_values(x[0], x[-1])
    clear = (x[-1] - x[0]) * 0.1
    kept = [v for v in inner if x[0] + clear < v < x[-1] - clear]
    return [float(x[0]), *map(float, kept), float(x[-1])]


def _finite(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
