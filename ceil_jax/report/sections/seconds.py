"""Seconds of every part of a training."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np

from ceil_jax.report.charts import STYLE, TOKENS, Chart, Numbers, panel, svg
from ceil_jax.report.contents import Contents

_PARTS = {
    "fit": "Training steps",
    "compile": "Compilation (about)",
    "embed": "Embedding",
    "cluster": "Clustering",
    "match": "Matching",
}
_STACK = (("plain", ("fit",)), ("accent", ("embed", "cluster", "match")))


def seconds(contents: Contents) -> dict[str, Any] | None:
    """What the template `sections/seconds.html.j2` takes.

    Args:
        contents: Everything on the page.

    Returns:
        Values by name; None where no seconds are recorded.
    """
    epochs = [e for e in contents.epochs if isinstance(e.get("seconds"), Mapping)]
    if not epochs:
        return None
    parts = [dict(epoch["seconds"]) for epoch in epochs]
    for i, compiled in _compilation(epochs).items():
        parts[i]["fit"] -= compiled
        parts[i]["compile"] = compiled
    totals = {k: sum(part.get(k, 0.0) for part in parts) for k in _PARTS}
    others = {k for part in parts for k in part} - {*_PARTS}
    totals |= {k: sum(part.get(k, 0.0) for part in parts) for k in sorted(others)}
    whole = sum(totals.values()) or 1.0
    rows = [
        (_PARTS.get(key, key.capitalize()), value, 100 * value / whole)
        for key, value in sorted(totals.items(), key=lambda each: -each[1])
        if value > 0
    ]
    minutes = f"{whole / 60:.1f} minutes" if whole >= 90 else f"{whole:.0f} seconds"
    shares = ", ".join(f"{share:.0f} % {name.lower()}" for name, _, share in rows[:2])
    return {
        "lead": f"{minutes} of training: {shares}.",
        "chart": _chart([int(e["epoch"]) for e in epochs], parts),
        "rows": rows,
    }


def _compilation(epochs: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """What the first epoch of each stage took longer than the others' median."""
    found = {}
    for stage in (1, 2):
        of = [i for i, epoch in enumerate(epochs) if epoch.get("stage") == stage]
        fits = [float(epochs[i]["seconds"].get("fit", 0.0)) for i in of]
        if len(of) > 1 and (extra := fits[0] - float(np.median(fits[1:]))) > 0:
            found[of[0]] = extra
    return found


def _chart(epochs: Sequence[int], parts: Sequence[Mapping[str, float]]) -> Chart:
    x = np.array(epochs, np.float64)
    names = {
        "plain": "training steps",
        "accent": "embed, cluster",
        "edge": "compilation",
    }
    stack = [*_STACK, ("edge", ("compile",))]
    heights = {
        token: np.array([sum(part.get(k, 0.0) for k in keys) for part in parts])
        for token, keys in stack
    }
    figure, axes = panel(380, 220, right=100)
    bottom = np.zeros(len(x))
    with matplotlib.rc_context(STYLE):
        for token, height in heights.items():
            alpha = 0.45 if token == "edge" else 1
            axes.bar(x, height, 0.72, bottom, color=TOKENS[token], alpha=alpha)
            bottom = bottom + height
        axes.set_xlim(x[0] - 0.8, x[-1] + 0.8)
        axes.set_xlabel("epoch", labelpad=4)
        axes.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[attr-defined]
        top = axes.get_ylim()[1]
        shown = [token for token, height in heights.items() if height.any()]
        for i, token in enumerate(shown):
            colour = "ink3" if token == "edge" else token
            axes.annotate(
                names[token],
                (1, top * (0.12 + 0.14 * i)),
                xycoords=("axes fraction", "data"),
                xytext=(8, 0),
                textcoords="offset points",
                color=TOKENS[colour],
                fontweight="bold",
                va="center",
                annotation_clip=False,
            )
    whole = bottom.tolist()
    description = f"From {whole[0]:.0f} s in epoch {epochs[0]} to {whole[-1]:.0f} s."
    drawing = svg(figure, "seconds", "Seconds per epoch", description)
    says = (
        "The first epoch of each stage compiles: what it took longer than the others. "
        "Scoring and pictures are not in it."
    )
    step = -(-len(epochs) // 12)
    rows = [
        (str(epoch), *(f"{heights[token][i]:.0f}" for token in shown))
        for i, epoch in enumerate(epochs)
        if i % step == 0 or i == len(epochs) - 1
    ]
    numbers = Numbers(("epoch", *(names[token] for token in shown)), tuple(rows))
    return Chart("seconds", "Seconds per epoch", drawing, says, numbers)
