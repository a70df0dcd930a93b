"""k-reciprocal Jaccard distance."""

import numpy as np
from scipy import sparse

from ceil_jax import checks
from ceil_jax.clustering import reciprocal
from ceil_jax.neighbours import nearest


def jaccard_distance(features: checks.Rows, *, k1: int, k2: int) -> sparse.csr_array:
    """k-reciprocal Jaccard distance between all rows, sparse.

    With `R*(i)` the expanded k-reciprocal neighbourhood of i, `V[i, :]` the softmax
    over it of `-(2 - 2 x_i . x_j)`, then averaged over the first k2 neighbours, and
    `m[i, j] = sum_l min(V[i, l], V[j, l])`: distance `1 - m / (2 - m)`, at least 0.

    Args:
        features: (N, d) unit rows.
        k1: Length of the neighbour lists, the row itself included; cut to N.
        k2: Neighbours whose encodings are averaged, 1 for none; cut to k1.

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
    checks.at_least(1, k1=k1, k2=k2)
    rows = checks.rows("features", features)
    indices = nearest(rows, k=k1).indices
    # As released: k + 1 entries count, of which only k1 exist for k = k1.
    half_length = round(k1 / 2) + 1
    pattern = reciprocal.expanded(indices, length=k1, half_length=half_length)
    encoding = _softmax(pattern, 2 * reciprocal.pair_products(rows, pattern))
    encoding = reciprocal.query_expansion(encoding, indices, k2=k2)
    sums = reciprocal.min_sums(encoding)
    # In place: arithmetic on sparse matrices would drop the zeros, which are distances.
    sums.data = np.maximum(1 - sums.data / (2 - sums.data), 0).astype(np.float32)
    return _without_ones(sums)


def _softmax(pattern: sparse.csr_array, logits: np.ndarray) -> sparse.csr_array:
    """Softmax over the entries of each row; no row is empty."""
    starts, lengths = pattern.indptr[:-1], np.diff(pattern.indptr)
    weights = np.exp(logits - np.repeat(np.maximum.reduceat(logits, starts), lengths))
    weights /= np.repeat(np.add.reduceat(weights, starts), lengths)
    return sparse.csr_array(
        (weights, pattern.indices, pattern.indptr), shape=pattern.shape
    )


def _without_ones(distance: sparse.csr_array) -> sparse.csr_array:
    """Drop the entries that rounding left at 1, keeping the explicit zeros."""
    keep = distance.data < 1
    if keep.all():
        return distance
    offsets = np.concatenate([[0], np.cumsum(keep)])[distance.indptr]
    return sparse.csr_array(
        (distance.data[keep], distance.indices[keep], offsets), shape=distance.shape
    )
