"""Overlaps of encodings, `m[i, j] = sum_l min(V[i, l], V[j, l])`, as sparse products.

Sort the entries of a column by value and halve the column again and again. Two entries
are parted by exactly one of the halvings, and there the one in the lower half is the
smaller. Each halving is a node with low entries (their values) and high entries (ones):
the product of values and ones over all nodes, in both directions, is m. So that SciPy's
compiled product does all the work, on sparse rows.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ceil_jax import progress, threads

BLOCK_PRODUCTS = 1 << 20
"""Products that one step may add up, which bounds what it holds."""

ONE = 1 << 30
"""Encodings are whole numbers of 1 / ONE: sums are exact, whatever their order, so
that m is symmetric to the last bit. A row sums to 1: nothing overflows."""


class Factors(NamedTuple):
    """Two matrices of whole numbers whose product is `ONE` m.

    Attributes:
        left: (n, nodes) int32.
        right: (nodes, n) int32.
    """

    left: sparse.csr_array
    right: sparse.csr_array


def factors(encoding: sparse.csr_array) -> Factors:
    """Write the overlaps of encodings as a product.

    Args:
        encoding: (n, n) encodings V, none below 0, whose rows sum to 1.

    Returns:
        The factors. The diagonal of their product is `ONE`, without rounding.
    """
    num_rows = len(encoding.indptr) - 1
    rows, values, sizes = _sorted_columns(encoding)
    starts = np.cumsum(sizes) - sizes
    place = (np.arange(len(rows)) - np.repeat(starts, sizes)).astype(np.int32)
    size = np.repeat(sizes.astype(np.int32), sizes)
    low_rows, low_values, low_counts = [], [], []
    high_rows, high_counts = [], []
    for bit in range(int(sizes.max() - 1).bit_length()):
        half = place >> bit
        high = (half & 1).astype(bool)
        low = ~high & (((half + 1) << bit) < size)  # another half follows
        nodes = (sizes + (1 << bit) - 1) >> (bit + 1)
        node = np.repeat(np.cumsum(nodes) - nodes, sizes)[high] + (half[high] >> 1)
        low_rows.append(rows[low])
        low_values.append(values[low])
        low_counts.append(np.full(nodes.sum(), 1 << bit))
        high_rows.append(rows[high])
        high_counts.append(np.bincount(node, minlength=nodes.sum()))
    own = np.arange(num_rows, dtype=np.int32)
    low_part = (_joined(low_rows), _joined(low_values), _joined(low_counts))
    high = _joined(high_rows)
    high_part = (high, np.ones_like(high), _joined(high_counts))
    ones = np.ones_like(own)
    left = _stacked([low_part, high_part, (own, ones, ones)], num_rows)
    right = _stacked([high_part, low_part, (own, ONE * ones, ones)], num_rows)
    return Factors(sparse.csr_array(left.T), right)


def _sorted_columns(
    encoding: sparse.csr_array,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and value of each entry, by column and then by value; sizes of columns."""
    num_rows = len(encoding.indptr) - 1
    row_of = np.repeat(np.arange(num_rows, dtype=np.int32), np.diff(encoding.indptr))
    values = np.rint(encoding.data * np.float64(ONE)).astype(np.int32)
    key = (encoding.indices.astype(np.int64) << 32) | values
    order = np.argsort(key)
    sizes = np.bincount(encoding.indices, minlength=num_rows)
    return row_of[order], values[order], sizes


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([*parts, np.zeros(0, np.int32)]).astype(np.int32, copy=False)


def _stacked(
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]], num_rows: int
) -> sparse.csr_array:
    """Nodes below each other: rows, values, and how many entries each node has."""
    rows, values, counts = (np.concatenate(part) for part in zip(*parts, strict=True))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    if offsets[-1] < np.iinfo(np.int32).max:
        offsets = offsets.astype(np.int32)
    return sparse.csr_array((values, rows, offsets), shape=(len(counts), num_rows))


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
    product: Factors, *, largest: float | None = None
) -> Iterator[tuple[slice, sparse.csr_array]]:
    """Jaccard distances `1 - m / (2 - m)`, a few rows at a time.

    Args:
        product: Factors of the overlaps of n rows with m rows.
        largest: Distance up to which pairs are wanted; None for all below 1.

    Yields:
        Which rows, and their (rows, m) float32 distances with an explicit entry for
        every pair that is wanted.
    """
    left, right = product
    lengths = np.diff(right.indptr).astype(np.int64)
    work = np.add.reduceat(lengths[left.indices], left.indptr[:-1])

    def block(rows: slice) -> tuple[slice, sparse.csr_array]:
        return rows, _distances(sparse.csr_array(left[rows] @ right), largest)

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


def stacked(blocks: Sequence[sparse.csr_array]) -> sparse.csr_array:
    """Blocks of rows of a square matrix below each other.

    Args:
        blocks: All of its blocks, in order.

    Returns:
        One matrix; unlike SciPy's it keeps explicit zeros and 32-bit indices.
    """
    lengths = np.concatenate([np.diff(block.indptr) for block in blocks])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    indices = np.concatenate([block.indices for block in blocks])
    data = np.concatenate([block.data for block in blocks])
    shape = (len(lengths), len(lengths))
    return sparse.csr_array((data, indices, offsets.astype(indices.dtype)), shape=shape)
