"""Every query as a point: average precision plain against R."""

from typing import Any

import matplotlib
import numpy as np

from ceil_jax.evaluation.rankings import ModeRankings
from ceil_jax.report.charts import STYLE, TOKENS, Chart, panel, svg, with_dots
from ceil_jax.report.contents import Contents
from ceil_jax.report.sections import words

_CHANGED = 0.5  # points of AP that count as a change


def queries(contents: Contents) -> dict[str, Any] | None:
    """What the template `sections/queries.html.j2` takes.

    Args:
        contents: Everything on the page.

    Returns:
        Values by name; None without re-ranking.
    """
    charts = [
        _chart(name, ranked)
        for name, ranked in (contents.rankings or {}).items()
        if "gcr" in ranked.each
        and np.isfinite(ranked.each["plain"].average_precision[0]).any()
    ]
    return {"charts": charts} if charts else None


def _chart(name: str, ranked: ModeRankings) -> Chart:
    plain, reranked = (
        100 * ranked.each[kind].average_precision[0].astype(np.float64)
        for kind in ("plain", "gcr")
    )
    there = np.isfinite(plain) & np.isfinite(reranked)
    plain, reranked = plain[there], reranked[there]
    change = reranked - plain
    up, down = int((change > _CHANGED).sum()), int((change < -_CHANGED).sum())
    middle = np.median(plain), np.median(reranked)
    says = (
        f"{up:,} of {len(plain):,} queries gain, {down:,} lose more than half a point. "
        f"Median AP {middle[0]:.0f} → {middle[1]:.0f}."
    )
    figure, axes = panel(380, 340, right=14, left=50, bottom=46)
    with matplotlib.rc_context(STYLE):
        axes.plot([0, 100], [0, 100], color=TOKENS["ink3"], lw=1, ls=(0, (4, 3)))
        for words_, at in (("R helps", (3, 97)), ("R hurts", (97, 3))):
            sides: Any = {"ha": "left" if at[0] < 50 else "right"}
            sides |= {"va": "top" if at[1] > 50 else "bottom", "fontsize": 12}
            axes.text(*at, words_, color=TOKENS["ink3"], **sides)
        axes.set_xlim(-1, 101)
        axes.set_ylim(-1, 101)
        axes.set_xlabel("AP, plain", labelpad=4)
        axes.set_ylabel("AP, R", labelpad=2)
        axes.grid(visible=True, axis="both")
    drawing = svg(figure, f"queries-{name}", words.search(name), says)
    groups = (
        ("ink3", np.abs(change) <= _CHANGED),
        ("wrong", change < -_CHANGED),
        ("accent", change > _CHANGED),
    )
    points = [(token, plain[of], reranked[of]) for token, of in groups if of.any()]
    drawing = with_dots(drawing, axes, points, size=4, opacity=0.6)
    return Chart(f"queries-{name}", words.search(name), drawing, says)
