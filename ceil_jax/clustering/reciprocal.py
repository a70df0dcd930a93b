"""k-reciprocal neighbourhoods and their encodings, in sparse rows throughout."""

from collections import deque

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from ceil_jax import threads
from ceil_jax.neighbours import Neighbours

PRODUCT_ENTRIES = 1 << 18
"""Numbers that are multiplied at a time: as many as stay in a core's cache."""

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
    k-reciprocal neighbourhood, of which each product is a walk over long rows.

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
    products, known = _listed(first, pattern.indices, neighbours)
    other = np.flatnonzero(~known)
    left, right = first[other], pattern.indices[other]
    if order is not None:
        left, right = order[left], order[right]
    step = max(1, PRODUCT_ENTRIES // num_features)

    def compute(start: int) -> None:
        part = slice(start, start + step)
        a, b = features[left[part]], features[right[part]]
        products[other[part]] = np.einsum("nd,nd->n", a, b)

    deque(threads.in_order(compute, range(0, len(other), step)), maxlen=0)
    return products


def _listed(
    first: np.ndarray, second: np.ndarray, neighbours: Neighbours
) -> tuple[np.ndarray, np.ndarray]:
    """Similarities of pairs that are on a neighbour list, and which pairs are."""
    num_rows, k = neighbours.indices.shape
    order = np.argsort(neighbours.indices, axis=1)
    own = np.arange(num_rows)[:, None] * num_rows
    keys = (own + np.take_along_axis(neighbours.indices, order, axis=1)).reshape(-1)
    values = np.take_along_axis(neighbours.similarities, order, axis=1).reshape(-1)
    wanted = first * num_rows + second
    place = np.minimum(np.searchsorted(keys, wanted), num_rows * k - 1)
    return values[place], keys[place] == wanted


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
    num_rows = len(indices)
    mean = np.full(num_rows * k2, 1 / k2)
    offsets = np.arange(0, num_rows * k2 + 1, k2)
    columns = indices[:, :k2].reshape(-1)
    average = sparse.csr_array((mean, columns, offsets), shape=(num_rows, num_rows))
    return sparse.csr_array(average @ encoding)
