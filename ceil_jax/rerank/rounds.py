"""GCR's rounds as products with vectors: the later graphs are never written down.

With S_0 = A + A^T, the linked rows made symmetric, and D_t the sums of the rows of S_t,
a round is A_{t+1} = W D_t^-1 S_t and S_{t+1} = A_{t+1} + A_{t+1}^T, so that for any X

    X S_{t+1} = (X W) D_t^-1 S_t + (X S_t) D_t^-1 W^T,

and the similarities of queries and gallery are

    A_T[Q] A_T[G]^T = W_Q D^-1 S D^-1 S W_G^T,    S = S_{T-1}, D = D_{T-1}.

The rows of S_t grow with every round, to thousands of entries. Held are W, with k2
entries a row, and the last S_t that is small; what comes after is applied.
"""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from ceil_jax.neighbours import Neighbours
from ceil_jax.rerank import graph

DENSE_SHARE = 0.05
"""A block of queries with a larger share of entries is multiplied as a dense array."""


SAMPLED_ROWS = 1000
"""Rows from which the size of a product is told before it is done."""


BLOCK_ROWS = 64
"""Queries that are multiplied at once."""
BYTES_PER_ENTRY = 16
"""A sparse entry (a float32 and a row number) and its copy while two are added."""
BYTES_PER_DENSE_ENTRY = 24
"""A number of a dense block, and those of the products that it is made of."""


class Budget(NamedTuple):
    """What a limit of memory allows.

    Attributes:
        max_entries: Entries that the graph that is held may have.
        block_rows: Queries to multiply at once.
    """

    max_entries: float
    block_rows: int


