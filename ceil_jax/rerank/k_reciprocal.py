"""k-reciprocal re-ranking."""

import numpy as np
from scipy import sparse

from ceil_jax.clustering import overlaps, reciprocal
from ceil_jax.common import checks, features
from ceil_jax.common.features import Normalise
from ceil_jax.rerank.all_pairs import all_pairs
from ceil_jax.rerank.cameras import takes_none


@takes_none
def k_reciprocal(
    query: checks.Rows,
    gallery: checks.Rows,
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    normalise: Normalise = None,
) -> np.ndarray:
    """Negative k-reciprocal distances of query and gallery.

    Over all N = Q + G rows, `d[i, j] = (2 - 2 x_i . x_j) / max_l (2 - 2 x_i . x_l)`.
    `V[i, :]` is `exp(-d[i, :])` over the expanded k-reciprocal neighbourhood (lists of
    k1 + 1, shorter lists of `around(k1 / 2) + 1`), divided by its sum, then averaged
    over the first k2 neighbours; with `m = sum_l min(V[q, l], V[g, l])` the result is
    `-((1 - lambda) (1 - m / (2 - m)) + lambda d[q, g])`. It takes no cameras.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        k1: Neighbours of a list besides the row itself; k1 + 1 is cut to N.
        k2: Neighbours whose encodings are averaged, the row itself included; cut to
            k1 + 1.
        lambda_value: Share of the original distance, in [0, 1].
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        (Q, G) float32, higher is better.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        Zhong et al., "Re-ranking Person Re-identification with k-reciprocal
        Encoding", CVPR 2017, eq. 3-12; CEIL `code/tools/rerank/kr.py`,
        which loops over the rows.
    """
    k1, k2 = checks.at_least(1, k1=k1, k2=k2)
    lambda_value = checks.number("lambda_value", lambda_value)
    if not 0 <= lambda_value <= 1:
        raise ValueError(f"{lambda_value=} must be in [0, 1]")
    rows, num_queries, _ = features.pair(query, gallery, normalise=normalise)
    k1 = min(k1, 2 * len(rows))  # whose half list, too, holds every row
    neighbours, smallest, original = all_pairs(rows, num_queries, k=k1 + 1)
    largest = spans(smallest)
    original *= -2
    original += 2
    original /= largest[:num_queries, None]
    indices = neighbours.indices
    pattern = reciprocal.expanded(
        indices, length=k1 + 1, half_length=int(np.around(k1 / 2)) + 1
    )
    lengths = np.diff(pattern.indptr)
    pairs = 2 - 2 * reciprocal.pair_products(rows, pattern, neighbours)
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.exp(-pairs / np.repeat(largest.astype(np.float64), lengths))
        weights /= np.repeat(np.add.reduceat(weights, pattern.indptr[:-1]), lengths)
    check_weights(weights)
    encoding = sparse.csr_array(
        (weights, pattern.indices, pattern.indptr), shape=pattern.shape
    )
    encoding = reciprocal.query_expansion(encoding, indices, k2=k2)
    return mixed(encoding, original, lambda_value)


def spans(smallest: np.ndarray) -> np.ndarray:
    """The largest distance of each row, by which its distances are divided.

    Args:
        smallest: (N,) least inner product of each row with any.

    Returns:
        (N,) float32; 1 where all rows are equal, so that their distances, which are 0,
        stay 0.
    """
    largest = 2 - 2 * smallest
    return np.where(largest > 1e-6, largest, 1).astype(np.float32)


def check_weights(weights: np.ndarray) -> None:
    """Check the weights of neighbourhoods.

    Args:
        weights: Exponentials of distances, divided by their sums.

    Raises:
        ValueError: They are not finite.
    """
    if not np.isfinite(weights).all():
        raise ValueError(
            "query and gallery: rows must be shorter, exponents of their distances "
            "overflow: normalise=True takes rows of length 1"
        )


def mixed(
    encoding: sparse.csr_array, original: np.ndarray, lambda_value: float
) -> np.ndarray:
    """Minus the mean of Jaccard and original distances.

    Args:
        encoding: (Q + G, Q + G) encodings whose rows sum to 1, the queries first.
        original: (Q, G) float32 distances; their memory is used.
        lambda_value: Share of the original distances.

    Returns:
        (Q, G) float32, higher is better.
    """
    original *= -lambda_value
    original -= 1 - lambda_value  # where nothing is shared
    for rows, jaccard in overlaps.distances(encoding, num_queries=len(original)):
        queries = np.repeat(np.arange(rows.start, rows.stop), np.diff(jaccard.indptr))
        original[queries, jaccard.indices] += (1 - lambda_value) * (1 - jaccard.data)
    return original
