import numpy as np
import pytest

from ceil_jax.largest import largest


@pytest.mark.parametrize("k", [1, 3, 8, 20])
def test_equals_a_stable_sort(rng, k):
    scores = rng.integers(0, 4, (30, 8)).astype(np.float32)  # many ties
    row, place, column = largest(scores, k)
    want = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    found = np.full(want.shape, -1)
    found[row, place] = column
    np.testing.assert_array_equal(found, want)
    assert len(row) == want.size


def test_nan_is_left_out():
    scores = np.array([[1, np.nan, 3, 2], [np.nan] * 4, [np.nan, 0, np.nan, np.nan]])
    row, place, column = largest(scores, 2)
    np.testing.assert_array_equal(row, [0, 0, 2])
    np.testing.assert_array_equal(place, [0, 1, 0])
    np.testing.assert_array_equal(column, [2, 3, 1])
