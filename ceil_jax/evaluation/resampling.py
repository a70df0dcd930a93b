"""How sure error rates are: the jackknife over people, on a logit scale.

Pairs of images are not independent of each other: all pairs of one person share that
person. So each of the n people is left out once, with all pairs that show that person.
With L = log(r / (1 - r)) of a rate r of all people and L_i without person i:

    centre = n L - (n - 1) mean(L_i)
    spread^2 = (n - 1) / n sum of (L_i - mean(L_i))^2
    interval = from min(L, centre) - q spread to max(L, centre) + q spread

q is Student's quantile; its degrees of freedom are the people whom pairs of the kind
show, less 1. A rate of pairs of people is a
ratio of U-statistics of degree 2, and spread^2 estimates the variance that Hoeffding
found for those: it errs on the wide side. Nothing is drawn at random.

References:
    Hoeffding, Annals of Mathematical Statistics 19, 1948; Arvesen, the same 40, 1969
    (jackknife of functions of U-statistics, Student's t); Efron and Stein, Annals of
    Statistics 9, 1981 (why it is wide); Bolle, Ratha and Pankanti, CVIU 93, 2004
    (people, not pairs: the subsets bootstrap, which this replaced); Clopper and
    Pearson, Biometrika 26, 1934.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

_LEVELS = 240
"""Impostor similarities among which the ends of a threshold's interval are sought."""
_CELLS = 1 << 22
"""Rates, by level and person left out, that are held at a time."""
FOR_CAUTION = 3
"""A threshold has an upper end only where so many pairs of two people, of all there
are, may be accepted at its FAR; with fewer, those that get one get it by luck."""


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

    @property
    def num_people(self) -> int:
        """Different people of all pairs."""
        sides = [side for side in self[1:] if side is not None]
        return int(np.count_nonzero(np.bincount(np.concatenate(sides))))

    @property
    def num_clusters(self) -> int:
        """As many, or the pairs of two of them."""
        num = self.num_people
        return num if self.second is None else num * (num - 1) // 2


class Intervals(NamedTuple):
    """Intervals of all figures; the first three have one for each threshold.

    Attributes:
        thresholds: Where the threshold of the FAR lies.
        far: The FAR at the threshold.
        tar: The TAR at the FAR; None without genuine pairs.
        equal_error: The equal error rate; None without genuine pairs.
    """

    thresholds: tuple[Interval, ...]
    far: tuple[Interval, ...]
    tar: tuple[Interval, ...] | None
    equal_error: Interval | None


def intervals(
    genuine: Clustered | None,
    impostor: Clustered,
    *,
    num_units: int,
    fars: Sequence[float],
    thresholds: Sequence[float],
    confidence: float,
) -> Intervals:
    """Leave out each person once and see how much that changes.

    A threshold's interval holds those at whose FAR's interval the FAR asked for lies.
    It is looked for among some of the impostor similarities, closer together the higher
    they are: each next one is accepted by about 5 % fewer impostors.

    A FAR is not bounded from above where all accepted pairs show one person, a
    threshold neither where so few pairs of people are to be accepted (`FOR_CAUTION`),
    and a TAR not at all where less than one is.

    Args:
        genuine: Genuine pairs; None to do without.
        impostor: Impostor pairs.
        num_units: People, numbered from 0, at least 2.
        fars: False accept rates.
        thresholds: Their thresholds, of the impostor similarities.
        confidence: Of the intervals, e.g. 0.95.

    Returns:
        The intervals.
    """
    levels = _levels(impostor.similarities, thresholds)
    at = np.searchsorted(levels, np.asarray(thresholds, levels.dtype))
    false = _Rates.of(impostor, levels)
    true = None if genuine is None else _Rates.of(genuine, levels)
    sums = _Sums.over(false, true, at, num_units)
    tail, people = (1 - confidence) / 2, impostor.num_people
    ends = _Ends(num_units, people, tail)
    low, high = ends.of(special.logit(false.rates), sums.far)
    clusters = impostor.num_clusters
    of_tar, of_equal = None, None
    if genuine is not None and true is not None:
        ends = _Ends(num_units, min(people, genuine.num_people), tail)
        of_equal = _of_equal_error(false, true, sums, ends)
        of_tar = tuple(
            _of_tar(false, true, sums, ends, place, int(level))
            if clusters * fars[place] >= 1
            else Interval(0.0, None)
            for place, level in enumerate(at)
        )
    return Intervals(
        tuple(
            _inverted(levels, low, high, far, int(level))._replace(
                **({} if clusters * far >= FOR_CAUTION else {"high": None})
            )
            for far, level in zip(fars, at, strict=True)
        ),
        tuple(_plain(low[level], high[level]) for level in at),
        of_tar,
        of_equal,
    )


