"""Replays of re-ranking: GCR (`a_`), and GNN, k-reciprocal and ECN (`b_rerank`)."""

from collections.abc import Mapping

import numpy as np
from scipy import sparse

from ceil_jax.neighbours.search import itself_first, nearest
from ceil_jax.rerank import ecn, gcr, gcr_topk, gnn, graph, k_reciprocal
from ceil_jax.rerank.ecn import neighbour_means
from ceil_jax.rerank.gnn import smoothed
from tests.parity.encoder import error

TOLERANCE = 1e-5
ROUNDING = 1e-6
Figures = dict[str, tuple[float, float]]


def rank_errors(features: np.ndarray, got: np.ndarray, want: np.ndarray) -> float:
    """Number of places at which two neighbour lists differ by more than rounding.

    Places count alike if both rows' products, in float64, agree to `ROUNDING`: float32
    cannot tell their order.
    """
    if got.shape != want.shape:
        return float("inf")
    rows = features.astype(np.float64)
    products = rows @ rows.T
    want = itself_first(want, np.take_along_axis(products, want, 1)).indices
    apart = np.take_along_axis(products, got, 1) - np.take_along_axis(products, want, 1)
    return float(((got != want) & (np.abs(apart) > ROUNDING)).sum())


def _replay_intermediates(arrays, rows, neighbours, cameras) -> Figures:
    """The lists, and the graph after each half of each round."""
    k1, k2, rounds = (int(arrays[key]) for key in ("k1", "k2", "flag"))
    figures = {}

    def compare(figure, got):
        if figure in arrays:
            figures[figure] = (error(got, arrays[figure]), TOLERANCE)

    if "initial_rank" in arrays:
        wrong = rank_errors(rows, neighbours.indices, arrays["initial_rank"])
        figures["initial_rank"] = (wrong, 0.0)
    compare("S_sq_k2", neighbours.similarities[:, :k2] ** 2)
    adjacency = graph.camera_adjacency(
        neighbours, cameras, k1=k1, camera_weight=float(arrays["la"])
    )
    compare("A_build", adjacency.toarray())
    propagation = graph.propagation(neighbours, k2=k2)
    for step in range(rounds):
        adjacency = graph.divide_rows(graph.symmetrise(adjacency), order=1)
        compare(f"A_symnorm_{step}", adjacency.toarray())
        adjacency = sparse.csr_array(propagation @ adjacency)
        compare(f"A_prop_{step}", adjacency.toarray())
    return figures


def replay_gcr(arrays: Mapping[str, np.ndarray], name: str) -> Figures:
    """GCR: lists, graph of each round, similarities, and the best of each query."""
    del name
    query, gallery = arrays["query"], arrays["gallery"]
    rows = np.concatenate([query, gallery]).astype(np.float32)
    sides = (None, None)
    if int(arrays.get("has_cams", "query_cam" in arrays)):
        sides = arrays["query_cam"], arrays["gallery_cam"]
    cameras = None if sides[0] is None else np.concatenate(sides)
    settings = {
        "k1": int(arrays["k1"]),
        "k2": int(arrays["k2"]),
        "camera_weight": float(arrays["la"]),
        "num_rounds": int(arrays["flag"]),
    }
    neighbours = nearest(rows, k=settings["k1"], normalise=False)
    figures = _replay_intermediates(arrays, rows, neighbours, cameras)
    if "D" in arrays and cameras is not None:
        # The released name is a distance's; what it holds are the links' weights.
        same = cameras[neighbours.indices] == cameras[:, None]
        weight = settings["camera_weight"]
        weights = np.where(same, weight, 1 / weight)
        figures["D"] = (error(weights, arrays["D"]), TOLERANCE)
    want = arrays["similarity"]
    # `a_gcr_boost_nonunit` has rows of other lengths than 1.
    as_is = {"normalise": False, **settings}
    figures["similarity"] = (error(gcr(query, gallery, *sides, **as_is), want), 1e-5)
    best, indices = gcr_topk(query, gallery, *sides, top=len(gallery), **as_is)
    at_indices = np.take_along_axis(want, indices, axis=1)
    figures["topk"] = (error(best, at_indices), TOLERANCE)
    figures["topk_order"] = (error(best, -np.sort(-want, axis=1)), TOLERANCE)
    given, _ = gcr_topk(
        None,
        None,
        *sides,
        top=len(gallery),
        neighbours=neighbours,
        num_queries=len(query),
        **settings,
    )
    figures["topk_given_neighbours"] = (error(given, best), TOLERANCE)
    return figures


def _replay_gnn(arrays, query, gallery) -> Figures:
    figures = {}
    k1, k2 = int(arrays["gcn_k1"]), int(arrays["gcn_k2"])
    for key, k in (("gcn_similarity", k2), ("gcn_similarity_k2is1", 1)):
        if key in arrays:
            got = gnn(query, gallery, k1=k1, k2=k)
            figures[key] = (error(got, arrays[key]), TOLERANCE)
    if "gcn_A_final_prenorm" in arrays:
        want = arrays["gcn_A_final_prenorm"].astype(np.float64)
        want /= np.linalg.norm(want, axis=1, keepdims=True)
        lists = nearest(np.concatenate([query, gallery]), k=k1)
        got = smoothed(lists, k2=k2, num_rounds=3).toarray()
        figures["gcn_A_final"] = (error(got, want), TOLERANCE)
    return figures


def _replay_ecn(arrays, query, gallery) -> Figures:
    figures = {}
    k, t, q = (int(arrays[f"ecn_{name}"]) for name in "ktq")
    if "ecn_similarity_rankdist" in arrays:
        got = ecn(query, gallery, k=k, t=t, q=q)
        figures["ecn"] = (error(got, arrays["ecn_similarity_rankdist"]), TOLERANCE)
    if "ecn_similarity_origdist" in arrays:
        # The same expanded neighbours, with the cosine for the rank-list similarity.
        rows = np.concatenate([query, gallery]).astype(np.float64)
        rank = nearest(rows, k=max(t, q) + 1).indices
        means = neighbour_means(rank, t=t, q=q) @ (rows @ rows.T - 1)
        split = len(query)
        got = (means[:split, split:] + means[split:, :split].T) / 2
        want = arrays["ecn_similarity_origdist"]
        figures["ecn_cosine"] = (error(got, want), TOLERANCE)
    return figures


def replay_rerank(arrays: Mapping[str, np.ndarray], name: str) -> Figures:
    """GNN, k-reciprocal and ECN re-ranking, as far as the file has them."""
    del name
    query, gallery = arrays["query"], arrays["gallery"]
    figures = {}
    if "gcn_k1" in arrays:
        figures |= _replay_gnn(arrays, query, gallery)
    if "ecn_k" in arrays:
        figures |= _replay_ecn(arrays, query, gallery)
    if "kr_k1" in arrays:
        k1, k2 = int(arrays["kr_k1"]), int(arrays["kr_k2"])
        share = float(arrays["kr_lambda"])
        for key, k in (("kr_neg_final_dist", k2), ("kr_neg_final_dist_k2is1", 1)):
            if key in arrays:
                got = k_reciprocal(query, gallery, k1=k1, k2=k, lambda_value=share)
                figures[key] = (error(got, arrays[key]), TOLERANCE)
    return figures
