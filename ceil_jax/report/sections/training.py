"""What the epochs of a training came to."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ceil_jax.report.charts import Chart, Numbers
from ceil_jax.report.contents import Contents
from ceil_jax.report.curves import Line, Look, curves
from ceil_jax.report.sections import words

_NAN = float("nan")
_SIDES = (("visible", "visible"), ("infrared", "infrared"))
_LOSSES = {
    "cdl": ("Camera-proxy loss (CDL)", "Within a modality, camera by camera."),
    "id": ("Loss of clusters", "Within a modality, against all clusters."),
    "cross_cdl": (
        "Camera-proxy loss across",
        "Against proxies of the other modality. Totals of the stages do not compare.",
    ),
    "cross_id": ("Loss of clusters across", "Against clusters of the other modality."),
}
_MOST_ROWS = 12  # of a table of numbers


def training(contents: Contents) -> dict[str, Any] | None:
    """What the template `sections/training.html.j2` takes.

    Args:
        contents: Everything on the page.

    Returns:
        Values by name; None where no epoch is recorded.
    """
    epochs = list(contents.epochs)
    if not epochs:
        return None
    return {"lead": _lead(epochs), "charts": list(_charts(epochs, contents.people))}


def _lead(epochs: Sequence[Mapping[str, Any]]) -> str:
    stages = [epoch.get("stage") for epoch in epochs]
    first, second = stages.count(1), stages.count(2)
    parts = []
    if first:
        parts.append(f"{words.number(first)} of stage 1 (within each modality)")
    if second:
        parts.append(f"{words.number(second)} of stage 2 (across)")
    text = f"{words.plural('epoch', len(epochs))}: {', then '.join(parts)}."
    text = text.replace("epochs:", "epochs:" if parts else "epochs")
    right = [e["right_matches"] for e in epochs if e.get("right_matches") is not None]
    if len(right) > 1:
        verb = "rise" if right[-1] >= right[0] else "fall"
        text += (
            f" Right matches {verb} from {100 * right[0]:.0f} % to "
            f"{100 * right[-1]:.0f} %."
        )
    return text


def _charts(epochs: Sequence[Mapping[str, Any]], people: int | None) -> Iterator[Chart]:
    yield from _clusters(epochs, people)
    yield from _shares(epochs)
    for key, (title, says) in _LOSSES.items():
        lines = _sides(epochs, lambda e, side, key=key: e.get(f"{key}_{side}"))
        yield from _chart(epochs, f"loss-{key}", title, says, lines, floor=0)
    alone = [Line("mmd", _values(epochs, lambda e: e.get("mmd")), "ink2")]
    says = "Between the modalities' features (MMD); stage 1 alone."
    yield from _chart(epochs, "mmd", "Distance of modalities", says, alone, floor=0)
    rate = [1000 * v for v in _values(epochs, lambda e: e.get("learning_rate"))]
    says = f"At most {max(v for v in [0.0, *rate] if v == v):.2g}."
    title = "Learning rate, thousandths"
    lines = [Line("rate", rate, "ink2")]
    yield from _chart(epochs, "rate", title, says, lines, floor=0)


def _clusters(
    epochs: Sequence[Mapping[str, Any]], people: int | None
) -> Iterator[Chart]:
    lines = _sides(epochs, lambda e, side: _of_side(e, side, "clusters"))
    says = (
        "How many there are."
        if people is None
        else f"{people:,} people were trained on; a cluster each would be right."
    )
    reference = None if people is None else (float(people), f"{people:,} people")
    yield from _chart(
        epochs, "clusters", "Clusters", says, lines, reference=reference, right=88
    )
    lines = _sides(epochs, lambda e, side: _of_side(e, side, "proxies"))
    says = "A proxy is what one camera took of one cluster."
    yield from _chart(epochs, "proxies", "Camera proxies", says, lines)


def _shares(epochs: Sequence[Mapping[str, Any]]) -> Iterator[Chart]:
    right = _values(epochs, lambda e: _times_100(e.get("right_matches")))
    says = "Clusters whose partner shows one person. Labels count, they never train."
    title = "Right matches across modalities"
    lines = [Line("right", right, "right")]
    yield from _chart(epochs, "matches", title, says, lines, percent=True, floor=0)
    for key, title, says in (
        ("purity", "Purity of clusters", "Images that are of their cluster's person."),
        (
            "recall",
            "Recall of clusters",
            "Pairs of images of one person that share a cluster.",
        ),
    ):
        lines = _sides(epochs, lambda e, side, k=key: _times_100(_of_side(e, side, k)))
        yield from _chart(epochs, key, title, says, lines, percent=True, floor=0)
    lines = _sides(epochs, _kept)
    images = [
        f"{count:,} {side}"
        for side, _ in _SIDES
        if (count := _of_side(epochs[-1], side, "images")) is not None
    ]
    says = f"Of {words.listed(images)} images; the rest counts as noise."
    title = "Images kept by the clustering"
    yield from _chart(epochs, "kept", title, says, lines, percent=True)


def _kept(epoch: Mapping[str, Any], side: str) -> float | None:
    kept, images = (_of_side(epoch, side, key) for key in ("kept", "images"))
    return 100 * kept / images if images else None


def _of_side(epoch: Mapping[str, Any], side: str, key: str) -> Any:
    found = epoch.get(side)
    return found.get(key) if isinstance(found, Mapping) else None


def _times_100(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _values(
    epochs: Sequence[Mapping[str, Any]], of: Callable[[Mapping[str, Any]], Any]
) -> list[float]:
    found = [of(epoch) for epoch in epochs]
    return [
        float(v) if isinstance(v, int | float) and np.isfinite(v) else _NAN
        for v in found
    ]


def _sides(
    epochs: Sequence[Mapping[str, Any]],
    of: Callable[[Mapping[str, Any], str], Any],
) -> list[Line]:
    return [
        Line(
            side, _values(epochs, lambda e, s=side: of(e, s)), token, side == "infrared"
        )
        for side, token in _SIDES
    ]


def _chart(
    epochs: Sequence[Mapping[str, Any]],
    name: str,
    title: str,
    says: str,
    lines: Sequence[Line],
    *,
    percent: bool = False,
    floor: float | None = None,
    reference: tuple[float, str] | None = None,
    right: int = 66,
) -> Iterator[Chart]:
    """One chart; none where there is no value."""
    lines = [line for line in lines if np.isfinite(np.asarray(line.values)).any()]
    if not lines:
        return
    x = [float(epoch["epoch"]) for epoch in epochs]
    low, high = _limits(lines, floor, percent, reference)
    second = [e["epoch"] for e in epochs if e.get("stage") == 2]
    begins = second[0] - 0.5 if second and second[0] > x[0] else None
    if low and floor is None:
        says += f" The axis starts at {low:g}{' %' if percent else ''}."
    look = Look("epoch", None, (low, high), percent, begins, reference, right=right)
    description = "; ".join(_ends(line, percent) for line in lines)
    svg, data = curves(name, title, description, x, lines, look)
    heads = ("epoch", *(line.label for line in lines))
    rows = [
        (f"{at:g}", *(_number(line.values[i]) for line in lines))
        for i, at in enumerate(x)
    ]
    step = -(-len(rows) // _MOST_ROWS)
    kept = [row for i, row in enumerate(rows) if i % step == 0 or i == len(rows) - 1]
    numbers = Numbers(heads, tuple(kept))
    yield Chart(f"training-{name}", title, svg, says, numbers, data)


def _limits(
    lines: Sequence[Line],
    floor: float | None,
    percent: bool,
    reference: tuple[float, str] | None,
) -> tuple[float, float]:
    values = np.concatenate([np.asarray(line.values, np.float64) for line in lines])
    values = values[np.isfinite(values)]
    if reference is not None:
        values = np.append(values, reference[0])
    low, high = float(values.min()), float(values.max())
    margin = 0.08 * (high - low) or max(0.1 * abs(high), 0.01)
    if percent:
        top = 100.0 if high > 40 else min(100.0, high + margin + 2)
        bottom = floor if floor is not None else max(0.0, 5 * np.floor((low - 2) / 5))
        return float(bottom), top
    if floor is not None:
        return min(floor, low), high + margin
    return max(0.0, float(np.floor(low - margin))), float(np.ceil(high + margin))


def _ends(line: Line, percent: bool) -> str:
    there = [v for v in np.asarray(line.values).tolist() if np.isfinite(v)]
    unit = " %" if percent else ""
    return f"{line.label} from {_number(there[0])}{unit} to {_number(there[-1])}{unit}"


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "-"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
