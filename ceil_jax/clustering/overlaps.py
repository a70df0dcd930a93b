"""Overlaps of encodings, `m[i, j] = sum_l min(V[i, l], V[j, l])`, as a sparse product.

Sort the entries of a column by value. An entry is the smaller one beside all that stand
behind it, and beside those in front of it the other is. So the row of an entry gets its
value times a row of ones, at those behind, and once a row of values, at those in front:
m is a product of two entries for each of V with runs of a sorted list, and SciPy's
compiled product does all the work.

The runs overlap. A row of a sparse matrix is what lies between two offsets, and SciPy's
product takes it so, whether offsets ascend or not: here they jump from run to run.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ceil_jax.common import progress, threads

BLOCK_PRODUCTS = 1 << 20
"""Products that one step may add up, which bounds what it holds."""

ONE = 1 << 30
"""Encodings are whole numbers of 1 / ONE: sums are exact, whatever their order, so
that m is symmetric to the last bit. A row sums to 1: nothing overflows."""


class _Sorted(NamedTuple):
    """Encodings row by row, and sorted by column and then by value.

    Attributes:
        offsets: (n + 1,) of the rows' entries.
        values: (nnz,) int32 in `1 / ONE`, row by row.
        places: (nnz,) int32 or int64, of these entries among the sorted ones.
        work: (n,) int64 products that a row takes part in.
        sorted_rows: (nnz,) int32.
        sorted_values: (nnz,) int32.
        starts: (nnz,) where the column of a sorted entry starts.
        stops: (nnz,) where it ends.
    """

    offsets: np.ndarray
    values: np.ndarray
    places: np.ndarray
    work: np.ndarray
    sorted_rows: np.ndarray
    sorted_values: np.ndarray
    starts: np.ndarray
    stops: np.ndarray


def _sorted(encoding: sparse.csr_array) -> _Sorted:
    num_rows, num_entries = len(encoding.indptr) - 1, encoding.nnz
    values = (encoding.data * np.float64(ONE)).astype(np.int32)  # rounded down,
    first = encoding.indptr[:-1]
    values[first] += ONE - np.add.reduceat(values, first)  # the rest on top
    order = np.argsort((encoding.indices.astype(np.int64) << 32) | values)
    places = np.empty(num_entries, sparse.get_index_dtype(maxval=4 * num_entries))
    places[order] = np.arange(num_entries, dtype=places.dtype)
    rows = np.repeat(np.arange(num_rows, dtype=np.int32), np.diff(encoding.indptr))
    sizes = np.bincount(encoding.indices, minlength=num_rows).astype(np.int32)
    work = np.add.reduceat(sizes[encoding.indices], first, dtype=np.int64)
    stops = np.cumsum(sizes)
    starts, stops = (np.repeat(edge, sizes) for edge in (stops - sizes, stops))
    by_row = (encoding.indptr, values, places, work)
    return _Sorted(*by_row, rows[order], values[order], starts, stops)


def _runs(lists: _Sorted, first: int) -> sparse.csr_array:
    """Runs of the sorted entries of the rows from `first` on.

    Returns:
        (4 nnz + 1, n - first). Of the sorted entry p, row 4 p + 1 has ones at what is
        behind it, row 4 p + 3 has the values up to it; the others are empty.
    """
    kept = lists.sorted_rows >= first
    before = np.concatenate([[0], np.cumsum(kept)])
    total = before[-1]
    here = np.arange(1, len(kept) + 1)
    runs = [
        before[here],
        before[lists.stops],
        total + before[lists.starts],
        total + before[here],
    ]
    offsets = np.concatenate([[0], np.stack(runs, axis=1).reshape(-1), [2 * total]])
    rows = lists.sorted_rows[kept] - np.int32(first)
    data = np.concatenate([np.ones_like(rows), lists.sorted_values[kept]])
    return sparse.csr_array(
        (data, np.concatenate([rows, rows]), offsets.astype(lists.places.dtype)),
        shape=(len(offsets) - 1, len(lists.offsets) - 1 - first),
    )


def _factors_of_runs(lists: _Sorted, rows: slice) -> sparse.csr_array:
    """What the runs are multiplied with for some rows, (rows, 4 nnz + 1)."""
    begin, end = lists.offsets[[rows.start, rows.stop]]
    run = np.empty((end - begin, 2), lists.places.dtype)
    run[:, 0] = 4 * lists.places[begin:end] + 1
    run[:, 1] = run[:, 0] + 2
    factor = np.ones(run.shape, np.int32)
    factor[:, 0] = lists.values[begin:end]
    offsets = 2 * (lists.offsets[rows.start : rows.stop + 1] - begin)
    return sparse.csr_array(
        (factor.reshape(-1), run.reshape(-1), offsets.astype(run.dtype)),
        shape=(rows.stop - rows.start, 4 * len(lists.places) + 1),
    )


def _row_blocks(work: np.ndarray) -> Iterator[slice]:
    """Cut rows into blocks of at most `BLOCK_PRODUCTS`, but of one row at least."""
    total = np.concatenate([[0], np.cumsum(work)])
    start = 0
    while start < len(work):
        limit = total[start] + BLOCK_PRODUCTS
        stop = int(np.searchsorted(total, limit, side="right")) - 1
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop


def distances(
    encoding: sparse.csr_array, *, num_queries: int = 0, largest: float | None = None
) -> Iterator[tuple[slice, sparse.csr_array]]:
    """Jaccard distances `1 - m / (2 - m)`, a few rows at a time.

    Args:
        encoding: (n, n) encodings V, none below 0, whose rows sum to 1.
        num_queries: So many rows to the n - num_queries others; 0 for all to all.
        largest: Distance up to which pairs are wanted; None for all below 1.

    Yields:
        Which rows, and their (rows, n - num_queries) float32 distances with an explicit
        entry for every pair that is wanted. That of a row to itself is exactly 0.
    """
    lists = _sorted(encoding)
    runs = _runs(lists, num_queries)
    work = lists.work[:num_queries] if num_queries else lists.work

    def block(rows: slice) -> tuple[slice, sparse.csr_array]:
        sums = sparse.csr_array(_factors_of_runs(lists, rows) @ runs)
        return rows, _distances(sums, largest)

    with progress.bar(total=len(work), desc="distances", unit="image") as bar:
        for rows, found in threads.in_order(block, _row_blocks(work)):
            bar.update(rows.stop - rows.start)
            yield rows, found


def _distances(sums: sparse.csr_array, largest: float | None) -> sparse.csr_array:
    """Distances from overlaps in `1 / ONE`, those that are wanted alone."""
    smallest = 0.0
    if largest is not None:  # a first cut, with some room, saves the division
        smallest = ONE * (2 - 2 * largest) / (2 - largest) - 1024
    near = np.flatnonzero(sums.data > smallest)
    overlap = sums.data[near] / ONE
    distance = np.maximum(1 - overlap / (2 - overlap), 0).astype(np.float32)
    wanted = distance < 1 if largest is None else distance <= largest
    if not wanted.all():
        near, distance = near[wanted], distance[wanted]
    offsets = np.searchsorted(near, sums.indptr)
    return sparse.csr_array((distance, sums.indices[near], offsets), shape=sums.shape)
