import numpy as np
import pytest

from ceil_jax.neighbours import largest as module
from ceil_jax.neighbours.largest import RunningLargest, bounds, largest


def stable(scores, k):
    """The columns of the k largest, equal ones in their order."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("k", [1, 3, 8, 20])
@pytest.mark.parametrize("num_columns", [1, 8, 500])
def test_equals_a_stable_sort(rng, k, num_columns):
    scores = rng.integers(0, 4, (30, num_columns)).astype(np.float32)  # many ties
    row, place, column = largest(scores, k)
    want = stable(scores, k)
    found = np.full(want.shape, -1)
    found[row, place] = column
    np.testing.assert_array_equal(found, want)
    assert len(row) == want.size


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_different_numbers(rng, dtype):
    scores = rng.standard_normal((7, 3001)).astype(dtype)
    row, place, column = largest(scores, 5)
    np.testing.assert_array_equal(row, np.repeat(np.arange(7), 5))
    np.testing.assert_array_equal(place, np.tile(np.arange(5), 7))
    np.testing.assert_array_equal(column.reshape(7, 5), stable(scores, 5))


def test_nan_is_left_out_and_infinity_is_not():
    nan, inf = np.nan, np.inf
    scores = np.array(
        [[1, nan, 3, 2], [nan] * 4, [nan, 0, nan, nan], [-inf, nan, inf, 1]]
    )
    row, place, column = largest(scores, 3)
    np.testing.assert_array_equal(row, [0, 0, 0, 2, 3, 3, 3])
    np.testing.assert_array_equal(place, [0, 1, 2, 0, 0, 1, 2])
    np.testing.assert_array_equal(column, [2, 3, 0, 1, 2, 3, 0])


def test_nan_in_most_places_of_a_long_row(rng):
    scores = np.full((3, 400), np.nan)
    scores[0, 399], scores[1, [7, 350]], scores[2] = 1, [2, 3], 4
    row, place, column = largest(scores, 2)
    np.testing.assert_array_equal(row, [0, 1, 1, 2, 2])
    np.testing.assert_array_equal(place, [0, 0, 1, 0, 1])
    np.testing.assert_array_equal(column, [399, 350, 7, 0, 1])


@pytest.mark.parametrize(("num_columns", "most"), [(40, 3), (48, 6), (1000, 6)])
def test_bounds_are_reached_by_k_and_few_others(rng, num_columns, most):
    scores = rng.standard_normal((50, num_columns))
    reached = (scores >= bounds(scores, 3)[:, None]).sum(axis=1)
    assert reached.min() >= 3
    assert reached.mean() <= most
    np.testing.assert_array_equal(bounds(scores, num_columns), -np.inf)


def in_tiles(scores, k, *, height, width, transposed):
    """The columns and the entries by a running list."""
    lists = RunningLargest(len(scores), k)
    rows = [
        slice(n, min(n + height, len(scores))) for n in range(0, len(scores), height)
    ]
    num_columns = scores.shape[1]
    for first in range(0, num_columns, width):
        columns = slice(first, min(first + width, num_columns))
        for some in rows:
            tile = scores[some, columns]
            tile = tile.T.copy().T if transposed else tile.copy()
            lists.add(some, lists.candidates(some, columns, tile))
    for some in rows:
        lists.merge(some)
    return lists.columns, lists.scores


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("k", [1, 4, 60, 200])
@pytest.mark.parametrize("kind", ["ties", "normal", "rising", "falling", "equal"])
@pytest.mark.parametrize("many", [0, 4])
def test_tiles_give_what_the_matrix_gives(rng, monkeypatch, kind, k, transposed, many):
    monkeypatch.setattr(module, "MANY", many)
    scores = {
        "ties": rng.integers(0, 5, (23, 200)),
        "normal": rng.standard_normal((23, 200)),
        "rising": np.tile(np.arange(200), (23, 1)),
        "falling": -np.tile(np.arange(200), (23, 1)),
        "equal": np.ones((23, 200)),
    }[kind].astype(np.float32)
    columns, found = in_tiles(scores, k, height=10, width=16, transposed=transposed)
    want = stable(scores, k)
    np.testing.assert_array_equal(columns, want)
    np.testing.assert_array_equal(found, np.take_along_axis(scores, want, axis=1))


def test_a_list_may_stay_short():
    scores = np.array([[1, np.nan, 2], [np.nan, np.nan, np.nan]], np.float32)
    columns, found = in_tiles(scores, 2, height=2, width=2, transposed=False)
    np.testing.assert_array_equal(columns, [[2, 0], [-1, -1]])
    np.testing.assert_array_equal(found, [[2, 1], [-np.inf, -np.inf]])


def test_few_candidates_wait_for_each_other(rng):
    lists = RunningLargest(8, 5)
    some, columns = slice(0, 8), slice(0, 50)
    lists.add(some, lists.candidates(some, columns, rng.random((8, 50), np.float32)))
    assert (lists.columns >= 0).all()
    before = lists.columns.copy()
    later = np.zeros((8, 50), np.float32)
    later[3, 20] = 2
    lists.add(some, lists.candidates(some, slice(50, 100), later))
    np.testing.assert_array_equal(lists.columns, before)
    lists.merge(some)
    assert (lists.columns[3, 0], lists.scores[3, 0]) == (70, 2)
    np.testing.assert_array_equal(lists.columns[3, 1:], before[3, :-1])
    np.testing.assert_array_equal(lists.columns[[0, 7]], before[[0, 7]])
