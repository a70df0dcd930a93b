"""Two evaluations of the same searches, compared figure by figure.

Both are what `rankings.npz` holds.

One figure is fixed before anything is looked at: the verdict rests on it alone. It is
the plain mAP of the first mode, or the re-ranked one where both have one model. The
others are judged only where that one is resolved, together, by Holm's method: the
chance that anything is called a difference where there is none stays at 5 %.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ceil_jax.evaluation import paired
from ceil_jax.evaluation.paired import CONFIDENCE, Difference
from ceil_jax.evaluation.rankings import KINDS, EachQuery, ModeRankings, Rankings

FIGURES = ("rank1", "mAP")


class Row(NamedTuple):
    """One figure of two models.

    Attributes:
        mode: Name of the search.
        kind: One of `rankings.KINDS`.
        figure: One of `FIGURES`.
        difference: In percent and points.
        is_resolved: Whether it counts as a difference beside all others.
    """

    mode: str
    kind: str
    figure: str
    difference: Difference
    is_resolved: bool


def refusal(first: Rankings, second: Rankings) -> str:
    """Why the queries of two evaluations cannot be paired.

    Args:
        first: One.
        second: The other.

    Returns:
        What differs, in one sentence; "" where the searches in common are the same.
    """
    common = [name for name in first if name in second]
    if not common:
        names = ", ".join(first), ", ".join(second)
        return f"they have no search in common: {names[0]} against {names[1]}"
    for name in common:
        if reason := _unlike(first[name], second[name]):
            return f"{name.replace('_', ' ')} search: {reason}"
    return ""


def compared(
    first: Rankings, second: Rankings, *, rests_on: str = KINDS[0]
) -> list[Row]:
    """Differences of every figure that both have.

    Args:
        first: What the queries found by one model.
        second: By the other, in the same searches, see `refusal`.
        rests_on: One of `KINDS`: of the mAP that the verdict rests on, in the first
            mode.

    Returns:
        By mode, kind and figure in the order of the tables; `verdict` finds the one
        that the verdict rests on.

    Raises:
        ValueError: The searches differ, or no query counts.
    """
    if reason := refusal(first, second):
        raise ValueError(f"these cannot be paired: {reason}")
    rows = []
    for mode, one in first.items():
        if mode not in second:
            continue
        for kind in [k for k in KINDS if k in one.each and k in second[mode].each]:
            sides = one.each[kind], second[mode].each[kind]
            for figure in FIGURES:
                values, others = (100 * values_of(side, figure) for side in sides)
                sums = paired.by_person(values, others, one.query.identities)
                found = paired.difference(sums)
                rows.append(Row(mode, kind, figure, found, False))
    at = rows.index(verdict(rows, rests_on))
    together = resolved([row.difference.p for row in rows], at)
    return [
        row._replace(is_resolved=is_resolved)
        for row, is_resolved in zip(rows, together, strict=True)
    ]


def verdict(rows: Sequence[Row], rests_on: str = KINDS[0]) -> Row:
    """The figure that the verdict rests on.

    Args:
        rows: Those of `compared`.
        rests_on: As there; the plain figure where nothing was re-ranked.

    Returns:
        The mAP of the first mode.
    """
    of_mode = [r for r in rows if r.mode == rows[0].mode and r.figure == "mAP"]
    return next((row for row in of_mode if row.kind == rests_on), of_mode[0])


def resolved(probabilities: Sequence[float], first: int) -> list[bool]:
    """Which figures are resolved: the others only after the one named beforehand.

    Args:
        probabilities: One for each figure.
        first: The place of the one that the verdict rests on.

    Returns:
        For each, whether it is.
    """
    level = 1 - CONFIDENCE
    if probabilities[first] > level:
        return [False] * len(probabilities)
    others = [p for place, p in enumerate(probabilities) if place != first]
    found = paired.holm(others, level)
    found.insert(first, True)
    return found


def values_of(each: EachQuery, figure: str) -> np.ndarray:
    """A figure of every query.

    Args:
        each: What the queries found.
        figure: One of `FIGURES`.

    Returns:
        Fractions, (T, Q); NaN where a query does not count.
    """
    precision = np.asarray(each.average_precision, np.float64)
    if figure == "mAP":
        return precision
    return np.where(np.isfinite(precision), each.first == 1, np.nan)


def cmc(each: EachQuery, num_places: int = 20) -> np.ndarray:
    """The share of queries matched within each number of places, gallery by gallery.

    Args:
        each: What the queries found.
        num_places: Places.

    Returns:
        Fractions, (T, num_places); of galleries with a query that counts.
    """
    counts = np.isfinite(each.average_precision)
    is_there = counts.any(axis=1)
    first = np.where(counts, each.first, 0)[is_there]
    within = (first[:, :, None] > 0) & (
        first[:, :, None] <= np.arange(1, num_places + 1)
    )
    return within.sum(axis=1) / counts[is_there].sum(axis=1, keepdims=True)


def _unlike(one: ModeRankings, other: ModeRankings) -> str:
    """What differs of one search; "" for nothing."""
    sides = (one.query_modality, other.query_modality)
    if sides[0] != sides[1]:
        return f"{sides[0]} queries against {sides[1]} ones"
    numbers = len(one.query.names), len(other.query.names)
    if numbers[0] != numbers[1]:
        return f"{numbers[0]:,} queries against {numbers[1]:,}"
    is_other = one.query.names != other.query.names
    if is_other.any():
        place = int(np.flatnonzero(is_other)[0])
        names = one.query.names[place], other.query.names[place]
        return f"other queries, the first {names[0]} against {names[1]}"
    if (one.query.identities != other.query.identities).any():
        return "queries of one name show other people"
    digests = one.gallery_digests, other.gallery_digests
    if len(digests[0]) != len(digests[1]):
        return f"{len(digests[0])} galleries against {len(digests[1])}"
    num_other = int((digests[0] != digests[1]).sum())
    if num_other:
        return f"{num_other} of {len(digests[0])} galleries hold other images"
    return _unlike_counts(one, other)


def _unlike_counts(one: ModeRankings, other: ModeRankings) -> str:
    """Another protocol counts other queries of the same galleries."""
    for kind in [k for k in KINDS if k in one.each and k in other.each]:
        counts = [np.isfinite(m.each[kind].average_precision) for m in (one, other)]
        if counts[0].shape != counts[1].shape or (counts[0] != counts[1]).any():
            return "other queries of them count, so the protocols differ"
    return ""
