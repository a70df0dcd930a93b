"""GCR's rounds as products with vectors: the later graphs are never written down.

With S_0 = A + A^T, the linked rows made symmetric, and D_t the sums of the rows of S_t,
a round is A_{t+1} = W D_t^-1 S_t and S_{t+1} = A_{t+1} + A_{t+1}^T, so that for any X

    X S_{t+1} = (X W) D_t^-1 S_t + (X S_t) D_t^-1 W^T,

and the similarities of queries and gallery are

    A_T[Q] A_T[G]^T = W_Q D^-1 S S D^-1 W_G^T,    S = S_{T-1}, D = D_{T-1}.

The rows of S_t grow with every round, to thousands of entries. Held are W, with k2
entries a row, and the last S_t that is small; what comes after is applied. Queries are
multiplied in blocks of those that link the same rows, see `vectors`.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from ceil_jax.neighbours import Neighbours
from ceil_jax.rerank import assemble, graph, vectors
from ceil_jax.rerank.vectors import Columns, Vectors

SAMPLED_ROWS = 1000
"""Rows from which the size of a product is told before it is done."""


class Rounds(NamedTuple):
    """What the products need.

    Attributes:
        held: (N, N) sparse S_t, symmetric, of the round `level`.
        level: t of `held`.
        scales: (N,) 1 / D_t of every t < T, 0 where a row has no entry.
        propagation: (N, N) sparse W.
        transposed: W^T.
    """

    held: sparse.csr_array
    level: int
    scales: list[np.ndarray]
    propagation: sparse.csr_array
    transposed: sparse.csr_array

    @property
    def last(self) -> int:
        """T - 1, the last round whose graph is multiplied with."""
        return len(self.scales) - 1


def _ignore(rows: int) -> None:
    del rows


def _inverse(sums: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.where(sums > 0, 1 / sums, 0).astype(np.float32)


def _row_sums(matrix: sparse.csr_array) -> np.ndarray:
    sums = np.zeros(len(matrix.indptr) - 1)
    filled = np.flatnonzero(np.diff(matrix.indptr))
    starts = matrix.indptr[filled]
    sums[filled] = np.add.reduceat(matrix.data, starts, dtype=np.float64)
    return sums


def plan(
    neighbours: Neighbours,
    cameras: np.ndarray | None,
    *,
    k1: int,
    k2: int,
    camera_weight: float,
    num_rounds: int,
    max_entries: float = np.inf,
    on_rows: Callable[[int], object] = _ignore,
) -> Rounds:
    """Do the rounds that are small, and find the row sums of the others.

    Args:
        neighbours: Lists of the rows of query then gallery.
        cameras: (N,) camera of each row, or None.
        k1: Neighbours linked; cut to the length of the lists.
        k2: Neighbours propagated from; cut to k1.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds T. With 0 the rows are those of A.
        max_entries: Entries that the graphs that are held may have.
        on_rows: Called with numbers of rows as they are done, N in each round.

    Returns:
        What the products need.
    """
    k1 = min(k1, neighbours.indices.shape[1])
    weights = {"k1": k1, "camera_weight": camera_weight}
    if not num_rounds:
        adjacency = graph.camera_adjacency(neighbours, cameras, **weights)
        return Rounds(adjacency, 0, [], adjacency, adjacency.T.tocsr())
    state = _first(neighbours, cameras, k2=min(k2, k1), on_rows=on_rows, **weights)
    # T - 2: the last graph is only multiplied with a few rows at a time.
    while state.level < num_rounds - 2:
        entries = 2 * _next_entries(state)
        if state.held.nnz + entries > max_entries:
            break
        state = _hold_next(state, entries, on_rows)
    for level in range(state.level + 1, num_rounds):
        state = state._replace(scales=[*state.scales, _next_scale(state, level)])
        on_rows(len(state.scales[0]))
    return state


def _first(
    neighbours: Neighbours,
    cameras: np.ndarray | None,
    *,
    k1: int,
    k2: int,
    camera_weight: float,
    on_rows: Callable[[int], object],
) -> Rounds:
    """The rounds up to S_0."""
    adjacency = graph.camera_adjacency(
        neighbours, cameras, k1=k1, camera_weight=camera_weight
    )
    transposed = adjacency.T.tocsr()
    held = _held(
        lambda rows: adjacency[rows] + transposed[rows],
        len(neighbours.indices),
        2 * adjacency.nnz,
        on_rows,
    )
    propagation = graph.propagation(neighbours, k2=k2)
    scales = [_inverse(_row_sums(held))]
    return Rounds(held, 0, scales, propagation, propagation.T.tocsr())


def _held(
    rows_of: Callable[[slice], sparse.csr_array],
    num_rows: int,
    capacity: int,
    on_rows: Callable[[int], object],
) -> sparse.csr_array:
    """A graph from its blocks of rows."""

    def told() -> Iterator[sparse.csr_array]:
        for block in assemble.in_threads(rows_of, assemble.row_slices(num_rows)):
            yield block
            on_rows(len(block.indptr) - 1)

    return assemble.stacked(told(), num_rows, capacity=capacity)


def _next_entries(state: Rounds) -> int:
    """About how many entries the next A has, from some of its rows."""
    num_rows = len(state.scales[-1])
    some = state.propagation[:: max(1, num_rows // SAMPLED_ROWS)]
    return int((some @ state.held).nnz * (num_rows / (len(some.indptr) - 1)))


def _hold_next(
    state: Rounds, entries: int, on_rows: Callable[[int], object] = _ignore
) -> Rounds:
    """The next round's graph as a matrix."""
    held, scale = state.held, state.scales[state.level]
    w, transposed = state.propagation, state.transposed

    def rows_of(rows: slice) -> sparse.csr_array:
        first = vectors.scale(w[rows], scale) @ held
        return first + vectors.scale(held[rows], scale) @ transposed

    following = _held(rows_of, len(scale), int(1.2 * entries), on_rows)
    scales = [*state.scales[: state.level + 1], _inverse(_row_sums(following))]
    return state._replace(held=following, level=state.level + 1, scales=scales)


