"""The GNN re-ranker, which GCR grew out of."""

import numpy as np
from scipy import sparse

from ceil_jax.common import checks, features, sparse_rows
from ceil_jax.common.features import Normalise
from ceil_jax.neighbours.search import Neighbours, of_rows
from ceil_jax.rerank import graph
from ceil_jax.rerank.cameras import takes_none
from ceil_jax.rerank.options import MAX_ROUNDS

GRAPH_SHARE = 0.7
"""Share of the graph in the result; the rest is the cosine similarity."""
MAX_SUM = 1e35
"""Square of a sum that float32 holds, a thousand times over."""


@takes_none
def gnn(
    query: checks.Rows,
    gallery: checks.Rows,
    *,
    k1: int = 28,
    k2: int = 8,
    num_rounds: int = 3,
    normalise: Normalise = None,
) -> np.ndarray:
    """Similarities of query and gallery, re-ranked by the neighbour graph.

    `A[i, rank[i, j]]` starts as the similarity `s[i, j]` of the k1 nearest rows; each
    round does `A <- A + A^T`, `A[i] <- sum_{j < k2} s[i, j]**2 A[rank[i, j]]` and
    divides the rows by their L2 norms (no round if k2 is 1). The result is
    `0.7 A_q A_g^T + 0.3 x_q . x_g`. It takes no cameras.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        k1: Neighbours linked, the row itself included; cut to Q + G.
        k2: Neighbours propagated from; cut to k1.
        num_rounds: Rounds.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        (Q, G) float32, higher is better.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        Zhang et al., "Understanding Image Retrieval Re-Ranking: A Graph Neural
        Network Perspective", 2020; CEIL `code/tools/rerank/gcn.py`, in half precision.
    """
    k1, k2 = checks.at_least(1, k1=k1, k2=k2)
    (num_rounds,) = checks.between(0, MAX_ROUNDS, num_rounds=num_rounds)
    rows, num_queries, _ = features.pair(query, gallery, normalise=normalise)
    lists = of_rows(rows, k=k1)
    largest = float(abs(lists.similarities).max())
    # A round sums 2 k2 products of three similarities, whose squares must be numbers.
    if not (2 * min(k2, len(rows)) * max(largest, largest**3)) ** 2 <= MAX_SUM:
        raise ValueError(
            f"query and gallery: similarities up to {largest:.3g} must be smaller, the "
            "method multiplies six of them: normalise=True takes rows of length 1"
        )
    adjacency = smoothed(lists, k2=k2, num_rounds=num_rounds)
    similarity = graph.cross_products(adjacency, num_queries)
    cosine = rows[:num_queries] @ rows[num_queries:].T
    return GRAPH_SHARE * similarity + (1 - GRAPH_SHARE) * cosine


def smoothed(neighbours: Neighbours, *, k2: int, num_rounds: int) -> sparse.csr_array:
    """The similarity graph after all rounds.

    Args:
        neighbours: Neighbour lists, each as long as k1.
        k2: Neighbours propagated from; with 1 there is no round.
        num_rounds: Rounds.

    Returns:
        (N, N) float32; rows of L2 norm 1 if there was a round.
    """
    adjacency = sparse_rows.from_lists(neighbours.indices, neighbours.similarities)
    if k2 == 1:
        return adjacency
    propagation = graph.propagation(neighbours, k2=k2)
    for _ in range(num_rounds):
        product = propagation @ graph.symmetrise(adjacency)
        adjacency = graph.divide_rows(sparse.csr_array(product), order=2)
    return adjacency
