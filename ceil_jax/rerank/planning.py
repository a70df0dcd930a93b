"""Which of GCR's graphs is held, and what the products with the later ones need."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from ceil_jax.common import sparse_rows, threads
from ceil_jax.neighbours.search import Neighbours
from ceil_jax.rerank import graph, rounds, vectors
from ceil_jax.rerank.rounds import Rounds

SAMPLED_ROWS = 1000
"""Rows from which the size of a product is told before it is done."""


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
    k2 = min(k2, k1)
    order = _order(graph.propagation(neighbours, k2=k2))
    neighbours = _in_order(neighbours, order, k1=k1, k2=k2)
    adjacency = graph.camera_adjacency(
        neighbours,
        None if cameras is None else cameras[order],
        k1=k1,
        camera_weight=camera_weight,
    )
    if not num_rounds:
        return Rounds(adjacency, 0, [], adjacency, adjacency.T.tocsr(), order)
    propagation = graph.propagation(neighbours, k2=k2)
    held = _first(adjacency, on_rows)
    del neighbours, adjacency
    scales = [_inverse(_row_sums(held))]
    state = Rounds(held, 0, scales, propagation, propagation.T.tocsr(), order)
    while state.level < num_rounds - 2:
        entries = 2 * _next_entries(state)
        too_large = state.held.nnz + entries > max_entries
        if too_large or not _pays(state, entries, num_rounds):
            break
        state = _hold_next(state, entries, on_rows)
    for level in range(state.level + 1, num_rounds):
        state = state._replace(scales=[*state.scales, _next_scale(state, level)])
        if level == state.level + 2:
            state = state._replace(mixed=_mixed(state))
        on_rows(len(order))
    return state


def _order(links: sparse.csr_array) -> np.ndarray:
    """The rows, those that link each other near each other."""
    order = csgraph.reverse_cuthill_mckee(links, symmetric_mode=False)
    return order.astype(np.int32, copy=False)


def _in_order(
    neighbours: Neighbours, order: np.ndarray, *, k1: int, k2: int
) -> Neighbours:
    """The lists of k1 rows, with k2 similarities, in another order of the rows."""
    place = inverse_order(order)
    indices = place[neighbours.indices[:, :k1][order]]
    return Neighbours(indices, neighbours.similarities[:, :k2][order])


def inverse_order(order: np.ndarray) -> np.ndarray:
    """Where each row stands in an order of all of them.

    Args:
        order: (N,) numbers of the rows.

    Returns:
        (N,) places.
    """
    place = np.empty_like(order)
    place[order] = np.arange(len(order), dtype=order.dtype)
    return place


def _multiplications(entries: float, k2: int, later: int) -> float:
    """Multiplications for each row of a product with the graph some rounds later.

    Args:
        entries: Entries in a row of the graph that is held.
        k2: Entries in a row of W.
        later: Rounds after the one that is held.
    """
    if later < 3:
        return (later + 1) * entries + 2 * later * k2
    return 2 * (_multiplications(entries, k2, later - 1) + k2)


def _pays(state: Rounds, entries: int, num_rounds: int) -> bool:
    """Whether less is multiplied where the next graph, of so many entries, is held."""
    num_rows = len(state.order)
    k2 = state.propagation.nnz // num_rows
    later = num_rounds - 1 - state.level
    now = _multiplications(state.held.nnz / num_rows, k2, later)
    then = _multiplications(entries / num_rows, k2, later - 1)
    # No graph has more than N entries in a row.
    return then < now or now > _multiplications(num_rows, k2, 1)


def _first(
    adjacency: sparse.csr_array, on_rows: Callable[[int], object]
) -> sparse.csr_array:
    """S_0."""
    transposed = adjacency.T.tocsr()
    return _held(
        lambda rows: adjacency[rows] + transposed[rows],
        len(adjacency.indptr) - 1,
        2 * adjacency.nnz,
        on_rows,
    )


def _mixed(state: Rounds) -> sparse.csr_array:
    """M_t, its row numbers shared with S_t."""
    held = state.held
    before, after = state.scales[state.level : state.level + 2]
    counts = np.diff(held.indptr)
    data = np.repeat(after, counts) * before[held.indices]
    data += np.repeat(before, counts) * after[held.indices]
    data *= held.data
    return sparse.csr_array((data, held.indices, held.indptr), shape=held.shape)


def _held(
    rows_of: Callable[[slice], sparse.csr_array],
    num_rows: int,
    capacity: int,
    on_rows: Callable[[int], object],
) -> sparse.csr_array:
    """A graph from its blocks of rows."""

    def told() -> Iterator[sparse.csr_array]:
        for block in threads.in_order(rows_of, sparse_rows.row_slices(num_rows)):
            yield block
            on_rows(len(block.indptr) - 1)

    return sparse_rows.stacked(told(), num_rows, capacity=capacity)


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
    place = inverse_order(state.order)
    if not state.scales:
        return state.propagation[place][:, place]
    last = state.last
    while state.level < last:
        state = _hold_next(state, 2 * _next_entries(state))
    w = vectors.scale(state.propagation, state.scales[-1])
    return sparse.csr_array((w @ state.held)[place][:, place])


def _next_scale(state: Rounds, level: int) -> np.ndarray:
    """1 / D of a round whose graph is not held: row sums of A and of A^T."""
    before = state.scales[level - 1]
    rows = state.propagation @ (before > 0).astype(np.float32)
    taken = state.transposed @ np.ones(len(before), np.float32)
    columns = rounds.times(
        state, vectors.Columns(None, (before * taken)[:, None]), level - 1
    )
    return _inverse(rows + columns.values[:, 0])
