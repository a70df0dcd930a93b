"""Expanded cross neighbourhoods as released: dense N x N matrices."""

import numpy as np


def ecn(
    query: np.ndarray, gallery: np.ndarray, *, k: int = 25, t: int = 3, q: int = 8
) -> np.ndarray:
    """Similarities by rank lists, from dense matrices of places.

    Args:
        query: (Q, d) float32 unit rows.
        gallery: (G, d) float32 unit rows.
        k: Length of the rank lists.
        t: Direct neighbours.
        q: Neighbours of each direct neighbour.

    Returns:
        (Q, G) float32, higher is better.
    """
    rows = np.concatenate([query, gallery])
    num_queries, num_rows = len(query), len(rows)
    cosine = rows @ rows.T - 1
    rank = np.argsort(-cosine, axis=1)
    place = np.argsort(rank, axis=1) + 1
    credit = np.maximum(0, k + 1 - place).astype(np.float32)
    similarity = credit @ credit.T
    direct = rank[:, 1 : t + 1]
    indirect = rank[direct, 1 : q + 1].reshape(num_rows, -1)
    near = np.concatenate([direct, indirect], axis=1)
    queries, gallery_rows = near[:num_queries].T, near[num_queries:].T
    towards_gallery = similarity[queries, num_queries:].mean(axis=0)
    towards_query = similarity[gallery_rows, :num_queries].mean(axis=0).T
    mean = (towards_gallery + towards_query) / 2
    return np.where(mean == 0, cosine[:num_queries, num_queries:], mean)
