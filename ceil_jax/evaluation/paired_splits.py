"""Two recipes trained once on each of several splits: how far apart, and how sure.

RegDB is split ten times into people to train on and people to test on, and what is
reported is the mean of ten models. Two things move the difference D of two such means:
who is tested, and each pair of trainings, which other seeds and other halves of the
same people would make anew. People are tested in about half of the splits, so that the
splits' differences d_t are no independent values, and Student's t over them alone calls
too many nulls a difference. With k splits and m people,

    variance = (m - 1) / m * sum over g of (D_(g) - D)^2 + var(d_t) / k - both,

where D_(g) is left without person g in every split: the jackknife over people, the
variance of a mean over trainings, and what is in both of them, the sum over people and
splits of ((s_gt - n_gt d_t) / (k n_t))^2, with the sum s_gt of the differences of
person g's n_gt queries among the n_t of split t. It is never less than either of the
first two. Student's t has k - 1 degrees of freedom, or m - 1 where those are fewer.

What the people trained on have in common over the splits is in neither, and no splits
of one data set can tell it: the verdict is about trainings on these people.

References:
    Cameron, Gelbach and Miller, Journal of Business & Economic Statistics 29, 2011
    (clusters in two directions); Nadeau and Bengio, Machine Learning 52, 2003, and
    Bengio and Grandvalet, JMLR 5, 2004 (what splits that share people cannot tell).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

from ceil_jax.evaluation import paired, paired_rankings
from ceil_jax.evaluation.paired import CONFIDENCE, Difference, Sums
from ceil_jax.evaluation.rankings import KINDS, Rankings


class Compared(NamedTuple):
    """Every figure of two recipes.

    Attributes:
        rows: By mode, kind and figure in the order of the tables.
        at: The place of the one that the verdict rests on.
        by_split: Its difference in each split, in points.
    """

    rows: list[paired_rankings.Row]
    at: int
    by_split: dict[int, float]


def refusal(first: Mapping[int, Rankings], second: Mapping[int, Rankings]) -> str:
    """Why the queries of two recipes cannot be paired.

    Args:
        first: What the queries of each split found by one.
        second: By the other, of the same splits.

    Returns:
        What differs, in one sentence; "" for nothing.
    """
    modes = [*next(iter(first.values()))]
    for split, one in first.items():
        other = second[split]
        if [*one] != modes or [*other] != modes:
            return f"split {split} has other searches than the first"
        if reason := paired_rankings.refusal(one, other):
            return f"split {split}, {reason}"
        for mode in modes:
            if len(one[mode].gallery_digests) != 1:
                return f"split {split} has several galleries, must have one"
    return ""


def compared(
    first: Mapping[int, Rankings],
    second: Mapping[int, Rankings],
    *,
    rests_on: str = KINDS[0],
) -> Compared:
    """Differences of every figure that both have in all splits.

    Args:
        first: What the queries of each split found by one recipe; a person has one
            identity in all of them.
        second: By the other, of the same splits and searches, see `refusal`.
        rests_on: As of `paired_rankings.compared`.

    Returns:
        The figures, in percent and points.

    Raises:
        ValueError: The searches differ, or no query counts.
    """
    if reason := refusal(first, second):
        raise ValueError(f"these cannot be paired: {reason}")
    rows, gaps = [], []
    for mode in next(iter(first.values())):
        for kind in KINDS:
            if any(
                kind not in s[mode].each for r in (first, second) for s in r.values()
            ):
                continue
            for figure in paired_rankings.FIGURES:
                sums = _sums(first, second, mode, kind, figure)
                found = difference(sums)
                rows.append(paired_rankings.Row(mode, kind, figure, found, False))
                gaps.append(by_split(sums).tolist())
    at = rows.index(paired_rankings.verdict(rows, rests_on))
    together = paired_rankings.resolved([row.difference.p for row in rows], at)
    rows = [
        row._replace(is_resolved=is_resolved)
        for row, is_resolved in zip(rows, together, strict=True)
    ]
    return Compared(rows, at, dict(zip(first, gaps[at], strict=True)))


def _sums(
    first: Mapping[int, Rankings],
    second: Mapping[int, Rankings],
    mode: str,
    kind: str,
    figure: str,
) -> Sums:
    """A figure in percent by person; a column for each split."""
    people = [split[mode].query.identities for split in first.values()]
    ends = np.cumsum([len(each) for each in people])
    sides = []
    for recipe in (first, second):
        values = np.full((len(ends), ends[-1]), np.nan)
        for place, (split, end) in enumerate(zip(recipe.values(), ends, strict=True)):
            own = 100 * paired_rankings.values_of(split[mode].each[kind], figure)[0]
            values[place, end - len(own) : end] = own
        sides.append(values)
    return paired.by_person(sides[0], sides[1], np.concatenate(people))


def by_split(sums: Sums) -> np.ndarray:
    """The difference of each split.

    Args:
        sums: The figure by person, a column for each split.

    Returns:
        Second less first, (k,), in the unit of the figures.

    Raises:
        ValueError: No query of a split counts.
    """
    counts = sums.counts.sum(axis=0)
    if not counts.all():
        raise ValueError("no query of a split counts: there is nothing to compare")
    return (sums.second - sums.first).sum(axis=0) / counts


def difference(sums: Sums, *, confidence: float = CONFIDENCE) -> Difference:
    """The paired difference of two recipes, over people and trainings.

    Args:
        sums: The figure by person, see `paired.by_person`; a column for each split.
        confidence: Share of such intervals that hold the difference over all people
            and trainings that there could be.

    Returns:
        The difference, in the unit of the figures; unbounded with one person or one
        split.

    Raises:
        ValueError: No query of a split counts.
    """
    gaps = by_split(sums)
    of_people = paired.difference(sums)
    num_people, num_splits = of_people.num_people, len(gaps)
    fewest = min(num_people, num_splits)
    if fewest == 1:
        return of_people._replace(low=-np.inf, high=np.inf, p=1.0)
    error = _standard_error(sums, gaps)
    gap = of_people.difference
    half = float(stats.t.isf((1 - confidence) / 2, fewest - 1)) * error
    p = paired.of_t(gap, error, fewest - 1)
    return of_people._replace(low=gap - half, high=gap + half, p=p)


def _standard_error(sums: Sums, gaps: np.ndarray) -> float:
    """That of the difference, over people and over trainings."""
    of_people = paired.standard_error(sums) ** 2
    of_trainings = float(gaps.var(ddof=1)) / len(gaps)
    away = (sums.second - sums.first) - sums.counts * gaps
    both = float(np.square(away / (len(gaps) * sums.counts.sum(axis=0))).sum())
    return max(of_people + of_trainings - both, of_people, of_trainings) ** 0.5
