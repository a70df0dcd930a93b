"""Recipes paired over splits and people: by hand, by SciPy, by a naive version."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from ceil_jax.evaluation import paired, paired_splits
from tests.ceil_jax.evaluation import paired_runs


def sums_of(gaps):
    """Of single queries (split, person, gap)."""
    num_splits = max(split for split, *_ in gaps) + 1
    values = np.full((num_splits, len(gaps)), np.nan)
    for place, (split, _, gap) in enumerate(gaps):
        values[split, place] = gap
    people = np.array([person for _, person, _ in gaps])
    return paired.by_person(np.where(np.isnan(values), np.nan, 0), values, people)


def naive(gaps):
    """Difference and parts of its variance, person by person and split by split."""

    def mean(kept):
        splits = sorted({split for split, *_ in gaps})
        means = [np.mean([g for s, _, g in kept if s == split]) for split in splits]
        return np.mean(means), np.array(means)

    middle, by_split = mean(gaps)
    people = sorted({person for _, person, _ in gaps})
    away = [mean([g for g in gaps if g[1] != p])[0] - middle for p in people]
    of_people = (len(people) - 1) / len(people) * np.sum(np.square(away))
    num = len(by_split)
    spread = np.sum((by_split - middle) ** 2) / (num - 1)
    both = 0
    for split in range(num):
        size = sum(s == split for s, *_ in gaps)
        for person in people:
            own = [g for s, p, g in gaps if (s, p) == (split, person)]
            both += (sum(g - by_split[split] for g in own) / (num * size)) ** 2
    return middle, of_people, spread / num, both


@pytest.mark.parametrize("moved", [0.0, 1.0])
def test_people_and_trainings_add_up(moved):
    """Where they move anything; else what is in both would take too much."""
    rng = np.random.default_rng(3)
    of_person, of_split = moved * rng.normal(size=10), 3 * moved * rng.normal(size=4)
    gaps = [
        (split, int(person), of_person[person] + of_split[split] + rng.normal())
        for split in range(4)
        for person in rng.permutation(10)[:5]
        for _ in range(rng.integers(1, 4))
    ]
    got = paired_splits.difference(sums_of(gaps))
    middle, of_people, of_trainings, both = naive(gaps)
    added = of_people + of_trainings - both
    assert (added > max(of_people, of_trainings)) == bool(moved)
    squared = max(added, of_people, of_trainings)
    assert got.difference == pytest.approx(middle)
    half = 3.182446 * squared**0.5  # Student's t with three degrees of freedom
    assert got.high - got.low == pytest.approx(2 * half, rel=1e-6)
    assert got.p == pytest.approx(2 * stats.t.sf(abs(middle) / squared**0.5, 3))
    assert got.num_people == len({person for _, person, _ in gaps})


def test_people_who_agree_leave_the_t_test_over_trainings():
    by_split = [0.3, 0.1, -0.2, 0.4, 0.2]
    gaps = [(s, p, gap) for s, gap in enumerate(by_split) for p in range(40)]
    got = paired_splits.difference(sums_of(gaps))
    wanted: Any = stats.ttest_1samp(by_split, 0)
    assert got.p == pytest.approx(wanted.pvalue)
    ends = wanted.confidence_interval(0.95)
    assert (got.low, got.high) == pytest.approx((ends.low, ends.high))
    assert paired_splits.by_split(sums_of(gaps)).tolist() == pytest.approx(by_split)


def test_trainings_that_agree_leave_the_t_test_over_people():
    by_person = [0.3, 0.1, -0.2, 0.4, 0.2]
    gaps = [(s, p, gap) for s in range(5) for p, gap in enumerate(by_person)]
    got = paired_splits.difference(sums_of(gaps))
    wanted: Any = stats.ttest_1samp(by_person, 0)
    assert got.p == pytest.approx(wanted.pvalue)


def test_one_split_or_one_person_says_nothing():
    for gaps in ([(0, 1, 0.1), (0, 2, 0.3)], [(0, 1, 0.1), (1, 1, 0.3)]):
        got = paired_splits.difference(sums_of(gaps))
        assert (got.low, got.high, got.p) == (-np.inf, np.inf, 1)
        assert got.difference == pytest.approx(0.2)


def test_a_split_in_which_nobody_counts_is_refused():
    sums = sums_of([(0, 1, 0.1), (0, 2, 0.3)])
    empty = [np.pad(each, ((0, 0), (0, 1))) for each in sums]
    with pytest.raises(ValueError, match="no query of a split counts"):
        paired_splits.difference(paired.Sums(*empty))


def recipe(seed, better=0.0, splits=range(1, 8)):
    return {n: paired_runs.split(n, seed, better) for n in splits}


def test_every_figure_of_two_recipes():
    first, second = recipe(1), recipe(2, better=0.1)
    got = paired_splits.compared(first, second)
    assert [row[:3] for row in got.rows[:4]] == [
        ("visible_to_infrared", kind, figure)
        for kind in ("plain", "gcr")
        for figure in ("rank1", "mAP")
    ]
    assert len(got.rows) == 8
    assert got.at == 1
    means = {
        n: [
            100 * side[n]["visible_to_infrared"].each["plain"].average_precision.mean()
            for side in (first, second)
        ]
        for n in first
    }
    row = got.rows[1].difference
    assert row.first == pytest.approx(np.mean([m[0] for m in means.values()]))
    assert row.second == pytest.approx(np.mean([m[1] for m in means.values()]))
    assert got.by_split == pytest.approx({n: b - a for n, (a, b) in means.items()})
    assert got.rows[1].is_resolved
    tested = {
        p
        for n in first
        for p in paired_runs.split(n, 0)["visible_to_infrared"].query.identities
    }
    assert row.num_people == len(tested)


def test_the_figure_that_it_rests_on_decides_for_all():
    rows = paired_splits.compared(recipe(1), recipe(2)).rows
    assert not any(row.is_resolved for row in rows)
    one_model = paired_splits.compared(recipe(1), recipe(1), rests_on="gcr")
    assert one_model.rows[one_model.at].kind == "gcr"
    assert set(one_model.by_split.values()) == {0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.pop("infrared_to_visible"), "split 3 has other searches than"),
        (
            lambda r: r.update(paired_runs.split(4, 1)),
            "split 3, visible to infrared search: other queries, the first split3-0",
        ),
        (
            lambda r: r.update(
                visible_to_infrared=r["visible_to_infrared"]._replace(
                    gallery_digests=np.array(["g3-0", "g3-1"])
                )
            ),
            "split 3, visible to infrared search: 1 galleries against 2",
        ),
    ],
)
def test_what_does_not_pair(change, said):
    first, second = recipe(1), recipe(2)
    change(second[3])
    assert paired_splits.refusal(first, second).startswith(said)
    with pytest.raises(ValueError, match="cannot be paired: split 3"):
        paired_splits.compared(first, second)
