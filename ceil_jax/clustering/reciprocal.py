"""k-reciprocal neighbourhoods and their overlaps, in sparse rows throughout."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

BLOCK_ENTRIES = 1 << 22
"""Numbers that one step of a blocked loop may hold at a time."""


def mutual(indices: np.ndarray, *, length: int) -> sparse.csr_array:
    """Which rows are on each other's lists.

    Args:
        indices: (n, k) neighbour lists, best first.
        length: Entries of the lists that count; cut to k.

    Returns:
        (n, n) int32 with an entry of 1 for every such pair.
    """
    num_rows, k = indices.shape
    length = min(length, k)
    offsets = np.arange(0, num_rows * length + 1, length)
    columns = indices[:, :length].reshape(-1)
    ones = np.ones(columns.size, np.int32)
    listed = sparse.csr_array((ones, columns, offsets), shape=(num_rows, num_rows))
    return sparse.csr_array(listed.multiply(listed.T))


def expanded(indices: np.ndarray, *, length: int, half_length: int) -> sparse.csr_array:
    """The expanded k-reciprocal neighbourhoods R*.

    `R*(i)` is `R(i)` over `length` entries and, for each j in it, the shorter
    `R_half(j)` where more than 2/3 of that lies in `R(i)`.

    Args:
        indices: (n, k) neighbour lists, best first, the row itself in front.
        length: Entries of the full lists.
        half_length: Entries of the shorter lists.

    Returns:
        (n, n) with an entry wherever j is in R*(i); its column numbers are sorted and
        its values mean nothing.

    References:
        Zhong et al., "Re-ranking Person Re-identification with k-reciprocal
        Encoding", CVPR 2017, eq. 4.
    """
    full = mutual(indices, length=length)
    half = mutual(indices, length=half_length)
    sizes = np.diff(half.indptr)
    shared = sparse.csr_array((full @ half.T).multiply(full))
    shared.data = (3 * shared.data > 2 * sizes[shared.indices]).astype(np.int32)
    shared.eliminate_zeros()
    result = sparse.csr_array(full + shared @ half)
    result.sort_indices()
    return result


def pair_products(features: np.ndarray, pattern: sparse.csr_array) -> np.ndarray:
    """`x_i . x_j` for every entry (i, j) of a sparse pattern.

    Args:
        features: (n, d) float32.
        pattern: (n, n) with the wanted entries.

    Returns:
        (nnz,) float32 in the order of the pattern's entries.
    """
    first = np.repeat(np.arange(len(features)), np.diff(pattern.indptr))
    products = np.empty(pattern.nnz, np.float32)
    step = max(1, BLOCK_ENTRIES // features.shape[1])
    for start in range(0, pattern.nnz, step):
        part = slice(start, start + step)
        a, b = features[first[part]], features[pattern.indices[part]]
        np.einsum("nd,nd->n", a, b, out=products[part])
    return products


def query_expansion(
    encoding: sparse.csr_array, indices: np.ndarray, *, k2: int
) -> sparse.csr_array:
    """Mean of the encodings of the first k2 entries of every list.

    Args:
        encoding: (n, n) neighbourhood encodings.
        indices: (n, k) neighbour lists, best first.
        k2: Entries to average; cut to k.

    Returns:
        (n, n) float32; `encoding` itself where k2 is 1.
    """
    k2 = min(k2, indices.shape[1])
    if k2 == 1:
        return encoding
    num_rows = len(indices)
    mean = np.full(num_rows * k2, 1 / k2, np.float32)
    offsets = np.arange(0, num_rows * k2 + 1, k2)
    columns = indices[:, :k2].reshape(-1)
    average = sparse.csr_array((mean, columns, offsets), shape=(num_rows, num_rows))
    return sparse.csr_array(average @ encoding)


def _row_blocks(work: np.ndarray, num_columns: int) -> Iterator[tuple[int, int]]:
    """Cut rows into blocks that hold no more than `BLOCK_ENTRIES` at a time."""
    most_rows = max(1, BLOCK_ENTRIES // num_columns)
    total = np.concatenate([[0], np.cumsum(work)])
    start = 0
    while start < len(work):
        stop = int(np.searchsorted(total, total[start] + BLOCK_ENTRIES, side="right"))
        stop = min(max(stop - 1, start + 1), start + most_rows, len(work))
        yield start, stop
        start = stop


def min_sums(encoding: sparse.csr_array) -> sparse.csr_array:
    """`m[i, j] = sum_l min(V[i, l], V[j, l])` for every pair with m > 0.

    With the entries of each column sorted by value, the smaller of two is the earlier
    one: every entry is added to the pairs with those behind it in its column, so that
    each pair is visited once and no minimum is taken.

    Args:
        encoding: (n, n) encodings V, none below 0, whose rows sum to 1.

    Returns:
        (n, n) float32, symmetric; its diagonal is exactly 1.
    """
    num_rows = len(encoding.indptr) - 1
    row_of = np.repeat(np.arange(num_rows), np.diff(encoding.indptr))
    order = np.lexsort((encoding.data, encoding.indices))
    sorted_rows = row_of[order]
    behind = np.empty(encoding.nnz, np.int64)  # first place behind an entry
    behind[order] = np.arange(1, encoding.nnz + 1)
    column_end = np.cumsum(np.bincount(encoding.indices, minlength=num_rows))
    counts = column_end[encoding.indices] - behind
    row_counts = np.bincount(row_of, weights=counts, minlength=num_rows)
    blocks = []
    for start, stop in _row_blocks(row_counts, num_rows):
        part = slice(encoding.indptr[start], encoding.indptr[stop])
        count = counts[part]
        begin = np.cumsum(count) - count
        place = np.arange(count.sum()) + np.repeat(behind[part] - begin, count)
        key = np.repeat((row_of[part] - start) * num_rows, count) + sorted_rows[place]
        sums = np.bincount(
            key,
            weights=np.repeat(encoding.data[part], count),
            minlength=(stop - start) * num_rows,
        )
        sums = sums.astype(np.float32).reshape(stop - start, num_rows)
        sums[np.arange(stop - start), np.arange(start, stop)] = 0.5
        blocks.append(sparse.csr_array(sums))
    halves = sparse.vstack(blocks, format="csr")
    return sparse.csr_array(halves + halves.T)
