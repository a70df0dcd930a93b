"""What dense re-rankers need of the similarities of all rows, from one product."""

from typing import NamedTuple

import jax
import numpy as np

from ceil_jax import linalg, threads
from ceil_jax.largest import largest
from ceil_jax.neighbours import Neighbours, itself_first

BLOCK_ENTRIES = 1 << 24
"""Similarities that are held at a time besides the result."""
SLICE_ENTRIES = 1 << 20
"""Similarities in which one thread looks for the largest."""


class AllPairs(NamedTuple):
    """Of N = Q + G rows, queries first.

    Attributes:
        neighbours: The k nearest rows of every row, itself first.
        smallest: (N,) float32 least inner product of each row with any.
        across: (Q, G) float32 inner products of queries and gallery.
    """

    neighbours: Neighbours
    smallest: np.ndarray
    across: np.ndarray


def all_pairs(rows: np.ndarray, num_queries: int, *, k: int) -> AllPairs:
    """Multiply all rows with each other, never holding the whole matrix.

    Args:
        rows: (N, d) float32, the queries first.
        num_queries: Q.
        k: Length of the neighbour lists; cut to N.

    Returns:
        What was found; equal similarities are in the order of their rows.
    """
    num_rows = len(rows)
    k = min(k, num_rows)
    indices = np.empty((num_rows, k), np.int64)
    similarities = np.empty((num_rows, k), np.float32)
    smallest = np.empty(num_rows, np.float32)
    across = np.empty((num_queries, num_rows - num_queries), np.float32)
    step = max(1, BLOCK_ENTRIES // num_rows)
    size = max(1, SLICE_ENTRIES // num_rows)
    for start in range(0, num_rows, step):
        products = _products(rows, slice(start, start + step))

        def take(first: int, start: int = start, products: np.ndarray = products):
            some = products[first : first + size]
            part = slice(start + first, start + first + len(some))
            row, _, column = largest(some, k)
            indices[part] = column.reshape(len(some), k)
            similarities[part] = some[row, column].reshape(len(some), k)
            smallest[part] = some.min(axis=1)
            queries = across[part]
            queries[:] = some[: len(queries), num_queries:]

        threads.for_each(take, range(0, len(products), size))
    own = np.einsum("nd,nd->n", rows, rows)
    return AllPairs(itself_first(indices, similarities, own), smallest, across)


def _products(rows: np.ndarray, part: slice) -> np.ndarray:
    if jax.default_backend() == "cpu":
        return rows[part] @ rows.T  # of all rows at once NumPy computes one half
    some, all_rows = jax.numpy.asarray(rows[part]), jax.numpy.asarray(rows)
    return np.asarray(linalg.product(some, all_rows.T))
