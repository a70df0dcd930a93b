import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceil_jax.training.matching import assign, assignment_cost, match
from tests.ceil_jax import naive


def best_pairing(cost):
    """The cheapest way to give every column a row of its own, by trying them all."""
    num_rows, num_columns = cost.shape
    ways = itertools.permutations(range(num_rows), num_columns)
    return min(ways, key=lambda rows: cost[list(rows), range(num_columns)].sum())


def test_assign_worked_by_hand():
    cost = np.array([[1.0, 9], [2, 3], [8, 7], [4, 5], [6, 9]])
    column_of, row_of = assign(cost)
    # Rows 0 and 1 are cheapest (1 + 3); of 2, 3, 4 then 3 and 2 (4 + 7); 4 is last.
    np.testing.assert_array_equal(row_of, [0, 1])
    np.testing.assert_array_equal(column_of, [0, 1, 1, 0, 0])


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_columns=st.integers(1, 3),
    more=st.integers(0, 3),
)
def test_every_round_is_the_cheapest_pairing(seed, num_columns, more):
    rng = np.random.default_rng(seed)
    cost = rng.uniform(size=(num_columns + more, num_columns))
    column_of, row_of = assign(cost)
    np.testing.assert_array_equal(row_of, best_pairing(cost))
    np.testing.assert_array_equal(column_of[row_of], np.arange(num_columns))
    left = np.setdiff1d(np.arange(len(cost)), row_of)
    if num_columns <= len(left):
        again = left[list(best_pairing(cost[left]))]
        np.testing.assert_array_equal(column_of[again], np.arange(num_columns))


@pytest.mark.parametrize(("num_visible", "num_infrared"), [(6, 6), (7, 5), (5, 7)])
def test_partners_are_the_cheapest_by_loops(rng, num_visible, num_infrared):
    visible = naive.unit_rows(rng, num_visible)
    infrared = naive.unit_rows(rng, num_infrared)
    to_infrared, to_visible = match(visible, infrared, k1=4, k2=2)
    visible_is_rows = num_visible >= num_infrared
    rows, columns = (visible, infrared) if visible_is_rows else (infrared, visible)
    similarity = naive.gcr(rows, columns, None, 4, 2, 1.0, 3)
    of_rows, of_columns = (
        (to_infrared, to_visible) if visible_is_rows else (to_visible, to_infrared)
    )
    np.testing.assert_array_equal(of_columns, best_pairing(np.exp(-similarity)))
    np.testing.assert_array_equal(of_rows[of_columns], np.arange(len(columns)))
    assert (to_infrared.dtype, to_visible.dtype) == (np.int32, np.int32)
    assert ((of_rows >= 0) & (of_rows < len(columns))).all()


def test_clear_pairs_are_found_whatever_the_order_and_length(rng):
    # Every group has two visible and two infrared rows; both levels of k fit in it.
    directions = np.eye(12)[:, :]
    visible = np.concatenate([directions, directions]) + 0.01 * rng.normal(
        size=(24, 12)
    )
    order = rng.permutation(12)
    infrared = 7.5 * directions[order]
    to_infrared, to_visible = match(visible, infrared, k1=3, k2=3)
    np.testing.assert_array_equal(order[to_infrared], np.arange(24) % 12)
    np.testing.assert_array_equal(to_visible % 12, order)


@pytest.mark.parametrize(("num_visible", "num_infrared"), [(1, 1), (1, 6), (6, 1)])
def test_a_single_center_partners_with_all(rng, num_visible, num_infrared):
    visible = naive.unit_rows(rng, num_visible)
    infrared = naive.unit_rows(rng, num_infrared)
    to_infrared, to_visible = match(visible, infrared, k1=30, k2=3)
    assert to_infrared.shape == (num_visible,)
    assert to_visible.shape == (num_infrared,)
    if num_infrared == 1:
        np.testing.assert_array_equal(to_infrared, 0)
    if num_visible == 1:
        np.testing.assert_array_equal(to_visible, 0)


@pytest.mark.parametrize("scale", [1e-42, 1e-30, 1e-3, 7.0, 1e15, 1e36])
def test_partners_are_the_same_at_any_scale(rng, scale):
    visible, infrared = naive.unit_rows(rng, 9), naive.unit_rows(rng, 6)
    visible[4] = 0
    want = match(visible, infrared, k1=5, k2=3)
    # By a power of two, which rounds nothing (but numbers below 1e-38).
    scale = 2.0 ** round(np.log2(scale))
    for rows in (scale * visible.astype(float), (scale * visible).astype(np.float32)):
        if scale < 1e-38 and rows.dtype == np.float32:
            continue
        for a, b in zip(match(rows, infrared, k1=5, k2=3), want, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("zeros", [[0], [0, 3], range(8)])
def test_rows_of_zeros_get_partners(rng, zeros):
    visible, infrared = naive.unit_rows(rng, 8), naive.unit_rows(rng, 8)
    visible[list(zeros)] = 0
    cost = assignment_cost(visible, infrared, k1=4, k2=2)
    assert np.isfinite(cost).all()
    # Nothing is propagated from a row without a direction: similarity 0, cost 1.
    np.testing.assert_array_equal(cost[list(zeros)], 1)
    to_infrared, to_visible = match(visible, infrared, k1=4, k2=2)
    np.testing.assert_array_equal(np.sort(to_infrared), np.arange(8))
    np.testing.assert_array_equal(to_infrared[to_visible], np.arange(8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"visible_centers": np.zeros((0, 4))}, "visible_centers.shape"),
        ({"infrared_centers": np.zeros((0, 4))}, "infrared_centers.shape"),
        ({"infrared_centers": np.ones((3, 5))}, "as wide as"),
        ({"infrared_centers": np.full((3, 4), np.nan)}, r"infrared_centers\[0\]"),
        ({"k1": 0}, "k1=0"),
        ({"k2": 0}, "k2=0"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    good = {"visible_centers": np.eye(4), "infrared_centers": np.eye(4)}
    with pytest.raises(ValueError, match=message):
        match(**good | {"k1": 3, "k2": 2} | changes)
