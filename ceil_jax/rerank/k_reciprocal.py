"""k-reciprocal re-ranking."""

import numpy as np
from scipy import sparse

from ceil_jax import checks
from ceil_jax.clustering import reciprocal
from ceil_jax.neighbours import nearest


def k_reciprocal(
    query: checks.Rows,
    gallery: checks.Rows,
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
) -> np.ndarray:
    """Negative k-reciprocal distances of query and gallery.

    Over all N = Q + G rows, `d[i, j] = (2 - 2 x_i . x_j) / max_l (2 - 2 x_i . x_l)`.
    `V[i, :]` is `exp(-d[i, :])` over the expanded k-reciprocal neighbourhood (lists of
    k1 + 1, shorter lists of `around(k1 / 2) + 1`), divided by its sum, then averaged
    over the first k2 neighbours; with `m = sum_l min(V[q, l], V[g, l])` the result is
    `-((1 - lambda) (1 - m / (2 - m)) + lambda d[q, g])`.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        k1: Neighbours of a list besides the row itself; k1 + 1 is cut to N.
        k2: Neighbours whose encodings are averaged, the row itself included; cut to
            k1 + 1.
        lambda_value: Share of the original distance, in [0, 1].

    Returns:
        (Q, G) float32, higher is better.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        Zhong et al., "Re-ranking Person Re-identification with k-reciprocal
        Encoding", CVPR 2017, eq. 3-12; CEIL `code/tools/rerank/kr.py`,
        which loops over the rows.
    """
    checks.at_least(1, k1=k1, k2=k2)
    if not 0 <= lambda_value <= 1:
        raise ValueError(f"{lambda_value=} must be in [0, 1]")
    rows = checks.pair("query", query, "gallery", gallery)
    num_queries = len(query)
    indices = nearest(rows, k=k1 + 1).indices
    pattern = reciprocal.expanded(
        indices, length=k1 + 1, half_length=int(np.around(k1 / 2)) + 1
    )
    largest = _largest_distances(rows)
    lengths = np.diff(pattern.indptr)
    pairs = 2 - 2 * reciprocal.pair_products(rows, pattern)
    weights = np.exp(-pairs / np.repeat(largest, lengths))
    weights /= np.repeat(np.add.reduceat(weights, pattern.indptr[:-1]), lengths)
    encoding = sparse.csr_array(
        (weights, pattern.indices, pattern.indptr), shape=pattern.shape
    )
    encoding = reciprocal.query_expansion(encoding, indices, k2=k2)
    sums = reciprocal.min_sums(encoding)[:num_queries, num_queries:].toarray()
    jaccard = 1 - sums / (2 - sums)
    original = 2 - 2 * (rows[:num_queries] @ rows[num_queries:].T)
    original /= largest[:num_queries, None]
    return -((1 - lambda_value) * jaccard + lambda_value * original)


def _largest_distances(rows: np.ndarray) -> np.ndarray:
    """Largest `2 - 2 x_i . x_j` of each row, never the whole matrix at once.

    1 where all rows are equal, so that their distances, which are 0, stay 0.
    """
    step = max(1, reciprocal.BLOCK_ENTRIES // len(rows))
    smallest = [
        (rows[start : start + step] @ rows.T).min(axis=1)
        for start in range(0, len(rows), step)
    ]
    largest = 2 - 2 * np.concatenate(smallest)
    return np.where(largest > 1e-6, largest, 1).astype(np.float32)
