import threading

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


@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("length", [0, 1, 9])
def test_results_come_in_order_and_few_ahead(num_threads, length):
    begun, lock = [], threading.Lock()

    def double(number):
        with lock:
            begun.append(number)
        return 2 * number

    found = assemble.in_threads(double, range(length), num_threads=num_threads)
    for taken, value in enumerate(found):
        assert value == 2 * taken
        assert len(begun) <= taken + num_threads + 2
    assert sorted(begun) == [*range(length)]


def test_an_error_in_a_thread_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(assemble.in_threads(lambda n: 1 // n, [2, 1, 0]))
