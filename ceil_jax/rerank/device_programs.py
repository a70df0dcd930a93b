"""The programs of GCR on the device, dense and by sparse rows.

With W the propagation, `W[i, rank[i, j]] = s[i, j]**2` for j < k2, S_t the symmetric
graph of round t and D_t the sums of its rows, the similarities after T rounds are

    A_T[Q] A_T[G]^T = W_Q D^-1 S S D^-1 W_G^T,    S = S_{T-1}, D = D_{T-1}.

`dense` makes S_{T-1} as an (N, N) array, and multiplies once with it, for the queries
alone. `by_rows` never makes a later graph than S_0: any columns X are multiplied by

    S_{t+1} X = S_t (W D_t^-1)^T X + W D_t^-1 (S_t X),

with D_t = S_t 1, and the first two rounds at once, in three products and not four, by

    S_2 X = S_0 (W D_0^-1)^T D_1^-1 W^T X + W (D_1^-1 W D_0^-1 S_0 X + M W^T X),
    M = D_1^-1 S_0 D_0^-1 + D_0^-1 S_0 D_1^-1, with entries where S_0 has them.

Its memory grows with N k1 and with the columns that are held at once.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy import sparse

from pallas_kernels.csr_product import csr_product, transposed
from pallas_kernels.graph_propagate import gcr_round, propagate, symmetrise
from pallas_kernels.implementation import Implementation

ALIGNED_ROWS = 16
"""The dense graph's sides are rounded up to a multiple of this, so that its rows start
where 16 bytes can be read at once."""
OPERATIONS_PER_BYTE = 15
"""An H100's float32 operations in the time that it reads a byte: 50 TFLOP/s, 3.35 TB/s.
It decides whether "dense" does the last round for the gallery, which costs memory
accesses, or multiplies with one graph more, which costs operations."""
PRECISION = lax.Precision.HIGHEST
"""Of the dense product: a GPU's default would round to ten bits."""


class Lists(NamedTuple):
    """Neighbour lists as the programs read them.

    Attributes:
        rank: (N, k1) row numbers, the row itself in front.
        links: (N, k1) entries of A, the graph before the first round.
        weights: (N, k2) entries of W.
    """

    rank: jax.Array
    links: jax.Array
    weights: jax.Array


class Rows(NamedTuple):
    """Sparse rows, as SciPy's `csr_array` has them.

    Attributes:
        indptr: (N + 1,) where each row starts, and where the last one ends.
        indices: Column of each entry; there may be more, that belong to no row.
        data: Number of each entry.
    """

    indptr: jax.Array
    indices: jax.Array
    data: jax.Array


def _query_columns(rank, values, num_rows):
    """(N, q) dense columns of sparse rows (q, k)."""
    column = jnp.arange(len(rank))[:, None]
    empty = jnp.zeros((num_rows, len(rank)), jnp.float32)
    return empty.at[rank, column].add(values)


@functools.partial(jax.jit, static_argnames=("num_queries", "implementation"))
def no_rounds(
    lists: Lists, *, num_queries: int, implementation: Implementation | None
) -> jax.Array:
    """A_Q A_G^T of the links alone.

    Args:
        lists: Neighbour lists.
        num_queries: Q.
        implementation: Of the ops.

    Returns:
        (Q, G) similarities.
    """
    q = num_queries
    columns = _query_columns(lists.rank[:q], lists.links[:q], len(lists.rank))
    return propagate(
        columns, lists.rank[q:], lists.links[q:], implementation=implementation
    ).T


