"""k-reciprocal re-ranking."""

import numpy as np
from scipy import sparse

from ceil_jax import checks
from ceil_jax.clustering import overlaps, reciprocal
from ceil_jax.neighbours import nearest

BLOCK_ENTRIES = 1 << 22
"""Similarities that are held at a time besides the result."""


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
    neighbours = nearest(rows, k=k1 + 1)
    indices = neighbours.indices
    pattern = reciprocal.expanded(
        indices, length=k1 + 1, half_length=int(np.around(k1 / 2)) + 1
    )
    largest, original = _original_distances(rows, num_queries)
    lengths = np.diff(pattern.indptr)
    pairs = 2 - 2 * reciprocal.pair_products(rows, pattern, neighbours)
    weights = np.exp(-pairs / np.repeat(largest.astype(np.float64), lengths))
    weights /= np.repeat(np.add.reduceat(weights, pattern.indptr[:-1]), lengths)
    encoding = sparse.csr_array(
        (weights, pattern.indices, pattern.indptr), shape=pattern.shape
    )
    encoding = reciprocal.query_expansion(encoding, indices, k2=k2)
    return _mixed(overlaps.factors(encoding), original, lambda_value)


def _mixed(
    product: overlaps.Factors, original: np.ndarray, lambda_value: float
) -> np.ndarray:
    """Minus the two distances' mean, in the place of the original one."""
    num_queries = len(original)
    across = overlaps.Factors(
        product.left[:num_queries], product.right[:, num_queries:]
    )
    original *= -lambda_value
    original -= 1 - lambda_value  # where nothing is shared
    for rows, jaccard in overlaps.distances(across):
        queries = np.repeat(np.arange(rows.start, rows.stop), np.diff(jaccard.indptr))
        original[queries, jaccard.indices] += (1 - lambda_value) * (1 - jaccard.data)
    return original


def _original_distances(
    rows: np.ndarray, num_queries: int
) -> tuple[np.ndarray, np.ndarray]:
    """Largest `2 - 2 x_i . x_j` of each row, and those of query and gallery by it.

    Never the whole matrix at once. The largest is 1 where all rows are equal, so that
    their distances, which are 0, stay 0.
    """
    num_rows = len(rows)
    across = np.empty((num_queries, num_rows - num_queries), np.float32)
    smallest = np.empty(num_rows, np.float32)
    step = max(1, BLOCK_ENTRIES // num_rows)
    for start in range(0, num_rows, step):
        part = slice(start, start + step)
        products = rows[part] @ rows.T
        smallest[part] = products.min(axis=1)
        queries = across[part]
        queries[:] = products[: len(queries), num_queries:]
    largest = 2 - 2 * smallest
    largest = np.where(largest > 1e-6, largest, 1).astype(np.float32)
    across *= -2
    across += 2
    across /= largest[:num_queries, None]
    return largest, across
