"""The epochs of several runs as curves over each other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.report.charts import Chart, Numbers
from ceil_jax.report.curves import Line, Look, curves
from ceil_jax.report.runs import NOUNS, SETTINGS, OneRun, Runs
from ceil_jax.report.sections import words

MOST_LINES = 10
"""Runs that have a line each; of more the mean is drawn, with a band."""
_OF_SETTINGS = ("accent", "plain", "infrared", "visible", "right", "ink2")
_SIZE = 380  # CSS pixels across a chart, two a row
_NAN = float("nan")


class Metric(NamedTuple):
    """A curve of every run.

    Attributes:
        name: Made of letters and hyphens.
        title: Above the chart.
        says: What is to be known of it.
        of: The value of an epoch; None where it has none.
        percent: Whether it is percent.
    """

    name: str
    title: str
    says: str
    of: Callable[[Mapping[str, Any]], Any]
    percent: bool = False


def _of_side(key: str, side: str, times: float = 1) -> Callable[[Any], Any]:
    def of(epoch: Mapping[str, Any]) -> Any:
        found = epoch.get(side)
        value = found.get(key) if isinstance(found, Mapping) else None
        return None if value is None else times * value

    return of


def _right(epoch: Mapping[str, Any]) -> Any:
    share = epoch.get("right_matches")
    return None if share is None else 100 * share


METRICS = (
    Metric(
        "matches",
        "Right matches across modalities",
        "Clusters whose partner shows one person.",
        _right,
        True,
    ),
    *(
        Metric(
            f"clusters-{side}",
            f"Clusters, {side}",
            "How many there are.",
            _of_side("clusters", side),
        )
        for side in ("visible", "infrared")
    ),
    *(
        Metric(
            f"recall-{side}",
            f"Recall of clusters, {side}",
            "Pairs of images of one person that share a cluster.",
            _of_side("recall", side, 100),
            True,
        )
        for side in ("visible", "infrared")
    ),
)


def charts_of(runs: Runs) -> Iterator[Chart]:
    """Every metric of the epochs, a line for each run.

    Args:
        runs: Everything on the page.

    Yields:
        A chart of each of `METRICS` that a run has.
    """
    for metric in METRICS:
        known = []
        for run in runs.runs:
            of_run = {int(e["epoch"]): _number(metric.of(e)) for e in run.epochs}
            if np.isfinite(list(of_run.values())).any():
                known.append((run, of_run))
        if known:
            yield _chart(runs, metric, known)


def _number(value: Any) -> float:
    is_one = isinstance(value, int | float) and np.isfinite(value)
    return float(value) if is_one else _NAN


def _chart(
    runs: Runs, metric: Metric, known: Sequence[tuple[OneRun, Mapping[int, float]]]
) -> Chart:
    """One metric of the runs that have it."""
    epochs = sorted({epoch for _, of_run in known for epoch in of_run})
    rows = np.array([[of.get(e, _NAN) for e in epochs] for _, of in known])
    is_done = np.array([bool(run.results) for run, _ in known])
    lines = _lines(runs, [run.mark for run, _ in known], rows, is_done)
    low, high = float(np.nanmin(rows)), float(np.nanmax(rows))
    margin = 0.08 * (high - low) or max(0.1 * abs(high), 0.01)
    ends = (0.0, 100.0) if metric.percent else (max(0.0, low - margin), high + margin)
    last = [row[np.isfinite(row)][-1] for row in rows]
    unit = " %" if metric.percent else ""
    said = (
        f"{words.plural('run', len(rows))}, at the end {_shown(min(last))}{unit} to "
        f"{_shown(max(last))}{unit}"
    )
    look = Look("epoch", None, ends, metric.percent, width=_SIZE, height=260, right=60)
    svg, data = curves(f"runs-{metric.name}", metric.title, said, epochs, lines, look)
    numbers = Numbers(
        (NOUNS[runs.kind], "first", "last"),
        tuple(
            (run.name, *(_shown(row[np.isfinite(row)][at]) for at in (0, -1)))
            for (run, _), row in zip(known, rows, strict=True)
        ),
    )
    name = f"runs-{metric.name}"
    return Chart(name, metric.title, svg, f"{metric.says} {said}.", numbers, data)


def _lines(
    runs: Runs, marks: Sequence[str], rows: np.ndarray, is_done: np.ndarray
) -> list[Line]:
    """A line for each run, and the mean of those finished if they are one recipe."""
    if runs.kind == SETTINGS:
        kept = range(min(len(rows), MOST_LINES))
        tokens = _OF_SETTINGS
        return [
            Line(marks[i], rows[i], tokens[i % len(tokens)], i >= len(tokens))
            for i in kept
        ]
    alone = [Line(mark, row, "plain") for mark, row in zip(marks, rows, strict=True)]
    done = rows[is_done]
    is_whole = np.isfinite(done).all(axis=0)  # else it would leap where a run ends
    if len(done) < 2 or not is_whole.any():
        return alone[:MOST_LINES]
    mean = np.where(is_whole, np.nan_to_num(done).mean(axis=0), _NAN)
    many = len(rows) > MOST_LINES
    band = np.nan_to_num(done).std(axis=0, ddof=1) if many else None
    of_mean = Line("mean", mean, "accent", band=band)
    return [of_mean] if many else [*alone, of_mean]


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.1f}"
