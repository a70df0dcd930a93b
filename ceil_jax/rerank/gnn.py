"""The GNN re-ranker, which GCR grew out of."""

import numpy as np
from scipy import sparse

from ceil_jax.common import checks, sparse_rows
from ceil_jax.neighbours.search import Neighbours, nearest
from ceil_jax.rerank import graph

GRAPH_SHARE = 0.7
"""Share of the graph in the result; the rest is the cosine similarity."""


def gnn(
    query: checks.Rows,
    gallery: checks.Rows,
    *,
    k1: int = 28,
    k2: int = 8,
    num_rounds: int = 3,
) -> np.ndarray:
    """Similarities of query and gallery, re-ranked by the neighbour graph.

    `A[i, rank[i, j]]` starts as the similarity `s[i, j]` of the k1 nearest rows; each
    round does `A <- A + A^T`, `A[i] <- sum_{j < k2} s[i, j]**2 A[rank[i, j]]` and
    divides the rows by their L2 norms (no round if k2 is 1). The result is
    `0.7 A_q A_g^T + 0.3 x_q . x_g`.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        k1: Neighbours linked, the row itself included; cut to Q + G.
        k2: Neighbours propagated from; cut to k1.
        num_rounds: Rounds.

    Returns:
        (Q, G) float32, higher is better.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        Zhang et al., "Understanding Image Retrieval Re-Ranking: A Graph Neural
        Network Perspective", 2020; CEIL `code/tools/rerank/gcn.py`, in half precision.
    """
    checks.at_least(1, k1=k1, k2=k2)
    checks.at_least(0, num_rounds=num_rounds)
    rows = checks.pair("query", query, "gallery", gallery)
    num_queries = len(query)
    adjacency = smoothed(nearest(rows, k=k1), k2=k2, num_rounds=num_rounds)
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
