"""Both forms of vectors against dense arrays."""

import numpy as np
import pytest
from scipy import sparse

from ceil_jax.rerank import vectors

N, B = 30, 4


def drawn(rng, share=0.2):
    """Dense vectors (B, N), 0 but for a share of a third of the entries."""
    rows = np.zeros((B, N), np.float32)
    rows[:, ::3] = rng.random((B, N // 3)) * (rng.random((B, N // 3)) < share)
    rows[0, 3] = 1
    return rows


def forms(rows):
    """The same vectors as sparse rows, packed columns and whole ones."""
    support = np.flatnonzero(rows.any(axis=0))
    packed = np.ascontiguousarray(rows[:, support].T)
    yield sparse.csr_array(rows)
    yield vectors.Columns(support, packed)
    yield vectors.Columns(None, np.ascontiguousarray(rows.T))


@pytest.mark.parametrize("density", [0.03, 0.5])
@pytest.mark.parametrize("max_support", [0, 0.5, 1])
def test_products(rng, density, max_support, monkeypatch):
    monkeypatch.setattr(vectors, "MAX_SUPPORT", max_support)
    dense = (rng.random((N, N)) * (rng.random((N, N)) < density)).astype(np.float32)
    matrix = sparse.csr_array(dense)
    rows = drawn(rng)
    for x in forms(rows):
        got = vectors.product(x, matrix, matrix.T.tocsr())
        np.testing.assert_allclose(vectors.dense_rows(got, N), rows @ dense, atol=1e-6)


def test_scale_leaves_the_matrix_that_rows_were_cut_from(rng):
    rows, factors = drawn(rng), rng.random(N).astype(np.float32)
    matrix = sparse.csr_array(rows)
    for x in (matrix[1:3], *(vectors.as_columns(matrix[[1, 2]]),)):
        got = vectors.dense_rows(vectors.scale(x, factors), N)
        np.testing.assert_allclose(got, rows[1:3] * factors)
    np.testing.assert_array_equal(matrix.toarray(), rows)


@pytest.mark.parametrize("max_support", [0.1, 1])
def test_add_takes_every_pair_of_forms(rng, max_support, monkeypatch):
    monkeypatch.setattr(vectors, "MAX_SUPPORT", max_support)
    a, b = drawn(rng), np.roll(drawn(rng), 1, axis=1)
    for left in range(3):
        for right in range(3):
            x, y = [*forms(a)][left], [*forms(b)][right]
            got = vectors.add(x, y)
            assert isinstance(got, vectors.Columns) == bool(left or right)
            np.testing.assert_allclose(vectors.dense_rows(got, N), a + b)


def test_renumbered(rng):
    rows, numbers = drawn(rng), rng.permutation(N)
    want = np.empty_like(rows)
    want[:, numbers] = rows
    for x in forms(rows):
        got = vectors.dense_rows(vectors.renumbered(x, numbers, 7), N - 7)
        np.testing.assert_array_equal(got, want[:, 7:])


@pytest.mark.parametrize(
    ("share", "max_support", "form"),
    [(0, 1, "sparse"), (1, 1, "packed"), (1, 0.1, "whole")],
)
def test_columns_where_they_pay(rng, share, max_support, form, monkeypatch):
    monkeypatch.setattr(vectors, "MIN_FILL", 0.5)
    monkeypatch.setattr(vectors, "MAX_SUPPORT", max_support)
    rows = drawn(rng, share)
    rows[0, ::3] = 1
    x = vectors.as_columns(sparse.csr_array(rows))
    assert isinstance(x, vectors.Columns) == (form != "sparse")
    if form != "sparse":
        assert (x.support is None) == (form == "whole")
    np.testing.assert_array_equal(vectors.dense_rows(x, N), rows)


def test_nothing_stays_sparse():
    nothing = sparse.csr_array((B, N), dtype=np.float32)
    assert vectors.as_columns(nothing) is nothing
