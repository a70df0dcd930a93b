"""What a recipe gives: a figure over training seeds, and two recipes seed by seed.

Training with another seed alone moves a figure by several points, so that one run
against another says nothing of what was changed between them. Two recipes are compared
by the differences of runs with equal seeds,

    t = mean(d) / (std(d) / sqrt(n)), with n - 1 degrees of freedom,

and only where there are `MIN_PAIRS` of them.

References:
    Student, Biometrika 6, 1908; Bouthillier et al., MLSys 2021 (what a seed alone
    moves).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from ceil_jax.evaluation.paired import CONFIDENCE, of_t

MIN_PAIRS = 6
"""Fewer pairs of training seeds say nothing of recipes."""


class OverSeeds(NamedTuple):
    """A figure of several seeds.

    Attributes:
        mean: Their mean.
        std: Sample standard deviation (divided by their number less one); None of one
            seed.
        low: The lowest.
        high: The highest.
    """

    mean: float
    std: float | None
    low: float
    high: float


class SeedDifference(NamedTuple):
    """By how much the second recipe is better than the first, seed by seed.

    Attributes:
        first: Mean of the first recipe over the seeds of both.
        second: Likewise of the second.
        by_seed: Second less first.
        mean: Mean of those.
        std: Their sample standard deviation; infinite for one pair.
        low: Lower end of the interval of the mean; minus infinity for one pair.
        high: Upper end.
        p: Probability of a mean as far from 0, or farther, if the recipes were alike.
    """

    first: float
    second: float
    by_seed: dict[int, float]
    mean: float
    std: float
    low: float
    high: float
    p: float

    @property
    def speaks(self) -> bool:
        """Whether there are enough pairs to speak about recipes."""
        return len(self.by_seed) >= MIN_PAIRS


def over_seeds(values: Sequence[float]) -> OverSeeds:
    """Mean and spread of a figure.

    Args:
        values: Of each seed, one at least.

    Returns:
        In the unit of the values.
    """
    found = np.asarray(values, np.float64)
    std = float(found.std(ddof=1)) if len(found) > 1 else None
    return OverSeeds(float(found.mean()), std, float(found.min()), float(found.max()))


def difference(
    first: Mapping[int, float],
    second: Mapping[int, float],
    *,
    confidence: float = CONFIDENCE,
) -> SeedDifference:
    """Two recipes compared over the training seeds that both have.

    Args:
        first: A figure of the first recipe by seed.
        second: The same figure of the second.
        confidence: Share of such intervals that hold the mean over all seeds.

    Returns:
        The difference, in the unit of the figures.

    Raises:
        ValueError: They have no seed in common.
    """
    common = sorted(first.keys() & second.keys())
    if not common:
        raise ValueError("the two have no training seed in common")
    gaps = np.array([second[seed] - first[seed] for seed in common])
    one, other = (float(np.mean([x[s] for s in common])) for x in (first, second))
    by_seed = dict(zip(common, gaps.tolist(), strict=True))
    mean, num = float(gaps.mean()), len(gaps)
    if num == 1:
        ends = np.inf, -np.inf, np.inf, 1.0
        return SeedDifference(one, other, by_seed, mean, *ends)
    std = float(gaps.std(ddof=1))
    error = std / num**0.5
    half = float(stats.t.isf((1 - confidence) / 2, num - 1)) * error
    p = of_t(mean, error, num - 1)
    return SeedDifference(one, other, by_seed, mean, std, mean - half, mean + half, p)
