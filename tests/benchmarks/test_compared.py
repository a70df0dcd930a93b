"""The simulation of two models, in small."""

import numpy as np
import pytest

from benchmarks import compared
from ceil_jax.evaluation import metrics, paired


def test_equal_models_are_alike_and_less_noise_is_better():
    rng = np.random.default_rng(0)
    gaps: dict[float, list[float]] = {1.0: [], 0.6: []}
    for less, found in gaps.items():
        for _ in range(20):
            ids, sides = compared.simulated(rng, 8, np.full(8, 3), less)
            assert sides[0].precision.shape == (compared.GALLERIES, len(ids))
            found.append(sides[1].precision.mean() - sides[0].precision.mean())
    assert abs(np.mean(gaps[1.0])) < 0.05
    assert np.mean(gaps[0.6]) > 0.1


def test_average_precision_of_two_right_images():
    ids, [one, _] = compared.simulated(np.random.default_rng(1), 1, np.array([2]), 1.0)
    assert ids.tolist() == [0, 0]
    assert (one.precision == 1).all()  # nobody else is in the gallery
    wanted = metrics.evaluate(
        np.array([[0.9, 0.8, 0.7, 0.6]]), [1], [1, 2, 3, 1], protocol="regdb"
    )
    assert wanted.mean_ap == pytest.approx((1 / 1 + 2 / 4) / 2)


def test_drawn_people_give_intervals_near_ours_where_people_are_many():
    rng = np.random.default_rng(2)
    people = np.arange(300)
    sums = paired.by_person(np.zeros(300), rng.normal(0.2, 1, 300), people)
    ours = paired.difference(sums)
    for low, high in compared.of_bootstrap(sums, rng).values():
        assert (low, high) == pytest.approx((ours.low, ours.high), abs=0.03)


def test_tables_have_a_line_for_each_number_of_people():
    table = compared.coverage([4, 5], 3, 1.0)
    assert [line[:2] for line in table.rows] == [
        *([4, "4"], [5, "4"], [4, "2 to 15"], [5, "2 to 15"])
    ]
    assert len(compared.whole_tables([4], 3).rows) == 1
    assert [line[0] for line in compared.recipes(50).rows] == [6, 10]
