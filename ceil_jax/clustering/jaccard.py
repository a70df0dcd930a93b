"""k-reciprocal Jaccard distance."""

import numpy as np
from scipy import sparse

from ceil_jax.clustering import overlaps, reciprocal
from ceil_jax.common import checks, sparse_rows
from ceil_jax.common import features as feature_rows
from ceil_jax.common.features import Normalise
from ceil_jax.neighbours.search import Neighbours, of_rows


def jaccard_distance(
    features: checks.Rows, *, k1: int, k2: int, normalise: Normalise = None
) -> sparse.csr_array:
    """k-reciprocal Jaccard distance between all rows, sparse.

    With `R*(i)` the expanded k-reciprocal neighbourhood of i, `V[i, :]` the softmax
    over it of `-(2 - 2 x_i . x_j)`, then averaged over the first k2 neighbours, and
    `m[i, j] = sum_l min(V[i, l], V[j, l])`: distance `1 - m / (2 - m)`, at least 0.

    Args:
        features: (N, d) unit rows.
        k1: Length of the neighbour lists, the row itself included; cut to N.
        k2: Neighbours whose encodings are averaged, 1 for none; cut to k1.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        (N, N) float32 with explicit entries for every pair at a distance below 1 and
        for the diagonal (0). A pair that is absent is at distance 1.

    Raises:
        ValueError: `features` is empty or not finite, `k1` or `k2` is less than 1.

    References:
        Zhong et al., CVPR 2017, eq. 3-10; CEIL `code/tools/rerank/kr.py`,
        `compute_jaccard_distance`, which loops over the rows and returns the dense
        matrix.
    """
    k1, k2 = checks.at_least(1, k1=k1, k2=k2)
    rows = feature_rows.rows("features", features, normalise=normalise)
    return from_neighbours(rows, of_rows(rows, k=k1), k1=k1, k2=k2)


def from_neighbours(
    features: np.ndarray,
    neighbours: Neighbours,
    *,
    k1: int,
    k2: int,
    largest: float | None = None,
) -> sparse.csr_array:
    """The distance from neighbour lists, whatever found them.

    Args:
        features: (N, d) float32 unit rows.
        neighbours: Lists of at least min(k1, N) entries, the row itself in front.
        k1: Entries of the lists that count.
        k2: Neighbours whose encodings are averaged, 1 for none.
        largest: Distance up to which pairs are wanted; None for all below 1, of which
            many share next to nothing.

    Returns:
        (N, N) float32 as `jaccard_distance` has it, without the pairs beyond `largest`.
    """
    k1 = min(k1, 2 * len(features))  # whose half list, too, holds every row
    order = reciprocal.nearby_order(neighbours.indices, length=k1)
    lists = _renumbered(neighbours, order, length=k1)
    # As released: k + 1 entries count, of which only k1 exist for k = k1.
    half_length = round(k1 / 2) + 1
    pattern = reciprocal.expanded(lists.indices, length=k1, half_length=half_length)
    products = reciprocal.pair_products(features, pattern, lists, order)
    encoding = reciprocal.query_expansion(
        _softmax(pattern, 2 * products.astype(np.float64)), lists.indices, k2=k2
    )
    blocks = overlaps.distances(encoding, largest=largest)
    distance = sparse_rows.stacked(
        (block for _, block in blocks),
        len(order),
        capacity=min(k1, len(order)) * len(order),
    )
    images = order.astype(distance.indices.dtype)[distance.indices]
    distance = sparse.csr_array(
        (distance.data, images, distance.indptr), shape=distance.shape
    )
    return distance[np.argsort(order)]


def _renumbered(
    neighbours: Neighbours, order: np.ndarray, *, length: int
) -> Neighbours:
    """The lists of the rows in another order, which their numbers count."""
    number = np.argsort(order).astype(np.int32)
    indices, similarities = (part[order, :length] for part in neighbours)
    return Neighbours(number[indices], similarities)


def _softmax(pattern: sparse.csr_array, logits: np.ndarray) -> sparse.csr_array:
    """Softmax over the entries of each row; no row is empty."""
    starts, lengths = pattern.indptr[:-1], np.diff(pattern.indptr)
    weights = np.exp(logits - np.repeat(np.maximum.reduceat(logits, starts), lengths))
    weights /= np.repeat(np.add.reduceat(weights, starts), lengths)
    return sparse.csr_array(
        (weights, pattern.indices, pattern.indptr), shape=pattern.shape
    )