class _Rates(NamedTuple):
    """Shares of the pairs at or above each level, of all and without each person.

    Attributes:
        bins: (n,) how many levels each pair reaches, ascending.
        sides: The people of the pairs, (n,) each.
        above: (levels + 1,) pairs that reach so many levels.
    """

    bins: np.ndarray
    sides: tuple[np.ndarray, ...]
    above: np.ndarray

    @classmethod
    def of(cls, pairs: Clustered, levels: np.ndarray) -> "_Rates":
        num = len(pairs.similarities)
        below = np.searchsorted(pairs.similarities, levels, side="left")
        bins = np.repeat(
            np.arange(len(levels) + 1), np.diff(below, prepend=0, append=num)
        )
        sides = tuple(side for side in pairs[1:] if side is not None)
        return cls(bins, sides, num - np.concatenate([[0], below]))

    @property
    def rates(self) -> np.ndarray:
        return self.above[1:] / self.above[0]

    def without(self, start: int, stop: int) -> np.ndarray:
        """(levels, stop - start) rates if one of some people is left out."""
        shape = len(self.above), stop - start
        counts = np.zeros(shape[0] * shape[1], np.int64)
        for side in self.sides:
            inside = (side >= start) & (side < stop)
            cells = self.bins[inside] * shape[1] + side[inside] - start
            counts += np.bincount(cells, minlength=len(counts))
        own = np.cumsum(counts.reshape(shape)[::-1], axis=0)[::-1]
        with np.errstate(invalid="ignore"):  # nothing is left: no rate
            return (self.above[1:, None] - own[1:]) / (self.above[0] - own[0])


class _Sums(NamedTuple):
    """Sums over people left out of how far logits change, and of products of two.

    Attributes:
        far: (2, levels) of the FAR: changes, squares.
        tar: (2, thresholds) of the TAR.
        both: (thresholds,) of the FAR times the TAR.
        equal_error: (2,) of the equal error rate.
    """

    far: np.ndarray
    tar: np.ndarray
    both: np.ndarray
    equal_error: np.ndarray

    @classmethod
    def over(
        cls, false: _Rates, true: _Rates | None, at: np.ndarray, num_units: int
    ) -> "_Sums":
        parts = (
            cls.one(false, true, at, *bounds)
            for bounds in _blocks(num_units, len(false.above))
        )
        with np.errstate(invalid="ignore"):
            return cls(*(np.sum(part, axis=0) for part in zip(*parts, strict=True)))

    @classmethod
    def one(
        cls, false: _Rates, true: _Rates | None, at: np.ndarray, start: int, stop: int
    ) -> "_Sums":
        without = false.without(start, stop)
        far = _changes(without, false.rates)
        tar, equal = np.zeros((len(at), 0)), np.zeros((1, 0))
        if true is not None:
            genuine = true.without(start, stop)
            tar = _changes(genuine[at], true.rates[at])
            rate = _equal_errors(false.rates[:, None], true.rates[:, None])
            equal = _changes(_equal_errors(without, genuine)[None], rate)
        with np.errstate(invalid="ignore"):
            both = (far[at] * tar).sum(axis=1) if true is not None else np.zeros(0)
            return cls(_moments(far), _moments(tar), both, _moments(equal)[:, 0])


