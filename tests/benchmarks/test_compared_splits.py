"""The simulation of recipes on splits, in small."""

import numpy as np
import pytest

from benchmarks import compared_splits
from benchmarks.compared_splits import LUCKS, Luck
from ceil_jax.evaluation import metrics, paired_splits


def test_half_of_the_people_are_tested_in_each_split():
    sums = compared_splits.simulated(np.random.default_rng(0), 12, Luck())
    assert sums.counts.shape == (12, 10)
    assert (sums.counts.sum(axis=0) == 6 * compared_splits.QUERIES).all()
    assert (sums.counts > 0).sum(axis=1).std() > 0  # some more often than others


def test_less_noise_is_better():
    rng = np.random.default_rng(1)
    gaps = [
        paired_splits.by_split(compared_splits.simulated(rng, 12, Luck(), 0.5)).mean()
        for _ in range(5)
    ]
    assert np.mean(gaps) > 0.1


def test_luck_moves_whole_models():
    spread = {}
    for name, luck in {"none": Luck(), "much": Luck(of_training=0.5)}.items():
        sums = compared_splits.simulated(np.random.default_rng(2), 40, luck)
        spread[name] = paired_splits.by_split(sums).std()
    assert spread["much"] > 2 * spread["none"]


def test_average_precision_is_that_of_the_evaluation():
    rng = np.random.default_rng(3)
    query, gallery = rng.normal(size=(6, 4)), rng.normal(size=(8, 4))
    asked, held = np.array([0, 0, 1, 2, 3, 3]), np.repeat(np.arange(4), 2)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (query, gallery)]
    wanted = metrics.evaluate(unit[0] @ unit[1].T, asked, held, protocol="regdb")
    got = compared_splits._precision(query, gallery, asked, held)
    assert got.mean() == pytest.approx(wanted.mean_ap)


def test_the_table_has_a_line_for_each_number_of_people_and_luck():
    table = compared_splits.table([6, 8], 3)
    assert [line[:2] for line in table.rows] == [
        [num, name] for name in LUCKS for num in (6, 8)
    ]
    assert all(len(line) == len(table.headers) for line in table.rows)
