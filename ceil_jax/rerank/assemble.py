"""Large sparse matrices made of blocks of rows, by several threads."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from typing import TypeVar

import numpy as np
from scipy import sparse

MIN_ROWS, MAX_ROWS = 128, 4096
"""Rows of a block."""

KEPT_BYTES = 24 * 2**20
"""Arrays of up to so many bytes are made of memory that others have left."""

S = TypeVar("S")
T = TypeVar("T")


def num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_freed_memory() -> None:
    """Let glibc keep what is freed, up to twice `KEPT_BYTES` for each thread.

    It would hand it back to the system, and the faults on new pages would take as long
    as the products of columns. Its rule, the "dynamic mmap threshold" of mallopt(3),
    follows the largest block below 32 MiB that has been freed.
    """
    np.empty(KEPT_BYTES, np.uint8)


def in_threads(
    function: Callable[[S], T], arguments: Sequence[S], *, num_threads: int = 0
) -> Iterator[T]:
    """Call a function with every argument, ahead of who takes the results.

    SciPy's and NumPy's products let other threads run. One call more than threads is
    in flight, so that little waits to be taken.

    Args:
        function: What to call.
        arguments: One for each call.
        num_threads: Threads; 0 for as many as there are cores.

    Yields:
        The results in order.
    """
    num_threads = num_threads or num_cores()
    with ThreadPoolExecutor(num_threads) as pool:
        ahead = arguments[num_threads + 1 :]
        pending = deque(pool.submit(function, a) for a in arguments[: num_threads + 1])
        for one in zip_longest(arguments, ahead, fillvalue=None):
            found = pending.popleft().result()
            if one[1] is not None:
                pending.append(pool.submit(function, one[1]))
            yield found


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
