"""The table, and the rows to compare with."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ceil_jax.evaluation.rankings import ModeRankings
from ceil_jax.evaluation.results import ModeResults, Results
from ceil_jax.report import published, table
from ceil_jax.report.charts import Chart, Numbers
from ceil_jax.report.contents import Contents
from ceil_jax.report.curves import Line, Look, curves
from ceil_jax.report.numbers import percent
from ceil_jax.report.sections import words

_RANKS = 20
_SHOWN_RANKS = (1, 2, 3, 5, 10, 15, 20)


def results(contents: Contents) -> dict[str, Any]:
    """What the template `sections/results.html.j2` takes.

    Args:
        contents: Everything on the page, with figures.

    Returns:
        Values by name.
    """
    found = contents.results
    assert found is not None
    over = words.counted_by(found)
    return {
        "over": over,
        "has_gcr": any(mode.gcr is not None for mode in found.modes.values()),
        "parameters": list(_parameters(found)),
        "modes": [
            _mode(name, mode, contents, found) for name, mode in found.modes.items()
        ],
        "splits": list(_splits(found)),
        "published": list(_published(found)),
        "notes": published.notes(found) if published.beside(found) else [],
        "others": _others(contents, found),
        "others_mode": words.search(next(iter(found.modes))),
        "cmc": [
            _cmc(name, ranked, over)
            for name, ranked in (contents.rankings or {}).items()
            if (ranked.each["plain"].first > 0).any()
        ],
    }


def _parameters(found: Results) -> Iterator[str]:
    chosen = {name: mode.rerank for name, mode in found.modes.items() if mode.rerank}
    if found.rerank is not None:
        chosen = {"": found.rerank}
    for name, (k1, k2, weight) in chosen.items():
        of = f"{words.search(name)}: " if name else ""
        yield f"{of}k1={k1}, k2={k2}, camera weight {weight:g}"


def _mode(
    name: str, mode: ModeResults, contents: Contents, found: Results
) -> dict[str, Any]:
    ranked = (contents.rankings or {}).get(name)
    size = ""
    if ranked is not None:
        queries = words.plural("query", words.num_queries(ranked) or 0)
        size = f"{queries} in {words.plural('image', len(ranked.gallery.names))}"
    rows = []
    for key, label in table.HEADINGS.items():
        plain, reranked = mode.plain[key], (mode.gcr or {}).get(key)
        rows.append({"name": label, "plain": plain, "gcr": reranked})
    return {
        "label": words.search(name),
        "size": size,
        "rows": rows,
        "spread": found.trials > 1,
    }


def _splits(found: Results) -> Iterator[dict[str, Any]]:
    for name in found.modes:
        yield {
            "label": words.search(name),
            "rows": [
                (
                    f"split {split}",
                    [
                        None if side is None else side[figure].mean
                        for figure in published.FIGURES
                        for side in (modes[name].plain, modes[name].gcr)
                    ],
                )
                for split, modes in (found.by_split or {}).items()
            ],
        }


def _published(found: Results) -> Iterator[dict[str, Any]]:
    """A row for each mode and kind: ours, theirs, the difference."""
    theirs = published.beside(found)
    for name, mode in found.modes.items() if theirs else ():
        for kind, side in (("plain", mode.plain), ("gcr", mode.gcr)):
            if side is None or theirs is None:
                continue
            yield {
                "mode": words.search(name),
                "kind": "plain" if kind == "plain" else "R",
                "cells": [
                    (
                        side[figure].mean,
                        theirs[name][kind][figure],
                        (found.dataset, name, kind, figure) == published.SIC,
                    )
                    for figure in published.FIGURES
                ],
            }


def _others(contents: Contents, found: Results) -> list[dict[str, Any]]:
    """Figures of other models and of chance in the first mode; none without any."""
    mode, ours = next(iter(found.modes.items()))
    rows = []
    ranked = (contents.rankings or {}).get(mode)
    expected = ranked and chance(ranked)
    if expected:
        note = "a random order of the images, expected"
        rows.append(_row("Chance", note, [expected[0], None, expected[1], None]))
    for other in contents.others:
        if other.is_this or mode not in other.modes:
            continue
        name = f"{other.name[:1].upper()}{other.name[1:]}"
        rows.append(_row(name, other.note, _four(other.modes[mode])))
    this = next((each.name for each in contents.others if each.is_this), "this run")
    row = _row(f"{this[:1].upper()}{this[1:]}", "the model of this page", _four(ours))
    return [*rows, row | {"this": True}] if rows else []


def _row(name: str, note: str, values: list[float | None]) -> dict[str, Any]:
    return {"name": name, "note": note, "values": values, "this": False}


def _four(mode: ModeResults) -> list[float | None]:
    return [
        None if side is None else side[figure].mean
        for figure in ("rank1", "mAP")
        for side in (mode.plain, mode.gcr)
    ]


def chance(ranked: ModeRankings) -> tuple[float, float] | None:
    r"""What a random order of each query's list is expected to reach.

    Of \(N\) images that count, \(R\) of them right, the first is right with
    \(R / N\); the average precision is expected to be
    \((H_N + \frac{R - 1}{N - 1} (N - H_N)) / N\) with the harmonic number \(H_N\).

    Args:
        ranked: A mode; the numbers come from the places in its lists, and are known
            where a list is whole.

    Returns:
        Rank-1 and mAP in percent, mean over the queries of the first gallery; None
        where no list is whole.
    """
    lists, each = ranked.lists["plain"], ranked.each["plain"]
    rank1, precision = [], []
    same = ranked.query.identities[:, None] == ranked.gallery.identities
    for query in np.flatnonzero(each.first[0] > 0):
        shown = lists.gallery[query]
        if (shown >= 0).sum() < len(ranked.gallery.names):
            counts = _counting(ranked, int(query))
        else:
            counts = np.zeros(len(ranked.gallery.names), bool)
            counts[shown[lists.places[query] > 0]] = True
        total, right = int(counts.sum()), int((same[query] & counts).sum())
        if not right:
            continue
        harmonic = (1 / np.arange(1, total + 1)).sum()
        others = (right - 1) / (total - 1) * (total - harmonic) if total > 1 else 0
        rank1.append(right / total)
        precision.append((harmonic + others) / total)
    if not rank1:
        return None
    return 100 * float(np.mean(rank1)), 100 * float(np.mean(precision))


def _counting(ranked: ModeRankings, query: int) -> np.ndarray:
    """Which images count for a query, from the pairs of cameras that do."""
    row = np.searchsorted(ranked.query_cameras, ranked.query.cameras[query])
    columns = np.searchsorted(ranked.gallery_cameras, ranked.gallery.cameras)
    return ranked.cells["plain"].num_queries[row, columns] > 0


def _cmc(name: str, ranked: ModeRankings, over: str) -> Chart:
    """Shares of queries whose person is among the first places."""
    kinds = {"plain": ("plain", "plain"), "gcr": ("R", "accent")}
    lines, ends = [], {}
    for kind, (label, token) in kinds.items():
        if kind not in ranked.each:
            continue
        first = ranked.each[kind].first
        each = np.stack([_cmc_of(row) for row in first if (row > 0).any()])
        mean, spread = 100 * each.mean(axis=0), 100 * each.std(axis=0)
        band = spread if len(each) > 1 else None
        lines.append(Line(label, mean, token, kind == "plain", band))
        ends[label] = mean
    low = min(min(mean) for mean in ends.values())
    floor = max(0, 10 * int((low - 5) // 10))
    says = _cmc_says(ends)
    if over:
        says += f" Shaded: ± one standard deviation over {over}."
    if floor:
        says += f" The axis starts at {floor} %."
    ranks = range(1, _RANKS + 1)
    look = Look("place", (1, 5, 10, 15, 20), (floor, 101), True, width=380, right=50)
    title = words.search(name)
    description = "; ".join(
        f"{label} from {mean[0]:.1f} % at place 1 to {mean[-1]:.1f} % at place 20"
        for label, mean in ends.items()
    )
    svg, data = curves(f"cmc-{name}", title, description, list(ranks), lines, look)
    rows = tuple(
        (str(rank), *(percent(mean[rank - 1]) for mean in ends.values()))
        for rank in _SHOWN_RANKS
    )
    numbers = Numbers(("place", *ends), rows)
    return Chart(f"cmc-{name}", title, svg, says, numbers, data)


def _cmc_of(first: np.ndarray) -> np.ndarray:
    counted = first[first > 0]
    return (counted[:, None] <= np.arange(1, _RANKS + 1)).mean(axis=0)


def _cmc_says(ends: Mapping[str, np.ndarray]) -> str:
    if "R" not in ends:
        at = ends["plain"]
        return f"{at[0]:.1f} % at place 1, {at[9]:.1f} % among the first ten."
    gain = ends["R"] - ends["plain"]

    def led(at: float) -> str:
        return f"{'leads' if at >= 0 else 'is behind'} by {abs(at):.1f}"

    return f"R {led(gain[0])} points at place 1 and {led(gain[9])} at place 10."
