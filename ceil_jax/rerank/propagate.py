"""Propagation of features over graphs of all cameras and of other cameras."""

import numpy as np
from scipy import sparse

from ceil_jax.common import checks, sparse_rows
from ceil_jax.common import features as feature_rows
from ceil_jax.common.features import Normalise
from ceil_jax.neighbours.search import of_rows
from ceil_jax.rerank.camera_lists import by_camera
from ceil_jax.rerank.options import MAX_ROUNDS


def propagate(
    features: checks.Rows,
    cameras: checks.Rows | None = None,
    *,
    k1: int = 45,
    k2: int = 90,
    beta: float = 0.08,
    scale: float = 0.7,
    num_rounds: int = 3,
    normalise: Normalise = None,
) -> np.ndarray:
    """Features as mixtures of their neighbours', across cameras as well.

    A round links each row with its k1 nearest rows, itself among them (graph A), and
    with its k2 nearest rows of other cameras (graph C): `A[i, j]` and `C[i, j]` are
    `exp(-|x_i - x_j|^2 / beta)` on those lists, 0 elsewhere. With
    `N(S) = D^-1/2 ((S + S^T) / 2) D^-1/2`, D the row sums of `(S + S^T) / 2`, it does
    `X <- N(A) X + scale N(C) X` and divides the rows by their lengths. The next round
    links the new rows. Without cameras there is no C. Features remain features: any
    index and any re-ranker takes them.

    Args:
        features: (n, d) unit rows, of a query set and a gallery together or of a
            gallery alone.
        cameras: (n,) whole numbers or text, or None.
        k1: Neighbours of all cameras, the row itself included; cut to n.
        k2: Neighbours of other cameras; cut to those there are.
        beta: Squared distance at which a weight falls to 1/e, more than 0.
        scale: Weight of the graph of other cameras, not below 0.
        num_rounds: Rounds; with 0 the rows are only divided by their lengths.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        (n, d) float32 rows of length 1; a row whose mixture is 0 stays as it was.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        Zhang et al., "Graph Convolution Based Efficient Re-Ranking for Visual
        Retrieval", 2023, for the idea. The released CEIL holds such a propagation,
        switched off, with the numbers that are defaults here; the formula above is
        this project's own reading of them.
    """
    k1, k2 = checks.at_least(1, k1=k1, k2=k2)
    (num_rounds,) = checks.between(0, MAX_ROUNDS, num_rounds=num_rounds)
    beta, scale = checks.number("beta", beta), checks.number("scale", scale)
    if not 0 < beta < np.inf:
        raise ValueError(f"{beta=} must be more than 0 and finite")
    if not 0 <= scale <= 1e6:
        raise ValueError(f"{scale=} must be in [0, 1e6]")
    rows = feature_rows.rows("features", features, normalise=normalise)
    codes = None
    if cameras is not None:
        (codes,) = checks.codes(cameras=(cameras, len(rows)))
    return propagated(
        rows, codes, k1=k1, k2=k2, beta=beta, scale=scale, num_rounds=num_rounds
    )


def propagated(
    rows: np.ndarray,
    cameras: np.ndarray | None,
    *,
    k1: int,
    k2: int,
    beta: float,
    scale: float,
    num_rounds: int,
) -> np.ndarray:
    """What `propagate` does with arguments that have been checked.

    Args:
        rows: (n, d) float32.
        cameras: (n,) whole numbers, or None.
        k1: Neighbours of all cameras.
        k2: Neighbours of other cameras.
        beta: Width of the kernel.
        scale: Weight of the graph of other cameras.
        num_rounds: Rounds.

    Returns:
        (n, d) float32 rows of length 1.
    """
    for _ in range(num_rounds):
        matrix = _normalised(_of_all(rows, k1, beta))
        if cameras is not None and scale:
            other = _normalised(_of_other_cameras(rows, cameras, k2, beta))
            matrix = matrix + scale * other
        mixture = matrix.astype(np.float32) @ rows
        empty = ~mixture.any(axis=1)
        mixture[empty] = rows[empty]
        rows = feature_rows.directions("features", mixture)
    return rows if num_rounds else feature_rows.directions("features", rows)


def _of_all(rows: np.ndarray, k1: int, beta: float) -> sparse.csr_array:
    lists = of_rows(rows, k=k1)
    first = np.repeat(np.arange(len(rows)), lists.indices.shape[1])
    found = first, lists.indices.reshape(-1), lists.similarities.reshape(-1)
    weights = _kernel(rows, *found, beta)
    return sparse_rows.from_lists(lists.indices, weights.reshape(lists.indices.shape))


def _of_other_cameras(
    rows: np.ndarray, cameras: np.ndarray, k2: int, beta: float
) -> sparse.csr_array:
    _, lists = by_camera(rows, cameras, same=0, other=k2)
    found = lists.rows, lists.columns, lists.similarities
    return lists.matrix(_kernel(rows, *found, beta))


def _kernel(
    rows: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    products: np.ndarray,
    beta: float,
) -> np.ndarray:
    """`exp(-|x_i - x_j|^2 / beta)` of some pairs, float64."""
    squares = np.einsum("nd,nd->n", rows, rows).astype(np.float64)
    distances = squares[first] + squares[second] - 2 * products.astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(-np.maximum(distances, 0) / beta)


def _normalised(graph: sparse.csr_array) -> sparse.csr_array:
    """`D^-1/2 S D^-1/2` of the symmetric part; rows of zeros stay."""
    symmetric = sparse.csr_array(graph + graph.T)
    degrees = np.asarray(symmetric.sum(axis=1))
    with np.errstate(divide="ignore"):
        roots = np.where(degrees > 0, degrees**-0.5, 0)
    rows = np.repeat(np.arange(len(degrees)), np.diff(symmetric.indptr))
    data = roots[rows] * symmetric.data * roots[symmetric.indices]
    return sparse.csr_array(
        (data, symmetric.indices, symmetric.indptr), shape=symmetric.shape
    )
