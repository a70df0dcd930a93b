"""GCR of one query and the few hundred rows that a database returned for it.

The later graphs are never made: with A the first graph, B_0 = A + A^T, D_t the row sums
of B_t and W the propagation, a round is

    A_{t+1} = W D_t^-1 B_t,   B_{t+1} = A_{t+1} + A_{t+1}^T,

so that B_{t+1} v = W D_t^-1 (B_t v) + B_t D_t^-1 (W^T v): products of B_0 and W with
vectors, of which a round doubles the number. Three rounds need two dozen.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from ceil_jax.common import checks, features, sparse_rows
from ceil_jax.common.features import Normalise
from ceil_jax.neighbours.search import Neighbours
from ceil_jax.rerank import options
from ceil_jax.rerank.graph import camera_adjacency, divide_rows, symmetrise

APPLIED_ROUNDS = 3
"""So many rounds are applied to vectors; those before them, if any, are made."""
SMALL_PRODUCT = 1 << 17
"""Multiplications that OpenBLAS does in one thread. On a busy machine the threads of a
larger product of a millisecond wait for each other for twenty."""
SMALL_ROWS = 1024
"""Up to so many rows the products are made of small ones."""


class _Graph(NamedTuple):
    """What products with the graphs of the rounds are made of, all float32.

    Attributes:
        first: (N, N) sparse B of the first round that is applied.
        propagation: (N, N) sparse W.
        transposed: W^T.
        scales: (N,) 1 / D of this round and those after it; 0 where D is.
    """

    first: sparse.csr_array
    propagation: sparse.csr_array
    transposed: sparse.csc_array
    scales: list[np.ndarray]


def candidates(
    query: checks.Rows,
    candidates: checks.Rows,
    query_camera: Any = None,
    candidate_cameras: checks.Rows | None = None,
    *,
    k1: int = 28,
    k2: int = 7,
    camera_weight: float = 0.5,
    num_rounds: int = 3,
    normalise: Normalise = None,
) -> np.ndarray:
    """Re-rank what a vector database returned for one query, by GCR on it alone.

    What `gcr(query[None], candidates, ...)` gives, in a few milliseconds for a few
    hundred candidates, and without a compilation for any number of them. Equal
    similarities are linked in the order of the candidates; where similarities are
    equal but for rounding, which is linked may differ, as between `gcr`'s searches.
    The graph knows nothing of the images that were not returned: 200 candidates keep
    about half of the whole set's gain, fewer than 100 hardly any
    (docs/reranking.md). Time and memory grow with n^2.

    Args:
        query: (d,) vector of length 1.
        candidates: (n, d) unit rows, in any order. Those of the query's own modality
            belong among them.
        query_camera: A whole number or text. None for both sides: all weights are 1.
        candidate_cameras: (n,) likewise.
        k1: Neighbours linked, the row itself included; cut to n + 1.
        k2: Neighbours propagated from; cut to k1.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds.
        normalise: None refuses vectors that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        (n,) float32 similarities in the order of the candidates, higher is better.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        As for `gcr`; the released code has no counterpart.
    """
    chosen = options.checked(
        k1=k1, k2=k2, camera_weight=camera_weight, num_rounds=num_rounds
    )
    vector = checks.array("query", query)
    if vector.ndim != 1:
        raise ValueError(f"query.shape={vector.shape} must be (features,): one query")
    rows, _, num_candidates = features.pair(
        vector[None], candidates, normalise=normalise, names=("query", "candidates")
    )
    cameras = _cameras(query_camera, candidate_cameras, num_candidates)
    chosen = chosen.cut(len(rows))
    adjacency, propagation = _links(rows, cameras, chosen)
    is_query = np.zeros(len(rows), np.float32)
    is_query[0] = 1
    if not chosen.num_rounds:
        return (adjacency @ (is_query @ adjacency))[1:]
    graph = _graph(adjacency, propagation, chosen.num_rounds)
    last = len(graph.scales) - 1
    of_query = _times(graph, (is_query @ propagation) * graph.scales[-1], last)
    found = propagation @ (graph.scales[-1] * _times(graph, of_query, last))
    return found[1:]


def _cameras(
    query_camera: Any, candidate_cameras: Any, num_candidates: int
) -> np.ndarray | None:
    """All cameras as whole numbers, the query's first, or None."""
    if query_camera is None and candidate_cameras is None:
        return None
    for name, side in (
        ("query_camera", query_camera),
        ("candidate_cameras", candidate_cameras),
    ):
        if side is None:
            raise ValueError(f"{name}=None: give the cameras of both sides or of none")
    one = checks.array("query_camera", query_camera)
    if one.shape != ():
        raise ValueError(f"query_camera.shape={one.shape} must be (): one camera")
    return np.concatenate(
        checks.codes(
            query_camera=(one[None], 1),
            candidate_cameras=(candidate_cameras, num_candidates),
        )
    )


