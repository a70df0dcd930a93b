import numpy as np
import pytest

from ceil_jax import neighbours
from tests.ceil_jax import naive


@pytest.mark.parametrize("search", ["faiss", "device", None])
@pytest.mark.parametrize(("num_rows", "k"), [(1, 1), (2, 5), (17, 4), (60, 60)])
def test_equals_loops(rng, search, num_rows, k):
    rows = naive.unit_rows(rng, num_rows)
    got = neighbours.nearest(rows, k=k, search=search)
    want, products = naive.ranks(rows, k)
    np.testing.assert_array_equal(got.indices, want)
    assert (got.indices.dtype, got.similarities.dtype) == (np.int32, np.float32)
    want = np.take_along_axis(products, np.array(want), axis=1)
    np.testing.assert_allclose(got.similarities, want, atol=1e-6)


@pytest.mark.parametrize("search", ["faiss", "device"])
def test_a_row_comes_first_among_its_equals_and_longer_rows(rng, search):
    rows = naive.unit_rows(rng, 40)
    rows[5:30] = rows[5]
    rows[33] = 3 * rows[32]  # the longer row has the larger product with row 32
    got = neighbours.nearest(rows, k=4, search=search)
    np.testing.assert_array_equal(got.indices[:, 0], np.arange(40))
    np.testing.assert_allclose(got.similarities[:, 0], (rows**2).sum(1), rtol=1e-6)
    for row in got.indices:
        assert len(set(row)) == 4
    assert got.indices[32, 1] == 33


def test_itself_first_keeps_the_order_of_the_others():
    indices = np.array([[2, 0, 1], [1, 2, 0], [0, 1, 2]])
    similarities = np.array([[3.0, 2, 1], [6, 5, 4], [9, 8, 7]])
    got = neighbours.itself_first(indices, similarities)
    np.testing.assert_array_equal(got.indices, [[0, 2, 1], [1, 2, 0], [2, 0, 1]])
    np.testing.assert_array_equal(got.similarities, [[2, 3, 1], [6, 5, 4], [7, 9, 8]])


def test_bad_arguments_are_named(rng):
    rows = naive.unit_rows(rng, 5)
    with pytest.raises(ValueError, match="k=0"):
        neighbours.nearest(rows, k=0)
    rows[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"features\[2\]"):
        neighbours.nearest(rows, k=1)
