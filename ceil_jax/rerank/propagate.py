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
    k1: int = 15,
    k2: int = 3,
    beta: float = 0.2,
    scale: float = 0.3,
    num_rounds: int = 3,
    normalise: Normalise = None,
) -> np.ndarray:
    """Features as mixtures of their neighbours', across cameras as well.

    A round links each row with its k1 nearest rows, itself first (graph A), and with
    itself and its k2 - 1 nearest rows of other cameras (graph C): `A[i, j]` and
    `C[i, j]` are `exp(-|x_i - x_j|^2 / (2 beta))` on those lists, 0 elsewhere; of rows
    of length 1 that is `exp(x_i . x_j / beta)` but for a factor that cancels. With
    `N(S) = R^-1/2 S K^-1/2`, R the row sums of S and K its column sums, it does
    `X <- (1 - scale) N(A) X + scale N(C) X` and divides the rows by their lengths. The
    next round links the new rows. Without cameras, `X <- N(A) X`. Features remain
    features: any index and any re-ranker takes them.

    Args:
        features: (n, d) unit rows, of a query set and a gallery together or of a
            gallery alone.
        cameras: (n,) whole numbers or text, or None.
        k1: Neighbours of all cameras, the row itself included; cut to n.
        k2: The row itself and its neighbours of other cameras; cut to those there are.
        beta: Difference of similarities at which a weight falls to 1/e, more than 0.
        scale: Share of the graph of other cameras, in [0, 1].
        num_rounds: Rounds; with 0 the rows are only divided by their lengths.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        (n, d) float32 rows of length 1; a row whose mixture is 0 stays as it was.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        Zhang et al., "Graph Convolution Based Efficient Re-Ranking for Visual
        Retrieval", IEEE Transactions on Multimedia 2023: the propagation of its GCR,
        without the profile vectors that may precede it. Defaults are the numbers of the
        authors' settings for Market-1501 and MARS. The released CEIL holds such a
        propagation, switched off, with k1 = 45, k2 = 90, beta = 0.08 and scale = 0.7.
    """
    k1, k2 = checks.at_least(1, k1=k1, k2=k2)
    (num_rounds,) = checks.between(0, MAX_ROUNDS, num_rounds=num_rounds)
    beta, scale = checks.number("beta", beta), checks.number("scale", scale)
    if not 0 < beta < np.inf:
        raise ValueError(f"{beta=} must be more than 0 and finite")
    if not 0 <= scale <= 1:
        raise ValueError(f"{scale=} must be in [0, 1]")
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
        k2: The row itself and neighbours of other cameras.
        beta: Width of the kernel.
        scale: Share of the graph of other cameras.
        num_rounds: Rounds.

    Returns:
        (n, d) float32 rows of length 1.
    """
    for _ in range(num_rounds):
        matrix = _normalised(_of_all(rows, k1, beta))
        if cameras is not None:
            other = _normalised(_of_other_cameras(rows, cameras, k2, beta))
            matrix = (1 - scale) * matrix + scale * other
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
    _, lists = by_camera(rows, cameras, same=0, other=k2 - 1)
    found = lists.rows, lists.columns, lists.similarities
    own = sparse.eye_array(len(rows), format="csr")
    return sparse.csr_array(own + lists.matrix(_kernel(rows, *found, beta)))


def _kernel(
    rows: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    products: np.ndarray,
    beta: float,
) -> np.ndarray:
    """`exp(-|x_i - x_j|^2 / (2 beta))` of some pairs, float64."""
    squares = np.einsum("nd,nd->n", rows, rows).astype(np.float64)
    distances = squares[first] + squares[second] - 2 * products.astype(np.float64)
    distances[first == second] = 0
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(-np.maximum(distances, 0) / 2 / beta)


def _normalised(graph: sparse.csr_array) -> sparse.csr_array:
    """`R^-1/2 S K^-1/2` of the sums of rows and columns; the diagonal has ones."""
    row_sums, column_sums = (np.asarray(graph.sum(axis=axis)) for axis in (1, 0))
    first = np.repeat(np.arange(len(row_sums)), np.diff(graph.indptr))
    data = row_sums[first] ** -0.5 * graph.data * column_sums[graph.indices] ** -0.5
    return sparse.csr_array((data, graph.indices, graph.indptr), shape=graph.shape)
