"""Paired differences over people: by hand, by SciPy, and their false alarms."""

import numpy as np
import pytest
from scipy import stats

from ceil_jax.evaluation import paired

# Three people with two queries each, one gallery.
FIRST = np.array([0.2, 0.4, 0.6, 0.6, 1.0, 0.8])
SECOND = np.array([0.4, 0.8, 0.6, 0.8, 0.9, 1.0])
PEOPLE = np.array([7, 7, 2, 2, 5, 5])


def found(first, second, people):
    return paired.difference(paired.by_person(first, second, people))


def test_equal_people_give_the_paired_t_test_of_their_means():
    got = found(FIRST, SECOND, PEOPLE)
    means = FIRST.reshape(3, 2).mean(axis=1), SECOND.reshape(3, 2).mean(axis=1)
    wanted = stats.ttest_rel(means[1], means[0])
    assert got.p == pytest.approx(wanted.pvalue)
    ends = wanted.confidence_interval(0.95)
    assert (got.low, got.high) == pytest.approx((ends.low, ends.high))
    assert (got.first, got.second) == pytest.approx((0.6, 0.75))
    assert got.difference == pytest.approx(0.15)
    assert got.num_people == 3


def test_unequal_people_are_left_out_one_at_a_time():
    gaps = np.array([0.3, 0.1, 0.2, -0.4, 0.5])
    people = np.array([1, 1, 1, 2, 3])
    got = found(np.zeros(5), gaps, people)
    # Without 1: (-0.4 + 0.5) / 2; without 2: 1.1 / 4; without 3: 0.2 / 4; all: 0.7 / 5.
    away = np.array([0.05, 0.275, 0.05]) - 0.14
    error = np.sqrt(2 / 3 * (away**2).sum())
    assert got.difference == pytest.approx(0.14)
    assert got.high - got.low == pytest.approx(2 * 4.302653 * error, rel=1e-6)


def test_galleries_weigh_alike_however_many_queries_count_there():
    first = np.array([[0.0, 0.0, 0.0], [0.0, np.nan, np.nan]])
    second = np.array([[0.3, 0.6, 0.9], [0.2, np.nan, np.nan]])
    got = found(first, second, np.array([4, 5, 6]))
    assert got.difference == pytest.approx((0.6 + 0.2) / 2)
    # Without 4 the second gallery has nobody: 0.75; without 5: (0.6 + 0.2) / 2 = 0.4;
    # without 6: (0.45 + 0.2) / 2 = 0.325.
    away = np.array([0.75, 0.4, 0.325]) - 0.4
    half = 4.302653 * np.sqrt(2 / 3 * (away**2).sum())
    assert got.high == pytest.approx(0.4 + half, rel=1e-6)


def test_queries_without_a_match_and_their_people_are_left_out():
    more = np.append(FIRST, np.nan), np.append(SECOND, np.nan), np.append(PEOPLE, 9)
    assert found(*more) == found(FIRST, SECOND, PEOPLE)


def test_a_model_against_itself_is_not_resolved():
    got = found(FIRST, FIRST, PEOPLE)
    assert (got.difference, got.low, got.high, got.p) == (0, 0, 0, 1)


def test_one_person_says_nothing():
    got = found(FIRST, SECOND, np.ones(6, int))
    assert (got.low, got.high, got.p) == (-np.inf, np.inf, 1)


def test_a_difference_that_all_people_share_is_sure():
    assert found(np.zeros(4), np.ones(4), np.arange(4)).p == 0


def test_more_queries_of_a_person_that_agree_change_nothing():
    again = [np.repeat(values, 5) for values in (FIRST, SECOND, PEOPLE)]
    got, once = found(*again), found(FIRST, SECOND, PEOPLE)
    assert np.allclose(got[:6], once[:6])


@pytest.mark.parametrize(
    ("first", "second", "people", "message"),
    [
        (np.zeros((2, 3)), np.zeros((1, 3)), np.zeros(3), "same galleries and queries"),
        (np.zeros(3), np.zeros(3), np.zeros(2), "same galleries and queries"),
        (np.zeros(2), np.array([0, np.nan]), np.zeros(2), "one of the models only"),
    ],
)
def test_what_does_not_pair(first, second, people, message):
    with pytest.raises(ValueError, match=message):
        paired.by_person(first, second, people)


def test_nothing_to_compare():
    with pytest.raises(ValueError, match="no query counts"):
        found(np.full(2, np.nan), np.full(2, np.nan), np.arange(2))


@pytest.mark.parametrize(
    ("probabilities", "wanted"),
    [
        ([0.01, 0.02, 0.03], [True, True, True]),
        ([0.02, 0.02, 0.001], [True, True, True]),
        ([0.03, 0.01, 0.04], [False, True, False]),  # 0.03 > 0.05 / 2
        ([0.2, 0.017, 0.016], [False, True, True]),
        ([0.02], [True]),
        ([], []),
    ],
)
def test_holm(probabilities, wanted):
    assert paired.holm(probabilities) == wanted


@pytest.mark.parametrize("num_people", [10, 40, 100])
def test_false_alarms_where_people_are_unlike_and_models_are_alike(num_people):
    rng = np.random.default_rng(num_people)
    people = np.repeat(np.arange(num_people), 6)
    alarms = 0
    for _ in range(400):
        person = rng.normal(size=num_people)  # how hard each is, for both models
        sides = [
            1
            / (1 + np.exp(-(person + 0.7 * rng.normal(size=num_people))[people]))
            * rng.uniform(0.5, 1, (3, len(people)))
            for _ in range(2)
        ]
        alarms += found(sides[0], sides[1], people).p <= 0.05
    # 5 % of 400 is 20; more than 34 come in one of a thousand such tests.
    assert 6 <= alarms <= 34