def budget(memory_gib: float | None, *, num_rows: int, k1: int, k2: int) -> Budget:
    """Divide a limit of memory between the graph and the blocks of queries.

    Args:
        memory_gib: The limit in GiB; None for no limit.
        num_rows: N.
        k1: Neighbours linked.
        k2: Neighbours propagated from.

    Returns:
        What it allows.

    Raises:
        ValueError: The first graph alone is larger.
    """
    if memory_gib is None:
        return Budget(np.inf, BLOCK_ROWS)
    # The first graph with its transpose, and W with its own.
    first = num_rows * BYTES_PER_ENTRY * (2 * k1 + 2 * min(k2, k1))
    row = BYTES_PER_DENSE_ENTRY * num_rows * (_num_cores() + 1)
    limit = memory_gib * 2**30
    if first + row > limit:
        raise ValueError(
            f"{memory_gib=} must be at least {(first + row) / 2**30:.3g}: the links of "
            f"{num_rows} rows to {k1=} neighbours and one query need so much"
        )
    block_rows = int(min(BLOCK_ROWS, max(1, (limit - first) / 2 // row)))
    return Budget((limit - block_rows * row) / BYTES_PER_ENTRY, block_rows)


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


def _inverse(sums: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.where(sums > 0, 1 / sums, 0).astype(np.float32)


def _row_sums(matrix: sparse.csr_array) -> np.ndarray:
    return np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()


def plan(
    neighbours: Neighbours,
    cameras: np.ndarray | None,
    *,
    k1: int,
    k2: int,
    camera_weight: float,
    num_rounds: int,
    max_entries: float = np.inf,
) -> Rounds:
    """Do the rounds that are small, and find the row sums of the others.

    Args:
        neighbours: Lists of the rows of query then gallery.
        cameras: (N,) camera of each row, or None.
        k1: Neighbours linked; cut to the length of the lists.
        k2: Neighbours propagated from; cut to k1.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds T. With 0 the rows are those of A.
        max_entries: Entries that the graph that is held may have.

    Returns:
        What the products need.
    """
    k1 = min(k1, neighbours.indices.shape[1])
    adjacency = graph.camera_adjacency(
        neighbours, cameras, k1=k1, camera_weight=camera_weight
    )
    if not num_rounds:
        return Rounds(adjacency, 0, [], adjacency, adjacency.T.tocsr())
    propagation = graph.propagation(neighbours, k2=min(k2, k1))
    state = Rounds(
        graph.symmetrise(adjacency), 0, [], propagation, propagation.T.tocsr()
    )
    state = state._replace(scales=[_inverse(_row_sums(state.held))])
    # T - 2: the last graph is only multiplied with a few rows at a time.
    while state.level < num_rounds - 2 and 2 * _next_entries(state) <= max_entries:
        state = _hold_next(state)
    for level in range(state.level + 1, num_rounds):
        state = state._replace(scales=[*state.scales, _next_scale(state, level)])
    return state


def _next_entries(state: Rounds) -> float:
    """About how many entries the next A has, from some of its rows."""
    num_rows = len(state.scales[-1])
    some = state.propagation[:: max(1, num_rows // SAMPLED_ROWS)]
    return (some @ state.held).nnz * (num_rows / (len(some.indptr) - 1))


def _divided(state: Rounds) -> sparse.csr_array:
    """D^-1 S of the round that is held."""
    held = state.held
    data = held.data * np.repeat(state.scales[state.level], np.diff(held.indptr))
    return sparse.csr_array((data, held.indices, held.indptr), shape=held.shape)


def _hold_next(state: Rounds) -> Rounds:
    """The next round's graph as a matrix; scales known of later rounds are dropped."""
    level = state.level + 1
    product = sparse.csr_array(state.propagation @ _divided(state))
    held = graph.symmetrise(product)
    scales = [*state.scales[:level], _inverse(_row_sums(held))]
    return state._replace(held=held, level=level, scales=scales)


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
        state = _hold_next(state)
    return sparse.csr_array(state.propagation @ _divided(state))


def _next_scale(state: Rounds, level: int) -> np.ndarray:
    """1 / D of a round whose graph is not held: row sums of A and of A^T."""
    before = state.scales[level - 1]
    rows = state.propagation @ (before > 0).astype(np.float32)
    taken = state.transposed @ np.ones(len(before), np.float32)
    columns = times(state, (before * taken)[:, None], level - 1)[:, 0]
    return _inverse(rows + columns)


def times(state: Rounds, x: Any, level: int) -> Any:
    """Multiply with the graph of a round.

    Args:
        state: The rounds.
        x: Sparse rows (b, N), or dense columns (N, b).
        level: Which round's S.

    Returns:
        X S, of the form that X has.
    """
    if level == state.level:
        return _product(x, state.held, state.held)
    scale = state.scales[level - 1]
    w, transposed = state.propagation, state.transposed
    first = times(state, _scaled(_product(x, w, transposed), scale), level - 1)
    second = _product(_scaled(times(state, x, level - 1), scale), transposed, w)
    return first + second


def _product(x: Any, matrix: sparse.csr_array, transposed: sparse.csr_array) -> Any:
    """X M of sparse rows X, or (X M)^T of dense columns X^T."""
    return x @ matrix if sparse.issparse(x) else transposed @ x


def _scaled(x: Any, scale: np.ndarray) -> Any:
    """Multiply entry n of every vector by `scale[n]`."""
    if not sparse.issparse(x):
        return x * scale[:, None]
    return sparse.csr_array((x.data * scale[x.indices], x.indices, x.indptr), x.shape)


def _dense_if_full(x: Any) -> Any:
    """Dense columns in place of sparse rows that have many entries."""
    if sparse.issparse(x) and x.nnz > DENSE_SHARE * x.shape[0] * x.shape[1]:
        return np.ascontiguousarray(x.toarray().T)
    return x


def similarities(state: Rounds, start: int, stop: int, num_queries: int) -> Any:
    """Similarities of some queries.

    Args:
        state: The rounds over query then gallery.
        start: The first query.
        stop: After the last one.
        num_queries: Q.

    Returns:
        (stop - start, G), sparse or dense, float32.
    """
    gallery = state.propagation[num_queries:]
    if not state.scales:
        return state.propagation[start:stop] @ gallery.T.tocsr()
    scale = state.scales[-1]
    x = _scaled(state.propagation[start:stop], scale)
    x = _dense_if_full(times(state, x, state.last))
    x = _scaled(times(state, x, state.last), scale)
    if sparse.issparse(x):
        return x @ gallery.T.tocsr()
    return (gallery @ x).T


def blocks(
    state: Rounds, *, num_queries: int, block_rows: int, num_threads: int = 0
) -> Iterator[tuple[int, Any]]:
    """Similarities of a few queries at a time, computed by several threads.

    Args:
        state: The rounds over query then gallery.
        num_queries: Q.
        block_rows: Queries at a time and thread.
        num_threads: Threads; 0 for as many as there are cores.

    Yields:
        The first query of a block, in order, and its similarities, (rows, G).
    """
    starts = range(0, num_queries, block_rows)

    def block(start: int) -> Any:
        stop = min(start + block_rows, num_queries)
        return similarities(state, start, stop, num_queries)

    # SciPy's products let other threads run. One block more than threads is in flight:
    # what is not taken yet is held.
    num_threads = num_threads or _num_cores()
    with ThreadPoolExecutor(num_threads) as pool:
        pending = deque(pool.submit(block, n) for n in starts[: num_threads + 1])
        for start, ahead in zip_longest(starts, starts[num_threads + 1 :]):
            found = pending.popleft().result()
            if ahead is not None:
                pending.append(pool.submit(block, ahead))
            yield start, found


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
