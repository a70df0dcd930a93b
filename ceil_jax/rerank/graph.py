"""The neighbour graph that GCR and the GNN re-ranker walk on, as sparse rows."""

import numpy as np
from scipy import sparse

from ceil_jax.common import sparse_rows
from ceil_jax.neighbours.search import Neighbours

BLOCK_ROWS = 65_536
"""Rows whose cameras are compared at once."""


def propagation(neighbours: Neighbours, *, k2: int) -> sparse.csr_array:
    """The matrix W of one propagation, `W[i, rank[i, j]] = s[i, j]**2` for j < k2.

    Args:
        neighbours: Neighbour lists.
        k2: Number of neighbours that a row takes from.

    Returns:
        (n, n) float32 with k2 entries a row; `W @ A` propagates A.
    """
    similarities = neighbours.similarities[:, :k2]
    return sparse_rows.from_lists(neighbours.indices[:, :k2], similarities**2)


def camera_adjacency(
    neighbours: Neighbours,
    cameras: np.ndarray | None,
    *,
    k1: int,
    camera_weight: float,
) -> sparse.csr_array:
    """GCR's graph before the first round.

    `A[i, rank[i, j]]` for j < k1 is `camera_weight` where the two rows are of the same
    camera (the row itself included) and `1 / camera_weight` where they are not; 1
    everywhere if there are no cameras.

    Args:
        neighbours: Neighbour lists of at least k1 entries.
        cameras: (n,) camera of each row, or None.
        k1: Number of neighbours that are linked.
        camera_weight: Weight within a camera, more than 0.

    Returns:
        (n, n) float32 with k1 entries a row.
    """
    indices = neighbours.indices[:, :k1]
    if cameras is None:
        return sparse_rows.from_lists(indices, np.ones(indices.shape, np.float32))
    weights = np.full(indices.shape, 1 / camera_weight, np.float32)
    for start in range(0, len(indices), BLOCK_ROWS):  # small copies only
        part = slice(start, start + BLOCK_ROWS)
        weights[part][cameras[indices[part]] == cameras[part, None]] = camera_weight
    return sparse_rows.from_lists(indices, weights)


def symmetrise(adjacency: sparse.csr_array) -> sparse.csr_array:
    """`A + A^T`."""
    return sparse.csr_array(adjacency + adjacency.T)


def divide_rows(adjacency: sparse.csr_array, *, order: int) -> sparse.csr_array:
    """Divide every row by its norm; rows of zeros stay.

    Args:
        adjacency: (n, m) float32.
        order: 1 or 2, the norm's order.

    Returns:
        (n, m) float32.
    """
    powers = abs(adjacency).power(order)
    norms = np.asarray(powers.sum(axis=1, dtype=np.float64)) ** (1 / order)
    scale = 1 / np.where(norms > 0, norms, 1)
    data = adjacency.data * np.repeat(scale, np.diff(adjacency.indptr))
    return sparse.csr_array(
        (data.astype(np.float32), adjacency.indices, adjacency.indptr),
        shape=adjacency.shape,
    )


def cross_products(adjacency: sparse.csr_array, num_queries: int) -> np.ndarray:
    """`A_q A_g^T` as a dense matrix, by whichever product is the faster.

    Args:
        adjacency: (Q + G, Q + G) float32, the query rows first.
        num_queries: Q.

    Returns:
        (Q, G) float32.
    """
    queries, gallery = adjacency[:num_queries], adjacency[num_queries:]
    # A sparse product takes some 400 times longer for each of its multiplications.
    num_rows = len(adjacency.indptr) - 1
    if adjacency.nnz > 0.05 * num_rows**2:
        return queries.toarray() @ gallery.toarray().T
    return (queries @ gallery.T).toarray()
