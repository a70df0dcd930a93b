"""How sure error rates are: the bootstrap over people.

Pairs of images are not independent of each other: all pairs of one person share that
person. So it is people that are drawn with replacement, and pairs follow: where person
a is drawn w_a times, a genuine pair of a counts w_a times, and an impostor pair of a
and b w_a w_b times.

References:
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993 (percentile intervals);
    Bolle, Ratha and Pankanti, CVIU 93, 2004 (subsets of people, not pairs); Owen,
    Annals of Applied Statistics 1, 2007 (weights of two crossed factors, which err on
    the wide side).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

_LEVELS = 240
"""Impostor similarities among which thresholds of a resample are looked for."""
_DENSE = 1 << 24
"""Counts that are held as a matrix; more are held as a sparse one."""
_WEIGHTS = 1 << 24
"""Weights of units that are held at a time."""


class Interval(NamedTuple):
    """Where a figure lies at the chosen confidence.

    Attributes:
        low: Lower end.
        high: Upper end; None where the pairs do not bound it.
    """

    low: float
    high: float | None


class Clustered(NamedTuple):
    """Pairs that come in clusters: all pairs of a person, or of two.

    Attributes:
        similarities: (n,) of the pairs, ascending.
        first: (n,) int32, each pair's person, or the first of two.
        second: (n,) int32, the second of two; None where a pair has one person.
    """

    similarities: np.ndarray
    first: np.ndarray
    second: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        similarities: np.ndarray,
        first: np.ndarray,
        second: np.ndarray | None = None,
    ) -> "Clustered":
        """Sort pairs by similarity.

        Args:
            similarities: (n,) of the pairs.
            first: (n,) int32, see the attributes.
            second: (n,) int32, or None.

        Returns:
            The pairs.
        """
        order = np.argsort(similarities)
        other = None if second is None else second[order]
        return cls(similarities[order], first[order], other)


class Resampled(NamedTuple):
    """Figures of every resample; each with one row for each FAR asked for.

    Attributes:
        thresholds: (fars, resamples), infinite where no threshold has the FAR.
        tar: (fars, resamples) TAR at those thresholds; None without genuine pairs.
        far: (fars, resamples) FAR of the resample at the given thresholds.
        equal_error: (resamples,) equal error rates; None without genuine pairs.
    """

    thresholds: np.ndarray
    tar: np.ndarray | None
    far: np.ndarray
    equal_error: np.ndarray | None


def resample(
    genuine: Clustered | None,
    impostor: Clustered,
    *,
    num_units: int,
    fars: Sequence[float],
    thresholds: Sequence[float],
    num_resamples: int,
    seed: int,
) -> Resampled:
    """Draw people with replacement and take the figures of each such draw.

    The thresholds of a resample are looked for among some of the impostor
    similarities, closer together the higher they are: each next one is accepted by
    about 5 % fewer impostors.

    Args:
        genuine: Genuine pairs; None to do without.
        impostor: Impostor pairs.
        num_units: People, numbered from 0, of whom as many are drawn.
        fars: False accept rates, for `thresholds`, `tar` of the result.
        thresholds: Thresholds, as many, for `far` of the result.
        num_resamples: Draws.
        seed: Of the draws.

    Returns:
        The figures of the draws in which somebody's pairs were drawn.
    """
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(
        num_units, np.full(num_units, 1 / num_units), num_resamples
    )
    weights = weights.astype(np.float32)
    levels = _levels(impostor.similarities, thresholds)
    accepted, total = _accepted(impostor, levels, weights)
    tars = np.zeros((0, num_resamples))
    is_drawn = total > 0
    if genuine is not None:
        tars, counted = _accepted(genuine, levels, weights)
        is_drawn &= counted > 0
        tars = tars[:, is_drawn] / counted[is_drawn]
    rates = accepted[:, is_drawn] / total[is_drawn]
    shape = len(fars), rates.shape[1]
    over = [(rates > far * (1 + 1e-9)).sum(axis=0) for far in fars]
    places = np.array(over, np.intp).reshape(shape)
    columns = np.arange(rates.shape[1])
    none = np.zeros((1, rates.shape[1]))
    at = np.searchsorted(levels, np.asarray(thresholds, levels.dtype))
    return Resampled(
        np.append(levels.astype(np.float64), np.inf)[places],
        np.concatenate([tars, none])[places, columns] if genuine else None,
        rates[at],
        _equal_errors(rates, tars) if genuine else None,
    )


def interval(figures: np.ndarray, confidence: float) -> Interval:
    """Percentiles of a figure's resamples.

    Args:
        figures: (resamples,) values, infinite ones among them.
        confidence: Share of resamples inside, e.g. 0.95.

    Returns:
        The interval.
    """
    tail = (1 - confidence) / 2
    last = len(figures) - 1
    ordered = np.sort(figures)
    low = ordered[int(np.floor(tail * last))]
    high = ordered[int(np.ceil((1 - tail) * last))]
    return Interval(float(low), float(high) if np.isfinite(high) else None)


def _levels(ordered: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """Some impostor similarities, ascending, the highest and thresholds among them."""
    ranks = np.unique(np.geomspace(1, len(ordered), _LEVELS).round().astype(np.int64))
    given = np.asarray(thresholds, ordered.dtype)
    return np.unique(np.concatenate([ordered[-ranks], given]))


def _accepted(
    pairs: Clustered, levels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weight of the pairs at or above each level, (levels, resamples), and of all."""
    ends = np.searchsorted(pairs.similarities, levels, side="left")
    sizes = np.diff(ends, prepend=0, append=len(pairs.similarities))
    units, of_pair = _units(pairs, weights.shape[1])
    counts = _counts(sizes, units, len(of_pair))
    step = max(1, _WEIGHTS // len(of_pair))
    parts = []
    for start in range(0, len(weights), step):
        some = weights[start : start + step]
        weight = some[:, of_pair[:, 0]]
        if pairs.second is not None:
            weight = weight * some[:, of_pair[:, 1]]
        parts.append(counts @ weight.T)
    in_bins = np.concatenate(parts, axis=1)
    above = np.cumsum(in_bins[::-1], axis=0, dtype=np.float64)[::-1]
    return above[1:], above[0]


def _units(pairs: Clustered, num: int) -> tuple[np.ndarray, np.ndarray]:
    """The cluster of each pair, from 0, and whose each cluster is, (clusters, 2)."""
    if pairs.second is None:
        return pairs.first, np.repeat(np.arange(num)[:, None], 2, axis=1)
    low = np.minimum(pairs.first, pairs.second)
    high = np.maximum(pairs.first, pairs.second)
    if num * num > _DENSE:
        keys = low.astype(np.int64) * num + high
        found, codes = np.unique(keys, return_inverse=True)
    else:
        keys = low * np.int32(num) + high
        is_there = np.zeros(num * num, bool)
        is_there[keys] = True
        found = np.flatnonzero(is_there)
        codes = (np.cumsum(is_there, dtype=np.int32) - 1)[keys]
    return codes, np.stack(np.divmod(found, num), axis=1)


def _counts(
    sizes: np.ndarray, units: np.ndarray, num_units: int
) -> np.ndarray | sparse.csr_array:
    """Pairs by bin and unit, float32; the bins follow each other."""
    shape = len(sizes), num_units
    if shape[0] * shape[1] <= _DENSE:
        cells = np.repeat(np.arange(shape[0]) * num_units, sizes) + units
        flat = np.bincount(cells, minlength=shape[0] * shape[1])
        return flat.reshape(shape).astype(np.float32)
    bins = np.repeat(np.arange(shape[0]), sizes)
    ones = np.ones(len(bins), np.float32)
    return sparse.coo_array((ones, (bins, units)), shape=shape).tocsr()


def _equal_errors(far: np.ndarray, tar: np.ndarray) -> np.ndarray:
    """Where FAR = FRR in each resample, on straight lines between the levels."""
    num = far.shape[1]
    far = np.concatenate([np.ones((1, num)), far, np.zeros((1, num))])
    gap = far - 1 + np.concatenate([np.ones((1, num)), tar, np.zeros((1, num))])
    after = np.argmax(gap <= 0, axis=0)
    columns = np.arange(num)
    upper, lower = gap[after - 1, columns], gap[after, columns]
    share = upper / (upper - lower)
    start = far[after - 1, columns]
    return start + share * (far[after, columns] - start)
