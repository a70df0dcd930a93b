"""Expanded cross neighbourhood re-ranking."""

import numpy as np
from scipy import sparse

from ceil_jax.common import checks, features, sparse_rows, threads
from ceil_jax.common.features import Normalise
from ceil_jax.rerank.all_pairs import all_pairs
from ceil_jax.rerank.cameras import takes_none

BLOCK_ENTRIES = 1 << 20
"""Similarities that one step may find, or expanded neighbours that it may hold."""
MAX_K = 10**9
"""The square of a longer list's credits is too large for float32."""


@takes_none
def ecn(
    query: checks.Rows,
    gallery: checks.Rows,
    *,
    k: int = 25,
    t: int = 3,
    q: int = 8,
    normalise: Normalise = None,
) -> np.ndarray:
    """Expanded-cross-neighbourhood similarities, on rank-list similarity.

    The rank-list similarity of two rows is `sum_l max(0, k + 1 - pos_i(l)) max(0,
    k + 1 - pos_j(l))`, with `pos_i(l)` the place (from 1, i itself) of l on the list
    of i. The expanded neighbours E(i) are the first t neighbours of i and the first q
    of each of those. The result is the mean of
    `mean_{e in E(query)} R(e, gallery)` and `mean_{e in E(gallery)} R(e, query)`;
    where that is exactly 0, minus the cosine distance. It takes no cameras.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        k: Length of the rank lists, the row itself included; only Q + G rows exist.
        t: Direct neighbours, without the row itself; cut to Q + G - 1.
        q: Neighbours of each direct neighbour, without itself; cut likewise.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        (Q, G) float32, higher is better.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        Sarfraz et al., "A Pose-Sensitive Embedding for Person Re-Identification with
        Expanded Cross Neighborhood Re-Ranking", CVPR 2018; CEIL
        `code/tools/rerank/ecn.py`, which returns it transposed, from dense matrices.
    """
    (k,), (t, q) = checks.between(1, MAX_K, k=k), checks.at_least(1, t=t, q=q)
    rows, num_queries, num_gallery = features.pair(query, gallery, normalise=normalise)
    num_rows = len(rows)
    t, q, length = min(t, num_rows - 1), min(q, num_rows - 1), min(k, num_rows)
    neighbours, _, result = all_pairs(rows, num_queries, k=max(length, t + 1, q + 1))
    rank = neighbours.indices
    # Whole numbers: exact in float64, so that "exactly 0" is.
    credits = np.broadcast_to(k - np.arange(length, dtype=float), (num_rows, length))
    lists = sparse_rows.from_lists(rank[:, :length], credits)
    means = sparse.csr_array(neighbour_means(rank, t=t, q=q) @ lists)
    result -= 1
    gallery_lists = sparse.csr_array(lists[num_queries:].T)
    gallery_means = sparse.csr_array(means[num_queries:].T)

    def block(start: int) -> None:
        part = slice(start, min(start + step, num_queries))
        both = means[part] @ gallery_lists + lists[part] @ gallery_means
        queries = np.repeat(np.arange(part.start, part.stop), np.diff(both.indptr))
        found = both.data != 0
        result[queries[found], both.indices[found]] = both.data[found] / 2

    step = max(1, BLOCK_ENTRIES // num_gallery)
    threads.for_each(block, range(0, num_queries, step))
    return result


def neighbour_means(rank: np.ndarray, *, t: int, q: int) -> sparse.csr_array:
    """The matrix that takes the mean over the expanded neighbours of each row.

    Args:
        rank: (n, >= max(t, q) + 1) neighbour lists, the row itself first.
        t: Direct neighbours.
        q: Neighbours of each direct neighbour.

    Returns:
        (n, n) float64; its rows sum to 1. A row that is met twice counts twice.
    """
    num_rows = len(rank)
    width = rank[:1, 1 : t + 1].size * (1 + rank[:1, 1 : q + 1].size)
    step = max(1, BLOCK_ENTRIES // max(1, width))

    def block(start: int) -> sparse.csr_array:
        direct = rank[start : start + step, 1 : t + 1]
        indirect = rank[direct, 1 : q + 1].reshape(len(direct), -1)
        columns = np.concatenate([direct, indirect], axis=1)
        data = np.full(columns.size, 1 / width)
        offsets = np.arange(0, columns.size + 1, width)
        means = sparse.csr_array(
            (data, columns.reshape(-1), offsets), shape=(len(direct), num_rows)
        )
        means.sum_duplicates()
        return means

    return sparse.csr_array(sparse.vstack(list(map(block, range(0, num_rows, step)))))