@functools.partial(
    jax.jit, static_argnames=("num_queries", "num_rounds", "implementation")
)
def dense(
    lists: Lists,
    *,
    num_queries: int,
    num_rounds: int,
    implementation: Implementation | None,
) -> jax.Array:
    """All rounds with an (N, N) array.

    Args:
        lists: Neighbour lists.
        num_queries: Q.
        num_rounds: T, at least 1.
        implementation: Of the ops.

    Returns:
        (Q, G) similarities.
    """
    num_rows, k2 = lists.weights.shape
    q = slice(0, num_queries)
    gallery = slice(num_queries, num_rows)
    side = -(-num_rows // ALIGNED_ROWS) * ALIGNED_ROWS
    own = jnp.arange(num_rows)[:, None]
    graph = jnp.zeros((side, side), jnp.float32).at[own, lists.rank].set(lists.links)
    filled = ((0, side - num_rows), (0, 0))
    rank = jnp.pad(lists.rank[:, :k2], filled)
    weights = jnp.pad(lists.weights, filled)
    for _ in range(num_rounds - 1):
        graph = gcr_round(graph, rank, weights, implementation=implementation)
    symmetric, sums = symmetrise(graph, implementation=implementation)
    scaled = weights * _inverse(sums)[rank]
    if shortens(num_queries, num_rows - num_queries):
        # The last round is never done for the gallery.
        of_queries = propagate(
            symmetric, rank[q], scaled[q], implementation=implementation
        )
        columns = _product(symmetric, of_queries)
        return propagate(
            columns, rank[gallery], scaled[gallery], implementation=implementation
        ).T
    last = propagate(symmetric, rank, scaled, implementation=implementation)
    return _product(last[q], last[gallery])


def shortens(num_queries: int, num_gallery: int) -> bool:
    """Whether a product with the last graph is cheaper than its round for the gallery.

    The product takes 2 Q N more operations for each query; the round reads and writes
    8 N bytes for each gallery row.

    Args:
        num_queries: Q.
        num_gallery: G.

    Returns:
        True where the product is cheaper.
    """
    return 2 * num_queries**2 <= OPERATIONS_PER_BYTE * 8 * num_gallery


def _product(a, b):
    """A B^T."""
    return lax.dot_general(a, b, (((1,), (1,)), ((), ())), precision=PRECISION)


def _inverse(sums):
    return jnp.where(sums > 0, 1 / jnp.where(sums > 0, sums, 1), 0)


def symmetric_rows(indices: np.ndarray, links: np.ndarray) -> Rows:
    """S_0 as sparse rows, filled up to the most entries that it can have.

    Args:
        indices: (N, k1) row numbers.
        links: (N, k1) entries of A.

    Returns:
        Sparse rows; the same shapes for every graph of this size.

    Raises:
        ValueError: Their number passes 2^31.
    """
    num_rows, k1 = indices.shape
    if 2 * num_rows * k1 >= 2**31:
        raise ValueError(f"{num_rows} rows with {k1=} links pass 2^31 entries")
    offsets = np.arange(0, num_rows * k1 + 1, k1)
    adjacency = sparse.csr_array(
        (links.reshape(-1), indices.reshape(-1), offsets), shape=(num_rows, num_rows)
    )
    total = sparse.csr_array(adjacency + adjacency.T)
    # The same shapes, and so the same program.
    extra = (0, 2 * num_rows * k1 - total.nnz)
    return Rows(
        jnp.asarray(total.indptr, jnp.int32),
        jnp.asarray(np.pad(total.indices, extra), jnp.int32),
        jnp.asarray(np.pad(total.data, extra), jnp.float32),
    )


class _Graphs:
    """Products with the graphs of all rounds, of which only S_0 is there."""

    def __init__(self, lists: Lists, first: Rows, implementation) -> None:
        num_rows, k2 = lists.weights.shape
        self.rank, self.weights = lists.rank[:, :k2], lists.weights
        self.first, self.implementation = first, implementation
        # Places of W's entries in the order of W^T's.
        starts = jnp.arange(num_rows + 1, dtype=jnp.int32) * k2
        place = jnp.arange(num_rows * k2, dtype=jnp.int32)
        columns = self.rank.reshape(-1)
        self.turned = Rows(*transposed(starts, columns, place, num_columns=num_rows))
        self.inverses: list[jax.Array] = []  # D_t^-1 of every round
        self.scaled: list[jax.Array] = []  # W D_t^-1
        self.mixed: jax.Array | None = None  # entries of M, where S_0 has them

    def follow(self, level: int) -> None:
        """Find D_t of the next round."""
        if level == 2:
            self.mixed = self._mixed()
        ones = jnp.ones((len(self.rank), 1), jnp.float32)
        inverse = _inverse(self.times(ones, level)[:, 0])
        self.inverses.append(inverse)
        self.scaled.append(self.weights * inverse[self.rank])

    def times(self, columns: jax.Array, level: int) -> jax.Array:
        """S_t X."""
        if level == 0:
            return self._product(self.first, columns)
        if level == 2:
            return self._two_later(columns)
        weights = self.scaled[level - 1]
        after = self._taken(self.times(columns, level - 1), weights)
        return self.times(self._given(columns, weights), level - 1) + after

    def _two_later(self, columns):
        given = self._given(columns, self.weights)
        inverse = self.inverses[1][:, None]
        left = self.times(self._given(inverse * given, self.scaled[0]), 0)
        right = inverse * self._taken(self.times(columns, 0), self.scaled[0])
        right += self._product(self.first._replace(data=self.mixed), given)
        return left + self._taken(right, self.weights)

    def _mixed(self):
        indptr, indices, data = self.first
        counts = jnp.diff(indptr)
        own = jnp.arange(len(counts))
        row = jnp.repeat(own, counts, total_repeat_length=len(indices))
        before, after = self.inverses
        return data * (after[row] * before[indices] + before[row] * after[indices])

    def _product(self, rows, columns):
        indptr, indices, data = rows
        return csr_product(
            indptr, indices, data, columns, implementation=self.implementation
        )

    def _taken(self, columns, weights):
        """Rows of W with other entries, times X."""
        return propagate(
            columns, self.rank, weights, implementation=self.implementation
        )

    def _given(self, columns, weights):
        """The transposed of the same, times X."""
        entries = weights.reshape(-1)[self.turned.data]
        return self._product(self.turned._replace(data=entries), columns)


@functools.partial(
    jax.jit, static_argnames=("num_queries", "num_rounds", "block", "implementation")
)
def by_rows(
    lists: Lists,
    first: Rows,
    *,
    num_queries: int,
    num_rounds: int,
    block: int,
    implementation: Implementation | None,
) -> jax.Array:
    """All rounds as products of blocks of queries with sparse rows.

    Args:
        lists: Neighbour lists.
        first: S_0.
        num_queries: Q.
        num_rounds: T, at least 1.
        block: Queries at once, at most Q.
        implementation: Of the ops.

    Returns:
        (Q, G) similarities.
    """
    num_rows = len(lists.rank)
    graphs = _Graphs(lists, first, implementation)
    for level in range(num_rounds):
        graphs.follow(level)
    rank, last = graphs.rank, graphs.scaled[-1]

    def some_queries(step, result):
        # The last block is moved back to stay inside: its first rows come twice.
        start = jnp.minimum(step * block, num_queries - block)
        own = start + jnp.arange(block)
        columns = _query_columns(rank[own], last[own], num_rows)
        for _ in range(2):
            columns = graphs.times(columns, num_rounds - 1)
        found = propagate(
            columns,
            rank[num_queries:],
            last[num_queries:],
            implementation=implementation,
        )
        return lax.dynamic_update_slice_in_dim(result, found.T, start, axis=0)

    empty = jnp.zeros((num_queries, num_rows - num_queries), jnp.float32)
    return lax.fori_loop(0, -(-num_queries // block), some_queries, empty)
