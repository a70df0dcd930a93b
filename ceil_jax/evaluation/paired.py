"""Two models on the same queries and galleries: how far apart they are, and how sure.

Queries of one person fail together, so it is people that are left out or drawn, each
with all of their queries over all galleries, and never single queries. With m people
and the difference D_(g) that is left without person g,

    variance = (m - 1) / m * sum over g of (D_(g) - D)^2

(the jackknife over clusters), and the interval is D -+ t * its root, with the quantile
of Student's t with m - 1 degrees of freedom. Percentiles of a bootstrap over people are
too narrow for 10 to 40 people; what was measured is in docs/comparing.md.

References:
    Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982; MacKinnon,
    Nielsen and Webb, Journal of Applied Econometrics 38, 2023 (clusters left out one at
    a time, which hold their level for few and unequal clusters); Holm, Scandinavian
    Journal of Statistics 6, 1979.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


class Sums(NamedTuple):
    """A figure of two models, added up by person.

    Attributes:
        first: Sums of the first model's figure over the queries of each person in each
            of T galleries, (people, T) float64.
        second: Likewise of the second model's.
        counts: How many queries they are sums of, (people, T).
    """

    first: np.ndarray
    second: np.ndarray
    counts: np.ndarray


class Difference(NamedTuple):
    """By how much the second model is better than the first.

    Attributes:
        first: Figure of the first model: mean over galleries of the mean over queries.
        second: Likewise of the second.
        difference: Second less first.
        low: Lower end of the interval; minus infinity where one person alone is there.
        high: Upper end; infinity likewise.
        p: Probability of a difference as far from 0, or farther, if there were none
            over all people there could be; 1 where one person alone is there.
        num_people: People with a query that counts.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    num_people: int


def by_person(first: np.ndarray, second: np.ndarray, identities: np.ndarray) -> Sums:
    """Add up a figure of every query by person.

    Args:
        first: Figure of each query in each gallery by the first model, (T, Q) or
            (Q,); NaN where a query does not count.
        second: Likewise by the second model, of the same queries.
        identities: Whom each query shows, (Q,) integers.

    Returns:
        The sums; people without a query that counts are left out.

    Raises:
        ValueError: The shapes do not fit, or a query counts for one model only.
    """
    first, second = (np.atleast_2d(np.asarray(x, np.float64)) for x in (first, second))
    if first.shape != second.shape or first.shape[1:] != np.shape(identities):
        raise ValueError(
            f"{first.shape=}, {second.shape=} and {np.shape(identities)=} must be of "
            "the same galleries and queries"
        )
    is_valid = np.isfinite(first)
    if not np.array_equal(is_valid, np.isfinite(second)):
        raise ValueError("a query counts for one of the models only: not paired")
    people, place = np.unique(identities, return_inverse=True)
    added = []
    for values in (np.where(is_valid, first, 0), np.where(is_valid, second, 0)):
        added.append(_add(values, place, len(people)))
    counts = _add(is_valid.astype(np.float64), place, len(people))
    is_there = counts.sum(axis=1) > 0
    return Sums(added[0][is_there], added[1][is_there], counts[is_there])


def difference(sums: Sums, *, confidence: float = CONFIDENCE) -> Difference:
    """The paired difference of two models with its interval over people.

    Args:
        sums: The figure by person, see `by_person`.
        confidence: Share of such intervals that hold the difference over all people
            there could be.

    Returns:
        The difference, in the unit of the figures.

    Raises:
        ValueError: No query counts.
    """
    num_people = len(sums.counts)
    if not num_people:
        raise ValueError("no query counts: there is nothing to compare")
    first, second = (_mean(x, sums.counts) for x in (sums.first, sums.second))
    gap = second - first
    if num_people == 1:
        return Difference(first, second, gap, -np.inf, np.inf, 1.0, 1)
    error = standard_error(sums)
    p = of_t(gap, error, num_people - 1)
    half = float(stats.t.isf((1 - confidence) / 2, num_people - 1)) * error
    return Difference(first, second, gap, gap - half, gap + half, p, num_people)


def standard_error(sums: Sums) -> float:
    """The standard error of a paired difference, by leaving out one person at a time.

    Args:
        sums: The figure by person, of two people or more.

    Returns:
        In the unit of the figures.
    """
    gaps, num = sums.second - sums.first, len(sums.counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = (gaps.sum(axis=0) - gaps) / (sums.counts.sum(axis=0) - sums.counts)
    rest = np.where(np.isfinite(rest), rest, np.nan)  # a gallery of one person
    without = np.nanmean(rest, axis=1)
    away = without - _mean(gaps, sums.counts)
    return float(np.sqrt((num - 1) / num * (away**2).sum()))


def of_t(mean: float, error: float, degrees: int) -> float:
    """Two-sided probability of a mean as far from 0 by Student's t.

    Args:
        mean: The mean.
        error: Its standard error; 0 where nothing varies.
        degrees: Degrees of freedom, 1 or more.

    Returns:
        The probability; 1 of a mean of 0, 0 of another that does not vary.
    """
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stats.t.sf(abs(mean) / error, degrees))


def holm(probabilities: Sequence[float], level: float = 1 - CONFIDENCE) -> list[bool]:
    """Which of several differences are resolved together, by Holm's method.

    The smallest of n probabilities must be at most level / n, the next level / (n - 1)
    and so on, up to the first that is not.

    Args:
        probabilities: One for each difference.
        level: Chance that any of them is called resolved if there is none.

    Returns:
        For each, whether it is resolved.
    """
    num = len(probabilities)
    resolved = [False] * num
    for place, at in enumerate(np.argsort(probabilities, kind="stable")):
        if probabilities[at] > level / (num - place):
            break
        resolved[at] = True
    return resolved


def _add(values: np.ndarray, place: np.ndarray, num: int) -> np.ndarray:
    """Sums over the queries of each person, (people, T)."""
    out = np.zeros((num, len(values)))
    np.add.at(out, place, values.T)
    return out


def _mean(sums: np.ndarray, counts: np.ndarray) -> float:
    """Mean over galleries of the mean over queries."""
    total = counts.sum(axis=0)
    is_there = total > 0
    return float((sums.sum(axis=0)[is_there] / total[is_there]).mean())
