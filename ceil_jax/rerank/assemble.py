"""Large sparse matrices made of blocks of rows."""

from collections.abc import Iterable

import numpy as np
from scipy import sparse

MIN_ROWS, MAX_ROWS = 128, 4096
"""Rows of a block."""


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
        (num_rows, num_rows) float32.
    """
    data = np.empty(capacity, np.float32)
    indices = np.empty(capacity, np.int32)
    offsets = np.zeros(num_rows + 1, np.int64)  # more than 2**31 entries are fine
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
    shape = (num_rows, num_rows)
    return sparse.csr_array((data[:end], indices[:end], offsets), shape=shape)