def _links(
    rows: np.ndarray, cameras: np.ndarray | None, chosen: options.Options
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """GCR's first graph A and its propagation W, (N, N) sparse float32 each."""
    products = _products(rows)
    nearness = products.copy()
    np.fill_diagonal(nearness, np.inf)  # the row itself is first on its list
    linked, taken = (_largest(nearness, k) for k in (chosen.k1, chosen.k2))
    used = np.take_along_axis(products, taken, axis=1)
    options.check_products(used, k2=chosen.k2, name="query and candidates")
    lists = Neighbours(linked, used)
    adjacency = camera_adjacency(
        lists, cameras, k1=chosen.k1, camera_weight=chosen.camera_weight
    )
    return adjacency, sparse_rows.from_lists(taken, used * used)


def _products(rows: np.ndarray) -> np.ndarray:
    """`x_i . x_j` of all rows, by one thread where they are few."""
    num_rows, width = rows.shape
    if num_rows > SMALL_ROWS:
        return rows @ rows.T
    size = int(np.clip(math.isqrt(SMALL_PRODUCT // width), 8, 64))
    num_blocks = -(-num_rows // size)
    blocks = np.zeros((num_blocks, size, width), np.float32)
    blocks.reshape(-1, width)[:num_rows] = rows
    found = np.matmul(blocks[:, None], blocks.transpose(0, 2, 1))
    whole = found.transpose(0, 2, 1, 3).reshape(num_blocks * size, -1)
    return whole[:num_rows, :num_rows]


def _largest(scores: np.ndarray, k: int) -> np.ndarray:
    """Columns of the k largest entries of each row, ascending; equal ones in order."""
    place = scores.shape[1] - k
    bounds = np.partition(scores, place, axis=1)[:, place, None]
    reached = scores >= bounds
    surplus = np.flatnonzero(np.count_nonzero(reached, axis=1) > k)
    if surplus.size:
        some, bound = scores[surplus], bounds[surplus]
        above, equal = some > bound, some == bound
        free = k - np.count_nonzero(above, axis=1, keepdims=True)
        reached[surplus] = above | (equal & (np.cumsum(equal, axis=1) <= free))
    return np.flatnonzero(reached).reshape(len(scores), k) % scores.shape[1]


def _graph(
    adjacency: sparse.csr_array, propagation: sparse.csr_array, num_rounds: int
) -> _Graph:
    """The graph of the first round that is applied, and the sums of all after it."""
    first = symmetrise(adjacency)
    for _ in range(num_rounds - APPLIED_ROUNDS):
        first = symmetrise(propagation @ divide_rows(first, order=1))
    transposed = propagation.T
    ones = np.ones(len(first.indptr) - 1, np.float32)
    graph = _Graph(first, propagation, transposed, [_inverse(first @ ones)])
    rows, columns = propagation @ ones, transposed @ ones
    for level in range(min(num_rounds, APPLIED_ROUNDS) - 1):
        # Rows of D^-1 B sum to 1: D_{t+1} = W 1 + B_t D_t^-1 W^T 1.
        sums = rows + _times(graph, graph.scales[level] * columns, level)
        graph.scales.append(_inverse(sums))
    return graph


def _inverse(sums: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.where(sums > 0, 1 / sums, 0).astype(np.float32)


def _times(graph: _Graph, vector: np.ndarray, level: int) -> np.ndarray:
    """B v of a round, counted from the first that is applied."""
    if not level:
        return graph.first @ vector
    before = graph.scales[level - 1]
    left = graph.propagation @ (before * _times(graph, vector, level - 1))
    right = before * (graph.transposed @ vector)
    return left + _times(graph, right, level - 1)
