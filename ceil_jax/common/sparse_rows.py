"""Sparse matrices made row by row, with the smallest row numbers that will do.

SciPy's arrays keep numbers of 64 bits where they are given some, in what they are
multiplied with and in what comes out, too: twice the memory for nothing.
"""

from collections.abc import Iterable

import numpy as np
from scipy import sparse

MIN_ROWS, MAX_ROWS = 128, 4096
"""Rows of a block."""


def from_lists(indices: np.ndarray, values: np.ndarray) -> sparse.csr_array:
    """Matrix with `values[i, j]` at row i, column `indices[i, j]`.

    Args:
        indices: (n, k) column numbers below n, no column twice in a row.
        values: (n, k) numbers.

    Returns:
        (n, n) of the values' type.
    """
    num_rows, k = indices.shape
    index = sparse.get_index_dtype(maxval=indices.size)  # of 64 bits past 2^31 entries
    offsets = np.arange(0, indices.size + 1, k, dtype=index)
    columns = indices.reshape(-1).astype(index, copy=False)
    data = np.ascontiguousarray(values).reshape(-1)
    return sparse.csr_array((data, columns, offsets), shape=(num_rows, num_rows))


def row_slices(num_rows: int) -> list[slice]:
    """Divide rows into blocks.

    Args:
        num_rows: How many there are.

    Returns:
        The blocks in order.
    """
    size = int(np.clip(num_rows // 64, MIN_ROWS, MAX_ROWS))
    return [slice(n, min(n + size, num_rows)) for n in range(0, num_rows, size)]


def stacked(
    blocks: Iterable[sparse.csr_array], num_rows: int, *, capacity: int
) -> sparse.csr_array:
    """Put blocks of rows below one another, each copied once and dropped.

    Args:
        blocks: (rows, num_rows) float32 each, in order.
        num_rows: Rows of all of them.
        capacity: Entries that are expected. Memory is only taken as it is filled, so
            that it may well be more than there are; what is missing is added.

    Returns:
        (num_rows, num_rows) float32, explicit zeros included.
    """
    data = np.empty(capacity, np.float32)
    indices = np.empty(capacity, np.int32)
    offsets = np.zeros(num_rows + 1, np.int64)
    row = end = 0
    for block in blocks:
        start, end = end, end + block.nnz
        if end > len(data):
            more = (0, max(end, len(data) + len(data) // 2) - len(data))
            data, indices = np.pad(data, more), np.pad(indices, more)
        data[start:end], indices[start:end] = block.data, block.indices
        rows = len(block.indptr) - 1
        offsets[row + 1 : row + rows + 1] = start + block.indptr[1:]
        row += rows
    index = sparse.get_index_dtype(maxval=end)  # of 64 bits past 2^31 entries
    offsets, indices = (x.astype(index, copy=False) for x in (offsets, indices[:end]))
    return sparse.csr_array((data[:end], indices, offsets), shape=(num_rows, num_rows))
