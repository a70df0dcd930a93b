"""Plots of cost against size, on two logarithmic axes."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.figure import Figure

from benchmarks.record import Curve


def joined(curves: Sequence[Curve]) -> list[Curve]:
    """Curves of one plot and label as one, by size.

    Args:
        curves: Of any records: a long measurement adds points to a curve of the suite.

    Returns:
        One curve for each plot and label, in the order of the first.
    """
    points: dict[tuple[str, str], dict[float, float]] = {}
    first: dict[tuple[str, str], Curve] = {}
    for curve in curves:
        key = curve.plot, curve.label
        first.setdefault(key, curve)
        points.setdefault(key, {}).update(zip(curve.x, curve.y, strict=True))
    result = []
    for key, curve in first.items():
        x, y = zip(*sorted(points[key].items()), strict=True)
        result.append(
            Curve(curve.plot, curve.label, curve.x_label, curve.y_label, x, y)
        )
    return result


def draw(curves: Sequence[Curve]) -> Figure:
    """One plot, with a line of linear growth to compare with.

    Args:
        curves: Of the same plot.

    Returns:
        The figure.
    """
    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for curve in curves:
        axes.plot(curve.x, curve.y, marker="o", label=curve.label)
    start = max(curves, key=lambda curve: len(curve.x))
    ends = min(start.x), max(start.x)
    linear = [start.y[start.x.index(ends[0])] * x / ends[0] for x in ends]
    axes.plot(ends, linear, color="grey", linestyle=":", label="linear growth")
    axes.set(xscale="log", yscale="log")
    axes.set(xlabel=start.x_label, ylabel=start.y_label)
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.legend()
    return figure


def draw_all(curves: Sequence[Curve], folder: Path) -> list[Path]:
    """Draw every plot that the curves belong to.

    Args:
        curves: Of any records.
        folder: Where pictures go.

    Returns:
        The pictures.
    """
    by_plot: dict[str, list[Curve]] = {}
    for curve in joined(curves):
        by_plot.setdefault(curve.plot, []).append(curve)
    paths = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, members in by_plot.items():
        figure = draw(members)
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=120, metadata={"Software": None})
        pyplot.close(figure)
        paths.append(path)
    return paths