def finished(state: Rounds) -> sparse.csr_array:
    """All rounds done, as a matrix: for numbers of rows whose graphs are small.

    Args:
        state: The rounds.

    Returns:
        (N, N) A_T.
    """
    if not state.scales:
        return state.propagation
    last = state.last
    while state.level < last:
        state = _hold_next(state, 2 * _next_entries(state))
    num_rows = len(state.scales[0])
    w = vectors.scale(state.propagation[:num_rows], state.scales[-1])
    return sparse.csr_array(w @ state.held)


def _next_scale(state: Rounds, level: int) -> np.ndarray:
    """1 / D of a round whose graph is not held: row sums of A and of A^T."""
    before = state.scales[level - 1]
    rows = state.propagation @ (before > 0).astype(np.float32)
    taken = state.transposed @ np.ones(len(before), np.float32)
    columns = times(state, Columns(None, (before * taken)[:, None]), level - 1)
    return _inverse(rows + columns.values[:, 0])


def times(state: Rounds, x: Vectors, level: int) -> Vectors:
    """Multiply with the graph of a round.

    Args:
        state: The rounds.
        x: Vectors of N entries.
        level: Which round's S.

    Returns:
        X S, of the form that X has; columns may come on all entries.
    """
    if level == state.level:
        return vectors.product(x, state.held, state.held)
    factors = state.scales[level - 1]
    w, transposed = state.propagation, state.transposed
    first = vectors.scale(vectors.product(x, w, transposed), factors)
    first = times(state, first, level - 1)
    second = vectors.scale(times(state, x, level - 1), factors)
    return vectors.add(first, vectors.product(second, transposed, w))


def similarities(state: Rounds, queries: np.ndarray, num_queries: int) -> Vectors:
    """Similarities of some queries with the gallery.

    Args:
        state: The rounds over query then gallery.
        queries: Their numbers.
        num_queries: Q.

    Returns:
        A vector of G entries for each.
    """
    x = vectors.as_columns(state.propagation[queries])
    if state.scales:
        x = times(state, vectors.scale(x, state.scales[-1]), state.last)
        x = times(state, vectors.as_columns(x), state.last)
        x = vectors.scale(x, state.scales[-1])
    found = vectors.product(x, state.transposed, state.propagation)
    return vectors.entries_from(found, num_queries)


def blocks(
    state: Rounds, *, num_queries: int, block_rows: int, num_threads: int = 0
) -> Iterator[tuple[np.ndarray, Vectors]]:
    """Similarities of a few queries at a time, computed by several threads.

    Args:
        state: The rounds over query then gallery.
        num_queries: Q.
        block_rows: Queries at a time and thread.
        num_threads: Threads; 0 for as many as there are cores.

    Yields:
        The numbers of some queries and their similarities, a vector of G entries each.
    """
    order = _order(state, num_queries)
    parts = [order[n : n + block_rows] for n in range(0, num_queries, block_rows)]

    def block(part: np.ndarray) -> tuple[np.ndarray, Vectors]:
        return part, similarities(state, part, num_queries)

    yield from assemble.in_threads(block, parts, num_threads=num_threads)


def _order(state: Rounds, num_queries: int) -> np.ndarray:
    """The queries, those that link the same rows near each other."""
    links = sparse.csr_array(state.propagation + state.transposed)
    order = csgraph.reverse_cuthill_mckee(links, symmetric_mode=True)
    return order[order < num_queries]
