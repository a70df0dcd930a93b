"""k-reciprocal re-ranking."""

import numpy as np
from scipy import sparse

from ceil_jax import checks
from ceil_jax.clustering import overlaps, reciprocal
from ceil_jax.neighbours import Neighbours, itself_first

BLOCK_ENTRIES = 1 << 24
"""Similarities that are held at a time besides the result."""


def k_reciprocal(
    query: checks.Rows,
    gallery: checks.Rows,
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
) -> np.ndarray:
    """Negative k-reciprocal distances of query and gallery.

    Over all N = Q + G rows, `d[i, j] = (2 - 2 x_i . x_j) / max_l (2 - 2 x_i . x_l)`.
    `V[i, :]` is `exp(-d[i, :])` over the expanded k-reciprocal neighbourhood (lists of
    k1 + 1, shorter lists of `around(k1 / 2) + 1`), divided by its sum, then averaged
    over the first k2 neighbours; with `m = sum_l min(V[q, l], V[g, l])` the result is
    `-((1 - lambda) (1 - m / (2 - m)) + lambda d[q, g])`.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        k1: Neighbours of a list besides the row itself; k1 + 1 is cut to N.
        k2: Neighbours whose encodings are averaged, the row itself included; cut to
            k1 + 1.
        lambda_value: Share of the original distance, in [0, 1].

    Returns:
        (Q, G) float32, higher is better.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        Zhong et al., "Re-ranking Person Re-identification with k-reciprocal
        Encoding", CVPR 2017, eq. 3-12; CEIL `code/tools/rerank/kr.py`,
        which loops over the rows.
    """
    checks.at_least(1, k1=k1, k2=k2)
    if not 0 <= lambda_value <= 1:
        raise ValueError(f"{lambda_value=} must be in [0, 1]")
    rows = checks.pair("query", query, "gallery", gallery)
    num_queries = len(query)
    neighbours, largest, original = _search(rows, num_queries, k=k1 + 1)
    indices = neighbours.indices
    pattern = reciprocal.expanded(
        indices, length=k1 + 1, half_length=int(np.around(k1 / 2)) + 1
    )
    lengths = np.diff(pattern.indptr)
    pairs = 2 - 2 * reciprocal.pair_products(rows, pattern, neighbours)
    weights = np.exp(-pairs / np.repeat(largest.astype(np.float64), lengths))
    weights /= np.repeat(np.add.reduceat(weights, pattern.indptr[:-1]), lengths)
    encoding = sparse.csr_array(
        (weights, pattern.indices, pattern.indptr), shape=pattern.shape
    )
    encoding = reciprocal.query_expansion(encoding, indices, k2=k2)
    return _mixed(encoding, original, lambda_value)


def _mixed(
    encoding: sparse.csr_array, original: np.ndarray, lambda_value: float
) -> np.ndarray:
    """Minus the two distances' mean, in the place of the original one."""
    original *= -lambda_value
    original -= 1 - lambda_value  # where nothing is shared
    for rows, jaccard in overlaps.distances(encoding, num_queries=len(original)):
        queries = np.repeat(np.arange(rows.start, rows.stop), np.diff(jaccard.indptr))
        original[queries, jaccard.indices] += (1 - lambda_value) * (1 - jaccard.data)
    return original


def _search(
    rows: np.ndarray, num_queries: int, *, k: int
) -> tuple[Neighbours, np.ndarray, np.ndarray]:
    """All that needs the similarities of all rows, never the whole matrix at once.

    Returns neighbour lists; the largest `2 - 2 x_i . x_j` of each row, 1 where all rows
    are equal, so that their distances, which are 0, stay 0; and the distances of query
    and gallery divided by it.
    """
    num_rows = len(rows)
    k = min(k, num_rows)
    lists, smallest = [], np.empty(num_rows, np.float32)
    across = np.empty((num_queries, num_rows - num_queries), np.float32)
    step = max(1, BLOCK_ENTRIES // num_rows)
    for start in range(0, num_rows, step):
        part = slice(start, start + step)
        products = rows[part] @ rows.T
        lists.append(_largest(products, k))
        smallest[part] = products.min(axis=1)
        queries = across[part]
        queries[:] = products[: len(queries), num_queries:]
    largest = 2 - 2 * smallest
    largest = np.where(largest > 1e-6, largest, 1).astype(np.float32)
    across *= -2
    across += 2
    across /= largest[:num_queries, None]
    own = np.einsum("nd,nd->n", rows, rows)
    indices, similarities = (np.concatenate(x) for x in zip(*lists, strict=True))
    return itself_first(indices, similarities, own), largest, across


def _largest(products: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Places and values of the k largest of each row, in falling order."""
    num_rows, num_columns = products.shape
    # Values are partitioned ten times faster than places.
    last = np.partition(products, num_columns - k, axis=1)[:, num_columns - k]
    row, column = np.divmod(np.flatnonzero(products >= last[:, None]), num_columns)
    value = products[row, column]
    order = np.lexsort((column, -value, row))
    counts = np.bincount(row, minlength=num_rows)  # more than k where values are equal
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    order = order[place < k].reshape(num_rows, k)
    return column[order], value[order]
