import numpy as np
import pytest
from scipy import sparse

from ceil_jax.rerank import assemble


@pytest.mark.parametrize("capacity", [0, 1, 500])
def test_stacked_equals_the_dense_rows(rng, capacity):
    dense = (rng.random((20, 20)) * (rng.random((20, 20)) < 0.3)).astype(np.float32)
    dense[7:9] = 0
    parts = [sparse.csr_array(dense[n : n + 6]) for n in range(0, 20, 6)]
    got = assemble.stacked(iter(parts), 20, capacity=capacity)
    assert (got.dtype, got.shape) == (np.float32, (20, 20))
    np.testing.assert_array_equal(got.toarray(), dense)


@pytest.mark.parametrize("num_rows", [1, 127, 128, 129, 50_000, 600_000])
def test_row_slices_are_all_rows_once(num_rows):
    slices = assemble.row_slices(num_rows)
    numbers = np.concatenate([np.arange(num_rows)[part] for part in slices])
    np.testing.assert_array_equal(numbers, np.arange(num_rows))
    assert max(part.stop - part.start for part in slices) <= assemble.MAX_ROWS
