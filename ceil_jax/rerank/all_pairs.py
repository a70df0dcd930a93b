"""What dense re-rankers need of the similarities of all rows, from one product."""

from typing import NamedTuple

import numpy as np

from ceil_jax.neighbours import tiles
from ceil_jax.neighbours.search import Neighbours, from_pairs


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
    blocks = tiles.blocks_of(num_rows)
    smallest = np.empty((len(blocks), num_rows), np.float32)
    across = np.empty((num_queries, num_rows - num_queries), np.float32)

    def keep(some: slice, columns: slice, products: np.ndarray) -> None:
        smallest[columns.start // tiles.SIZE, some] = products.min(axis=1)
        queries = across[some]
        first = max(columns.start, num_queries)
        if len(queries) and first < columns.stop:
            gallery = slice(first - num_queries, columns.stop - num_queries)
            queries[:, gallery] = products[: len(queries), first - columns.start :]

    neighbours = from_pairs(rows, k=min(k, num_rows), keep=keep)
    return AllPairs(neighbours, smallest.min(axis=0), across)
