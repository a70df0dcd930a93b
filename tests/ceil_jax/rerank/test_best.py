import numpy as np
import pytest
from scipy import sparse

from ceil_jax.rerank.best import best
from ceil_jax.rerank.vectors import Columns

ROWS = np.array([[0, 2, 2, 5, 0], [0, 0, 0, 0, 1]], np.float32)
FORMS = {
    "sparse": sparse.csr_array(ROWS),
    "packed": Columns(np.array([1, 2, 3, 4]), ROWS[:, 1:].T),
    "whole": Columns(None, ROWS.T),
}


@pytest.mark.parametrize("form", FORMS)
def test_breaks_ties_by_number_and_ends_with_zeros(form):
    values, numbers = best(FORMS[form], 5, top=4)
    np.testing.assert_array_equal(numbers, [[3, 1, 2, 0], [4, 0, 1, 2]])
    np.testing.assert_array_equal(values, [[5, 2, 2, 0], [1, 0, 0, 0]])


@pytest.mark.parametrize("form", FORMS)
def test_a_tie_at_the_end_is_broken_too(form):
    values, numbers = best(FORMS[form], 5, top=2)
    np.testing.assert_array_equal(numbers, [[3, 1], [4, 0]])
    np.testing.assert_array_equal(values, [[5, 2], [1, 0]])


@pytest.mark.parametrize("top", [1, 3, 40, 500])
@pytest.mark.parametrize("filled", [0.001, 0.3, 1])
def test_many_entries_are_those_of_a_whole_sort(rng, top, filled):
    rows = (rng.integers(1, 50, (2, 500)) * (rng.random((2, 500)) < filled)) / 7
    rows = rows.astype(np.float32)
    order = rng.permutation(500)
    for x in (Columns(None, rows.T), Columns(order, rows.T[order])):
        values, numbers = best(x, 500, top=top)
        want = np.argsort(-rows, axis=1, kind="stable")[:, :top]
        np.testing.assert_array_equal(values, np.take_along_axis(rows, want, 1))
        np.testing.assert_array_equal(numbers, want)
