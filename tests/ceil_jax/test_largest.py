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


def test_nan_is_left_out_and_infinity_is_not():
    nan, inf = np.nan, np.inf
    scores = np.array(
        [[1, nan, 3, 2], [nan] * 4, [nan, 0, nan, nan], [-inf, nan, inf, 1]]
    )
    row, place, column = largest(scores, 3)
    np.testing.assert_array_equal(row, [0, 0, 0, 2, 3, 3, 3])
    np.testing.assert_array_equal(place, [0, 1, 2, 0, 0, 1, 2])
    np.testing.assert_array_equal(column, [2, 3, 0, 1, 2, 3, 0])
