"""Recipes over training seeds."""

import numpy as np
import pytest
from scipy import stats

from ceil_jax.evaluation import seeds

# Rank-1 of six seeds of the demo in docs/demo.md, bfloat16 less float32.
GAPS = dict(enumerate([-3.4, 5.5, -1.9, -0.2, 0.6, -2.4], 1))


def test_the_recorded_differences_of_the_demo():
    got = seeds.difference(
        dict.fromkeys(GAPS, 50.0), {s: 50 + g for s, g in GAPS.items()}
    )
    # As the page has them: mean -0.3, standard error 1.3, interval -3.6 to +3.1.
    found = (got.mean, got.std / 6**0.5, got.low, got.high)
    assert found == pytest.approx((-0.3, 1.3, -3.6, 3.1), abs=0.06)
    assert got.speaks


def test_it_is_the_paired_t_test(rng):
    first, second = rng.normal(50, 3, 7), rng.normal(52, 3, 7)
    got = seeds.difference(dict(enumerate(first)), dict(enumerate(second)))
    wanted = stats.ttest_rel(second, first)
    ends = wanted.confidence_interval(0.95)
    assert got.p == pytest.approx(wanted.pvalue)
    assert (got.low, got.high) == pytest.approx((ends.low, ends.high))
    assert (got.first, got.second) == pytest.approx((first.mean(), second.mean()))


def test_only_seeds_of_both_count_and_five_do_not_speak():
    got = seeds.difference({1: 1.0, 2: 2.0, 9: 0.0}, {2: 5.0, 1: 3.0, 8: 0.0})
    assert got.by_seed == {1: 2.0, 2: 3.0}
    assert (got.first, got.second) == (1.5, 4.0)
    five = dict.fromkeys(range(5), 1.0)
    assert not seeds.difference(five, five).speaks
    with pytest.raises(ValueError, match="no training seed in common"):
        seeds.difference({1: 1.0}, {2: 1.0})


def test_one_pair_has_no_interval():
    got = seeds.difference({1: 1.0}, {1: 3.0})
    assert (got.mean, got.low, got.high, got.p) == (2.0, -np.inf, np.inf, 1.0)


def test_mean_and_spread():
    got = seeds.over_seeds([10.0, 40.0, 50.0])
    assert got.mean == pytest.approx(100 / 3)
    assert got.std == pytest.approx((1300 / 3) ** 0.5)  # deviations -70/3, 20/3, 50/3
    assert (got.low, got.high) == (10, 50)
    assert seeds.over_seeds([3.0]) == (3.0, None, 3.0, 3.0)
