"""A comparison as a page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from markupsafe import Markup, escape

from ceil_jax.evaluation import paired_rankings
from ceil_jax.evaluation.rankings import EachQuery
from ceil_jax.report import pages, verdicts
from ceil_jax.report.charts import STYLE, TOKENS, Chart, Numbers, panel, svg, with_dots
from ceil_jax.report.comparing import Pair, Row, Run
from ceil_jax.report.curves import Line, Look, curves
from ceil_jax.report.numbers import MINUS

PLACES = 20
"""Of the curves."""
_ENDS = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100)
_PERCENT = "\N{NO-BREAK SPACE}%"
_SIZE = 380  # CSS pixels across a chart, two a row


@dataclass(frozen=True)
class Bar:
    """Where an interval lies on an axis around 0, in percent of its width.

    Attributes:
        left: Lower end.
        width: From there to the upper end.
        point: The difference.
        side: "up", "down" or "": how it is coloured.
    """

    left: float
    width: float
    point: float
    side: str


def page(
    runs: Sequence[Run],
    pairs: Sequence[Pair],
    fields: Mapping[str, Sequence[str]],
    same: Mapping[str, str],
) -> str:
    """The whole page.

    Args:
        runs: The base first.
        pairs: The base with every other.
        fields: What differs between the runs: a text for each run, by its name.
        same: What all have in common, likewise.

    Returns:
        The text of an HTML file.
    """
    scale = scale_of([row for pair in pairs for row in pair.rows])
    charts = [chart for pair in pairs for chart in charts_of(pair)]
    groups = [
        {
            "pair": pair,
            "sentence": _weighted(verdicts.sentence(pair)),
            "rows": [(row, bar_of(row, scale)) for row in pair.rows],
            "has_intervals": any(row.low is not None for row in pair.rows),
        }
        for pair in pairs
    ]
    return pages.page(
        "compare.html.j2",
        styles=["report.css", "compare.css"],
        charts=charts,
        title=f"Comparison: {verdicts.title(pairs)}",
        subject=f"Comparison of {len(runs)} runs",
        heading=verdicts.title(pairs),
        runs=runs,
        groups=groups,
        scale=scale,
        drawn=charts,
        fields=fields,
        same=same,
        notices=verdicts.notices(runs, pairs),
        signed=verdicts.signed,
        minus=MINUS,
        row_words=verdicts.row_words,
        search_words=verdicts.search_words,
    )


def _weighted(sentence: str) -> Markup:
    """A sentence with its first figure in bold."""
    return Markup(
        re.sub(
            r"(\d+\.\d points)", r'<b class="r">\1</b>', str(escape(sentence)), count=1
        )
    )


def scale_of(rows: Sequence[Row]) -> int:
    """The end of the axis that holds every interval.

    Args:
        rows: All that are drawn.

    Returns:
        Points, on either side of 0.
    """
    ends = [abs(x) for r in rows for x in (r.low, r.high) if x is not None]
    most = max([x for x in ends if np.isfinite(x)], default=0.0)
    return next((end for end in _ENDS if end >= most), _ENDS[-1])


def bar_of(row: Row, scale: float) -> Bar | None:
    """An interval as it is drawn.

    Args:
        row: The figure.
        scale: The end of the axis.

    Returns:
        The bar; None where there is no interval.
    """
    if row.low is None or row.high is None:
        return None
    low, high, gap = (
        50 + 50 * float(np.clip(x, -scale, scale)) / scale
        for x in (row.low, row.high, row.gap)
    )
    side = {"better": "up", "worse": "down"}.get(row.word, "")
    return Bar(low, high - low, gap, side)


def charts_of(pair: Pair) -> list[Chart]:
    """The curves of two runs over each other, and their queries.

    Args:
        pair: The runs.

    Returns:
        Two charts of every search whose queries are known for both, and one of the
        training seeds where there are several.
    """
    if pair.by_number:
        return [_numbers(pair)]
    if pair.reason or pair.base.rankings is None or pair.other.rankings is None:
        return []
    sides = pair.base.rankings, pair.other.rankings
    modes = [mode for mode in sides[0] if mode in sides[1]]
    found = []
    for draw in (_curves, _queries):
        for mode in modes:
            has_gcr = all("gcr" in side[mode].each for side in sides)
            kind = "gcr" if has_gcr else "plain"
            first, second = (side[mode].each[kind] for side in sides)
            found.append(draw(pair, mode, kind, first, second))
    return found


def _named(pair: Pair, what: str, mode: str) -> str:
    return f"{what}-{pair.other.letter.lower()}-{mode.replace('_', '-')}"


def _heading(pair: Pair, mode: str) -> str:
    words = verdicts.search_words(mode)
    return f"{words[0].upper()}{words[1:]}, {pair.base.letter} and {pair.other.letter}"


def _curves(
    pair: Pair, mode: str, kind: str, first: EachQuery, second: EachQuery
) -> Chart:
    """Cumulative matches of both."""
    shares = [100 * paired_rankings.cmc(each, PLACES) for each in (first, second)]
    means = [each.mean(axis=0) for each in shares]
    letters = pair.base.letter, pair.other.letter
    several = len(shares[0]) > 1
    lines = [
        Line(letter, mean, token, dashed, each.std(axis=0) if several else None)
        for letter, mean, each, token, dashed in zip(
            letters, means, shares, ("plain", "accent"), (True, False), strict=True
        )
    ]
    low = 10 * int(min(mean.min() for mean in means) // 10)
    look = Look(
        *("place", [1, 5, 10, 15, 20], (low, 101), True),
        width=_SIZE,
        height=230,
        right=30,
    )
    word = "After R" if kind == "gcr" else "Plain"
    said = ", ".join(
        f"{letter} {mean[0]:.1f}{_PERCENT}"
        for letter, mean in zip(letters, means, strict=True)
    )
    name, title = _named(pair, "cmc", mode), _heading(pair, mode)
    places = np.arange(1, PLACES + 1)
    drawing, data = curves(
        name, title, f"{word}, at place 1: {said}", places, lines, look
    )
    band = f", ± one standard deviation over {len(shares[0])} galleries"
    caption = (
        f"{word}: share of queries whose person is found within so many places"
        f"{band if several else ''}. At place 1: {said}. "
        f"The axis starts at {low}{_PERCENT}."
    )
    at = [place for place in (1, 5, 10, 20) if place <= PLACES]
    numbers = Numbers(
        ("within place", *letters),
        tuple((str(p), *(f"{mean[p - 1]:.1f}" for mean in means)) for p in at),
    )
    return Chart(name, title, drawing, caption, numbers, data)


def _queries(
    pair: Pair, mode: str, kind: str, first: EachQuery, second: EachQuery
) -> Chart:
    """Average precision of every query by both."""
    with np.errstate(invalid="ignore"):
        x, y = (
            100 * each.average_precision[:, _counted(first)].mean(axis=0)
            for each in (first, second)
        )
    is_known = np.isfinite(x)
    x, y = x[is_known], y[is_known]
    letters = pair.base.letter, pair.other.letter
    figure, axes = panel(_SIZE, 340, bottom=44, left=50, top=26)
    with matplotlib.rc_context(STYLE):
        axes.set_xlim(-2, 102)
        axes.set_ylim(-2, 102)
        axes.grid(True, axis="both")
        axes.plot([0, 100], [0, 100], color=TOKENS["ink3"], lw=1, ls=(0, (1, 2)))
        axes.set_xlabel(f"AP by {letters[0]}, %", labelpad=4)
        axes.set_ylabel(f"AP by {letters[1]}, %", labelpad=4)
        for text, token, at in (
            (f"above: {letters[1]} better", "accent", 0.0),
            (f"below: {letters[0]} better", "wrong", 1.0),
        ):
            axes.annotate(
                text,
                (at, 1.02),
                xycoords="axes fraction",
                color=TOKENS[token],
                fontweight="bold",
                ha="right" if at else "left",
                va="bottom",
            )
    name, title = _named(pair, "queries", mode), f"{_heading(pair, mode)}: each query"
    more, less = int((y > x).sum()), int((y < x).sum())
    word = "after R" if kind == "gcr" else "plain"
    said = (
        f"{letters[1]} is better for {more:,} of {len(x):,} queries, {letters[0]} for "
        f"{less:,}"
    )
    drawing: Markup = svg(figure, name, title, said)
    groups = [
        (token, x[part], y[part])
        for token, part in (("accent", y > x), ("wrong", y < x), ("ink3", y == x))
        if part.any()
    ]
    drawing = with_dots(drawing, axes, groups)
    return Chart(
        *(name, title, drawing),
        f"Average precision (AP) of each query, {word}, mean of the galleries: {said}.",
    )


def _counted(each: EachQuery) -> np.ndarray:
    """Queries that count in every gallery, (Q,) bool."""
    return np.asarray(np.isfinite(each.average_precision).all(axis=0))


def _numbers(pair: Pair) -> Chart:
    """The difference of each training seed, or split, as a point beside 0."""
    assert pair.rests_on is not None
    places, gaps = list(pair.by_number), np.array(list(pair.by_number.values()))
    noun = pair.several[:-1].removeprefix("training ")
    figure, axes = panel(_SIZE, 60 + 22 * len(places), left=60, bottom=44)
    most = max(float(np.abs(gaps).max()) * 1.15, 0.5)
    with matplotlib.rc_context(STYLE):
        axes.grid(False)
        axes.axvline(0, color=TOKENS["edge"], lw=1)
        axes.set_xlim(-most, most)
        axes.set_ylim(len(places) - 0.4, -0.6)
        axes.set_yticks(range(len(places)), [f"{noun} {each}" for each in places])
        for place, gap in enumerate(gaps):
            token = "accent" if gap > 0 else "wrong"
            axes.plot([0, gap], [place, place], color=TOKENS[token], lw=2, alpha=0.5)
            axes.plot([gap], [place], color=TOKENS[token], marker="o", markersize=6)
        axes.set_xlabel("points", labelpad=4)
    row = pair.rests_on
    letters = pair.base.letter, pair.other.letter
    less = f"{letters[1]} {MINUS} {letters[0]}"
    title = f"{less} by {pair.several[:-1]}, {verdicts.row_words(row)}"
    said = (
        f"{letters[1]} is ahead with {int((gaps > 0).sum())} of {len(places)} {noun}s, "
        f"on average by {verdicts.signed(float(gaps.mean()))} points"
    )
    name = f"{noun}s-{letters[1].lower()}"
    numbers = Numbers(
        (noun, less),
        tuple((str(s), verdicts.signed(float(g))) for s, g in pair.by_number.items()),
    )
    return Chart(name, title, svg(figure, name, title, said), f"{said}.", numbers)
