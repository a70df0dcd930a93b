"""GCR's rounds as products with vectors: the later graphs are never written down.

With S_0 = A + A^T, the linked rows made symmetric, and D_t the sums of the rows of S_t,
a round is A_{t+1} = W D_t^-1 S_t and S_{t+1} = A_{t+1} + A_{t+1}^T, so that for any X

    X S_{t+1} = (X W) D_t^-1 S_t + (X S_t) D_t^-1 W^T,

and the similarities of queries and gallery are

    A_T[Q] A_T[G]^T = W_Q D^-1 S S D^-1 W_G^T,    S = S_{T-1}, D = D_{T-1}.

Two rounds at once take three products with a graph instead of four, with t' = t + 1:

    X S_{t+2} = (X W D_t'^-1 W D_t^-1) S_t + (X S_t D_t^-1 W^T D_t'^-1 + X W M_t) W^T,
    M_t = D_t'^-1 S_t D_t^-1 + D_t^-1 S_t D_t'^-1, with entries where S_t has them.

The rows of S_t grow with every round, to thousands of entries. Held are W, with k2
entries a row, and the S_t with which the least is multiplied; what comes after is
applied. Rows that link each other stand near each other, so that what is multiplied
with them is still in the cache, and so do queries that are multiplied together.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import sparse

from ceil_jax.common import threads
from ceil_jax.rerank import vectors
from ceil_jax.rerank.vectors import Vectors

T = TypeVar("T")


class Rounds(NamedTuple):
    """What the products need. Row n is row `order[n]` of the lists.

    Attributes:
        held: (N, N) sparse S_t, symmetric, of the round `level`.
        level: t of `held`.
        scales: (N,) 1 / D_t of every t < T, 0 where a row has no entry.
        propagation: (N, N) sparse W.
        transposed: W^T.
        order: (N,) numbers of the rows.
        mixed: (N, N) sparse M_t of `level`; None where it is not needed.
    """

    held: sparse.csr_array
    level: int
    scales: list[np.ndarray]
    propagation: sparse.csr_array
    transposed: sparse.csr_array
    order: np.ndarray
    mixed: sparse.csr_array | None = None

    @property
    def last(self) -> int:
        """T - 1, the last round whose graph is multiplied with."""
        return len(self.scales) - 1


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
    w, transposed = state.propagation, state.transposed
    before = state.scales[level - 1]
    first = vectors.product(x, w, transposed)
    if level == state.level + 2 and state.mixed is not None:
        return _times_two_later(state, x, first, state.mixed)
    first = times(state, vectors.scale(first, before), level - 1)
    second = vectors.scale(times(state, x, level - 1), before)
    return vectors.add(first, vectors.product(second, transposed, w))


def _times_two_later(
    state: Rounds, x: Vectors, xw: Vectors, mixed: sparse.csr_array
) -> Vectors:
    """X S two rounds after the one that is held, from X, X W and M."""
    w, transposed, held = state.propagation, state.transposed, state.held
    before, after = state.scales[state.level : state.level + 2]
    right = vectors.scale(vectors.product(x, held, held), before)
    right = vectors.scale(vectors.product(right, transposed, w), after)
    right = vectors.add(right, vectors.product(xw, mixed, mixed))
    right = vectors.product(right, transposed, w)
    left = vectors.product(vectors.scale(xw, after), w, transposed)
    left = vectors.product(vectors.scale(left, before), held, held)
    return vectors.add(left, right)


def graph_rows(state: Rounds, rows: np.ndarray) -> Vectors:
    """Some rows of A after the last round.

    Args:
        state: The rounds.
        rows: Where the rows stand.

    Returns:
        A vector of N entries for each, which stand as the rows do.
    """
    x = state.propagation[rows]
    if state.scales:
        x = times(state, vectors.scale(x, state.scales[-1]), state.last)
    return x


def similarities(state: Rounds, rows: np.ndarray, num_queries: int) -> Vectors:
    """Similarities of some queries with the gallery.

    Args:
        state: The rounds over query then gallery.
        rows: Where the queries stand.
        num_queries: Q.

    Returns:
        A vector of G entries for each.
    """
    x = graph_rows(state, rows)
    if state.scales:
        x = times(state, x, state.last)
        x = vectors.scale(x, state.scales[-1])
    found = vectors.product(x, state.transposed, state.propagation)
    return vectors.renumbered(found, state.order, num_queries)


def blocks(
    state: Rounds,
    function: Callable[[np.ndarray, Vectors], T],
    *,
    num_queries: int,
    block_rows: int,
    num_threads: int | None = None,
) -> Iterator[T]:
    """Do something with the similarities of a few queries at a time, in threads.

    Args:
        state: The rounds over query then gallery.
        function: Called with the numbers of some queries and their similarities, a
            vector of G entries each; by several threads at once.
        num_queries: Q.
        block_rows: Queries at a time and thread.
        num_threads: Threads; None for as many as there are cores.

    Yields:
        What the function returns.
    """
    rows = np.flatnonzero(state.order < num_queries)
    parts = [rows[n : n + block_rows] for n in range(0, num_queries, block_rows)]

    def block(part: np.ndarray) -> T:
        found = similarities(state, part, num_queries)
        return function(state.order[part], found)

    yield from threads.in_order(block, parts, num_threads=num_threads)