class _Ends(NamedTuple):
    """Ends of intervals.

    Attributes:
        num: People who are left out.
        own: Those whom pairs of the kind show, the fewest of a kind.
        tail: Share of cases beyond either end.
    """

    num: int
    own: int
    tail: float

    def of(self, logits: np.ndarray, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ends of rates, NaN where a person decides alone.

        Args:
            logits: (...) of the rates.
            sums: (2, ...) of changes and of their squares.

        Returns:
            Lower and upper ends.
        """
        with np.errstate(invalid="ignore"):
            width = special.stdtrit(self.own - 1, 1 - self.tail) * self.spread(sums)
            centre = logits - (self.num - 1) * sums[0] / self.num
            low = np.minimum(logits, centre) - width
            high = np.maximum(logits, centre) + width
        return special.expit(low), special.expit(high)

    def spread(self, sums: np.ndarray) -> np.ndarray:
        """Standard errors of the logits; NaN where a person decides alone."""
        with np.errstate(invalid="ignore"):
            square = np.maximum(sums[1] - sums[0] ** 2 / self.num, 0)
        return np.sqrt((self.num - 1) / self.num * square)

    def of_few(self, is_any: bool) -> float:
        """Upper end of a rate that one person has, or nobody: of shares of people."""
        found = int(is_any)
        if self.own <= found:
            return 1.0
        return float(special.betaincinv(found + 1, self.own - found, 1 - self.tail))


def _levels(ordered: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """Some impostor similarities, ascending, the highest and thresholds among them."""
    ranks = np.unique(np.geomspace(1, len(ordered), _LEVELS).round().astype(np.int64))
    given = np.asarray(thresholds, ordered.dtype)
    return np.unique(np.concatenate([ordered[-ranks], given]))


def _blocks(num_units: int, num_levels: int) -> Iterator[tuple[int, int]]:
    step = max(1, _CELLS // num_levels)
    for start in range(0, num_units, step):
        yield start, min(start + step, num_units)


def _changes(without: np.ndarray, rates: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return special.logit(without) - special.logit(rates)[:, None]


def _moments(changes: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.stack([changes.sum(axis=1), np.square(changes).sum(axis=1)])


def _plain(low: np.ndarray, high: np.ndarray) -> Interval:
    if np.isfinite(low) and np.isfinite(high):
        return Interval(float(low), float(high))
    return Interval(0.0, None)


def _inverted(
    levels: np.ndarray, low: np.ndarray, high: np.ndarray, far: float, at: int
) -> Interval:
    """The levels, around the one of a FAR, at whose interval it lies."""
    above = np.flatnonzero(high[at:] <= far)
    below = np.flatnonzero(low[: at + 1] >= far)
    return Interval(
        float(levels[below[-1] if below.size else 0]),
        float(levels[at + above[0]]) if above.size else None,
    )


def _of_tar(
    false: _Rates, true: _Rates, sums: _Sums, ends: _Ends, place: int, level: int
) -> Interval:
    """TAR at a FAR: at a threshold, less what a change of the FAR does to it.

    The slope of the ROC, in logits, is that between the levels whose FAR is a standard
    error higher and lower.
    """
    rate, spread = true.rates[level], ends.spread(sums.far)[level]
    if not np.isfinite(spread):
        return Interval(0.0, None)
    if not np.isfinite(
        sums.tar[:, place]
    ).all():  # at most one person is missed, or met
        if rate > 0.5:
            return Interval(1 - ends.of_few(rate < 1), 1.0)
        return Interval(0.0, ends.of_few(rate > 0))
    logits = special.logit(false.rates)
    beside = logits[level] + np.array([-1, 1]) * min(spread, 1.0)
    upper, lower = np.searchsorted(-logits, -beside).clip(max=len(logits) - 1)
    half = 0.5 / true.above[0]
    slope = 0.0
    if upper != lower:
        tars = special.logit(true.rates[[upper, lower]].clip(half, 1 - half))
        slope = (tars[1] - tars[0]) / (logits[lower] - logits[upper])
    (change, square), (own, own_square) = sums.far[:, level], sums.tar[:, place]
    of_both = np.array(
        [
            own - slope * change,
            own_square - 2 * slope * sums.both[place] + slope**2 * square,
        ]
    )
    return _plain(*ends.of(special.logit(rate), of_both))


def _of_equal_error(false: _Rates, true: _Rates, sums: _Sums, ends: _Ends) -> Interval:
    rate = _equal_errors(false.rates[:, None], true.rates[:, None])[0]
    if np.isfinite(sums.equal_error).all():
        return _plain(*ends.of(special.logit(rate), sums.equal_error))
    return Interval(0.0, max(float(rate), ends.of_few(bool(rate > 0))))


def _equal_errors(far: np.ndarray, tar: np.ndarray) -> np.ndarray:
    """Where FAR = FRR in each column, on straight lines between the levels."""
    num = far.shape[1]
    far = np.concatenate([np.ones((1, num)), far, np.zeros((1, num))])
    gap = far - 1 + np.concatenate([np.ones((1, num)), tar, np.zeros((1, num))])
    after = np.argmax(gap <= 0, axis=0)
    columns = np.arange(num)
    upper, lower = gap[after - 1, columns], gap[after, columns]
    share = upper / (upper - lower)
    start = far[after - 1, columns]
    return start + share * (far[after, columns] - start)
