"""k-reciprocal neighbourhoods and their encodings, in sparse rows throughout."""

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from ceil_jax.common import sparse_rows, threads
from ceil_jax.neighbours.search import Neighbours

PRODUCT_ENTRIES = 1 << 19
"""Numbers that are multiplied at a time: few enough to stay in the caches."""

BLOCK_ROWS = 1024
"""Rows whose neighbourhoods are expanded at a time."""

ORDER_LENGTH = 8
"""Neighbours of a row that should stand close to it."""


def mutual(indices: np.ndarray, *, length: int) -> sparse.csr_array:
    """Which rows are on each other's lists.

    Args:
        indices: (n, k) neighbour lists, best first.
        length: Entries of the lists that count; cut to k.

    Returns:
        (n, n) int32 with an entry of 1 for every such pair.
    """
    indices = indices[:, :length]
    listed = sparse_rows.from_lists(indices, np.ones(indices.shape, np.int32))
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

    def block(start: int) -> sparse.csr_array:
        own = full[start : start + BLOCK_ROWS]
        shared = sparse.csr_array((own @ half).multiply(own))  # half is symmetric
        shared.data = (3 * shared.data > 2 * sizes[shared.indices]).astype(np.int32)
        shared.eliminate_zeros()
        found = sparse.csr_array(own + shared @ half)
        found.sort_indices()
        return found

    starts = range(0, len(indices), BLOCK_ROWS)
    return sparse.csr_array(sparse.vstack(list(threads.in_order(block, starts))))


def nearby_order(indices: np.ndarray, *, length: int) -> np.ndarray:
    """An order of the rows in which neighbours are close to each other.

    What walks through the rows then finds in the cache what it used just before: the
    work on neighbourhoods takes half the time where images come mixed.

    Args:
        indices: (n, k) neighbour lists, best first.
        length: Entries of the lists that count.

    Returns:
        (n,) rows in their order.

    References:
        Cuthill and McKee, "Reducing the bandwidth of sparse symmetric matrices",
        ACM 1969, on the rows that are mutually among the first few.
    """
    graph = mutual(indices, length=min(length, ORDER_LENGTH))
    return csgraph.reverse_cuthill_mckee(graph, symmetric_mode=True)


def pair_products(
    features: np.ndarray,
    pattern: sparse.csr_array,
    neighbours: Neighbours,
    order: np.ndarray | None = None,
) -> np.ndarray:
    """`x_i . x_j` for every entry (i, j) of a sparse pattern.

    What the search for neighbours has found is taken from there: most of a
    k-reciprocal neighbourhood, of which each product is a walk over long rows. A pair
    is looked for on the lists of both, and computed once.

    Args:
        features: (n, d) float32.
        pattern: (n, n) with the wanted entries.
        neighbours: Neighbour lists of the rows.
        order: Row of `features` that each number of the pattern and of the lists
            stands for; None where they are the rows' own numbers.

    Returns:
        (nnz,) float32 in the order of the pattern's entries.
    """
    num_rows, num_features = features.shape
    first = np.repeat(np.arange(num_rows), np.diff(pattern.indptr))
    pairs = _unordered(first, pattern.indices, num_rows)
    products, is_known = _listed(pairs, neighbours)
    other, place = np.unique(pairs[~is_known], return_inverse=True)
    left, right = np.divmod(other, num_rows)
    if order is not None:
        left, right = order[left], order[right]
    computed = np.empty(len(other), np.float32)
    step = max(1, PRODUCT_ENTRIES // num_features)

    def compute(start: int) -> None:
        part = slice(start, start + step)
        a, b = features[left[part]], features[right[part]]
        np.einsum("nd,nd->n", a, b, out=computed[part])

    threads.for_each(compute, range(0, len(other), step))
    products[~is_known] = computed[place]
    return products


def _unordered(first: np.ndarray, second: np.ndarray, num_rows: int) -> np.ndarray:
    """A number for each pair of rows, the same for both of its orders."""
    return np.minimum(first, second) * np.int64(num_rows) + np.maximum(first, second)


def _listed(pairs: np.ndarray, neighbours: Neighbours) -> tuple[np.ndarray, np.ndarray]:
    """Similarities of pairs that are on a neighbour list, and which pairs are."""
    num_rows, k = neighbours.indices.shape
    own = np.repeat(np.arange(num_rows), k)
    listed = _unordered(own, neighbours.indices.reshape(-1), num_rows)
    order = np.argsort(listed)
    listed, values = listed[order], neighbours.similarities.reshape(-1)[order]
    place = np.minimum(np.searchsorted(listed, pairs), len(listed) - 1)
    return values[place], listed[place] == pairs


def query_expansion(
    encoding: sparse.csr_array, indices: np.ndarray, *, k2: int
) -> sparse.csr_array:
    """Mean of the encodings of the first k2 entries of every list.

    Args:
        encoding: (n, n) neighbourhood encodings.
        indices: (n, k) neighbour lists, best first.
        k2: Entries to average; cut to k.

    Returns:
        (n, n) float64; `encoding` itself where k2 is 1.
    """
    k2 = min(k2, indices.shape[1])
    if k2 == 1:
        return encoding
    means = np.full((len(indices), k2), 1 / k2)
    average = sparse_rows.from_lists(indices[:, :k2], means)
    return sparse.csr_array(average @ encoding)
