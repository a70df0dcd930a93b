"""A few vectors of N entries as sparse rows, or as dense columns where they are not 0.

SciPy takes 3 ns for a multiplication with a sparse row and 0.1 to 0.2 ns with one entry
of many dense columns, so that columns pay from a twentieth of entries on.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy import sparse

MIN_FILL = 0.02
"""Least share of entries, on the support, of vectors that are kept as columns."""
MAX_SUPPORT = 0.8
"""Columns with a larger share of the N entries are kept whole."""


class Columns(NamedTuple):
    """Vectors side by side.

    Attributes:
        support: (m,) sorted numbers of the entries that are kept, the others are 0;
            None for all.
        values: (m, b) float32 entries of the b vectors.
    """

    support: np.ndarray | None
    values: np.ndarray


Vectors: TypeAlias = Any
"""Sparse rows (b, N), or `Columns`."""


def as_columns(x: Vectors) -> Vectors:
    """Turn sparse rows into columns where many entries of the support are not 0.

    Args:
        x: The vectors.

    Returns:
        The same vectors.
    """
    if isinstance(x, Columns) or not x.nnz:
        return x
    return _columns(x, MIN_FILL)


def _columns(x: Vectors, min_fill: float = 0) -> Vectors:
    if isinstance(x, Columns):
        return x
    num_vectors, size = x.shape
    support, place = _numbered(x.indices, size)
    if x.nnz < min_fill * len(support) * num_vectors:
        return x
    if len(support) > MAX_SUPPORT * size:
        return Columns(None, np.ascontiguousarray(x.toarray().T))
    shape = (num_vectors, len(support))
    kept = sparse.csr_array((x.data, place[x.indices], x.indptr), shape=shape)
    return Columns(support, np.ascontiguousarray(kept.toarray().T))


def _numbered(numbers: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The different numbers, sorted, and by number the place of each among them."""
    is_met = np.zeros(size, bool)
    is_met[numbers] = True
    met = np.flatnonzero(is_met)
    place = np.empty(size, numbers.dtype)
    place[met] = np.arange(len(met), dtype=numbers.dtype)
    return met, place


def product(
    x: Vectors, matrix: sparse.csr_array, transposed: sparse.csr_array
) -> Vectors:
    """Multiply every vector with a matrix, X M.

    Args:
        x: The vectors.
        matrix: (N, N) M.
        transposed: M^T.

    Returns:
        New vectors.
    """
    x = as_columns(x)
    if not isinstance(x, Columns):
        return x @ matrix
    if x.support is None:
        return Columns(None, transposed @ x.values)
    width = x.values.shape[1]
    size = len(transposed.indptr) - 1
    entries = np.diff(matrix.indptr)[x.support].sum()
    if entries > width * size:  # the copy of the rows would be larger than whole ones
        return Columns(None, transposed @ whole(x, size))
    rows = matrix[x.support]
    support, place = _numbered(rows.indices, size)
    if len(support) > MAX_SUPPORT * size:
        return Columns(None, rows.T @ x.values)
    shape = (len(x.support), len(support))
    kept = sparse.csr_array((rows.data, place[rows.indices], rows.indptr), shape=shape)
    return Columns(support, kept.T @ x.values)


def whole(x: Columns, size: int) -> np.ndarray:
    """Columns with their zeros.

    Args:
        x: The columns.
        size: N.

    Returns:
        (N, b) float32.
    """
    if x.support is None:
        return x.values
    values = np.zeros((size, x.values.shape[1]), np.float32)
    values[x.support] = x.values
    return values


def scale(x: Vectors, factors: np.ndarray) -> Vectors:
    """Multiply entry n of every vector by `factors[n]`.

    Args:
        x: The vectors; the memory of columns is used.
        factors: (N,) float32.

    Returns:
        The vectors.
    """
    if isinstance(x, Columns):
        of_rows = factors if x.support is None else factors[x.support]
        np.multiply(x.values, of_rows[:, None], out=x.values)
        return x
    # Rows that were cut out of a matrix share its memory.
    data = x.data * factors[x.indices]
    return sparse.csr_array((data, x.indices, x.indptr), shape=x.shape)


def add(a: Vectors, b: Vectors) -> Vectors:
    """The sum, as sparse rows only where both are.

    Args:
        a: Vectors; their memory may be used.
        b: As many vectors; their memory may be used.

    Returns:
        a + b.
    """
    if not isinstance(a, Columns) and not isinstance(b, Columns):
        return a + b
    a, b = _columns(a), _columns(b)
    if a.support is not None and b.support is None:
        a, b = b, a
    if a.support is None:
        rows = slice(None) if b.support is None else b.support
        a.values[rows] += b.values
        return a
    numbers = np.concatenate([a.support, b.support])
    support, place = _numbered(numbers, numbers.max(initial=-1) + 1)
    values = np.zeros((len(support), a.values.shape[1]), np.float32)
    values[place[a.support]] = a.values
    values[place[b.support]] += b.values
    return Columns(support, values)


def renumbered(x: Vectors, numbers: np.ndarray, first: int) -> Vectors:
    """Number the entries of every vector anew, and drop the first ones.

    Args:
        x: The vectors.
        numbers: (N,) new number of each entry, all of 0 to N - 1.
        first: How many to drop.

    Returns:
        The vectors without them, counted from the first that is left; the support of
        columns is not sorted.
    """
    if not isinstance(x, Columns):
        indices = numbers[x.indices]
        return sparse.csr_array((x.data, indices, x.indptr), shape=x.shape)[:, first:]
    support = (numbers if x.support is None else numbers[x.support]) - first
    kept = np.flatnonzero(support >= 0)
    return Columns(support[kept], x.values[kept])


def dense_rows(x: Vectors, size: int) -> np.ndarray:
    """Vectors as dense rows.

    Args:
        x: The vectors.
        size: Entries of each.

    Returns:
        (b, size) float32.
    """
    return whole(x, size).T if isinstance(x, Columns) else x.toarray()
