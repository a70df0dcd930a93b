import numpy as np
import pytest
from scipy import sparse

from ceil_jax.common import sparse_rows


@pytest.mark.parametrize("capacity", [0, 1, 500])
def test_stacked_equals_the_dense_rows(rng, capacity):
    dense = (rng.random((20, 20)) * (rng.random((20, 20)) < 0.3)).astype(np.float32)
    dense[7:9] = 0
    parts = [sparse.csr_array(dense[n : n + 6]) for n in range(0, 20, 6)]
    got = sparse_rows.stacked(iter(parts), 20, capacity=capacity)
    assert (got.dtype, got.shape) == (np.float32, (20, 20))
    np.testing.assert_array_equal(got.toarray(), dense)


@pytest.mark.parametrize("num_rows", [1, 127, 128, 129, 50_000, 600_000])
def test_row_slices_are_all_rows_once(num_rows):
    slices = sparse_rows.row_slices(num_rows)
    numbers = np.concatenate([np.arange(num_rows)[part] for part in slices])
    np.testing.assert_array_equal(numbers, np.arange(num_rows))
    assert max(part.stop - part.start for part in slices) <= sparse_rows.MAX_ROWS


def test_stacking_keeps_zeros_and_small_numbers():
    zeros = sparse.csr_array(np.ones((1, 2), np.float32))
    zeros.data[:] = 0
    whole = sparse_rows.stacked([zeros, zeros], 2, capacity=1)
    assert (whole.shape, whole.nnz) == ((2, 2), 4)
    assert whole.indices.dtype == whole.indptr.dtype == np.int32


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64])
def test_lists_become_rows(rng, dtype):
    indices = np.argsort(rng.random((9, 9)), axis=1)[:, :4]
    values = rng.integers(1, 9, (9, 4)).astype(dtype)
    got = sparse_rows.from_lists(indices, values)
    want = np.zeros((9, 9), dtype)
    np.put_along_axis(want, indices, values, axis=1)
    np.testing.assert_array_equal(got.toarray(), want)
    assert got.dtype == dtype
    assert got.indices.dtype == got.indptr.dtype == np.int32
