"""k-reciprocal re-ranking as released: loops over images, dense N x N matrices."""

import numpy as np

from benchmarks.released import clustering


def k_reciprocal(
    query: np.ndarray,
    gallery: np.ndarray,
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
) -> np.ndarray:
    """Minus the mixed distance of query and gallery.

    Args:
        query: (Q, d) float32 unit rows.
        gallery: (G, d) float32 unit rows.
        k1: Neighbours of a list besides the row itself.
        k2: Neighbours whose encodings are averaged.
        lambda_value: Share of the original distance.

    Returns:
        (Q, G) float32, higher is better.
    """
    rows = np.concatenate([query, gallery])
    num_queries, num_rows = len(query), len(rows)
    original = 2 - 2 * (rows @ rows.T)
    original = np.transpose(original / original.max(axis=0))
    rank = np.argsort(original, axis=1).astype(np.int32)
    half_length = int(np.around(k1 / 2)) + 1
    encoding = np.zeros((num_rows, num_rows), np.float32)
    for row in range(num_rows):
        near = clustering.neighbourhood(rank, row, k1 + 1, half_length)
        weights = np.exp(-original[row, near])
        encoding[row, near] = weights / weights.sum()
    encoding = clustering.expansion(encoding, rank, k2)
    distance = (1 - lambda_value) * clustering.jaccard(encoding, num_queries)
    distance += lambda_value * original[:num_queries]
    return -distance[:, num_queries:]
