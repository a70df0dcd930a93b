"""GCR: graph re-ranking with the camera constraint."""

from typing import Any

import jax
import numpy as np

from ceil_jax.common import checks, features
from ceil_jax.common.features import Normalise
from ceil_jax.neighbours.search import (
    DEVICE_ROWS,
    Neighbours,
    Search,
    check_search,
    of_rows,
)
from ceil_jax.rerank import device, graph, options, planning, rounds, vectors
from ceil_jax.rerank.budget import block_rows

FINISHED_ROWS = 256
"""Up to so many rows `gcr` finishes the graph: it is as fast, and needs no threads."""


def gcr(
    query: checks.Rows,
    gallery: checks.Rows,
    query_cameras: checks.Rows | None = None,
    gallery_cameras: checks.Rows | None = None,
    *,
    k1: int = 28,
    k2: int = 7,
    camera_weight: float = 0.5,
    num_rounds: int = 3,
    search: Search = "exact",
    normalise: Normalise = None,
) -> np.ndarray:
    """Similarities of query and gallery, re-ranked by the camera-constrained graph.

    Over all N = Q + G rows, with `rank[i]` the k1 nearest (i first) and
    `S[i, j] = (x_i . x_rank[i, j])**2`: `A[i, rank[i, j]]` starts as `camera_weight`
    within a camera and `1 / camera_weight` across; each round does `A <- A + A^T`,
    divides the rows by their L1 norms, and
    `A[i] <- sum_{j < k2} S[i, j] A[rank[i, j]]`. The result is `A_q A_g^T`.

    With a GPU, sets of `neighbours.DEVICE_ROWS` rows or more are re-ranked there, if
    its memory suffices: dense or sparse by size, see `rerank.device`. All else runs on
    the host, on sparse rows, and so compiles nothing for a new size.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        query_cameras: (Q,) whole numbers or text, of which only which ones are equal
            matters. None for both sides: all weights are 1.
        gallery_cameras: (G,) likewise.
        k1: Neighbours linked, the row itself included; cut to N.
        k2: Neighbours propagated from; cut to k1.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds.
        search: How neighbours are found, as in `ceil_jax.neighbours.nearest`.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        (Q, G) float32, higher is better.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        Xia et al., TCSVT 2025, "GCR"; it builds on Zhang et al., "Understanding Image
        Retrieval Re-Ranking: A Graph Neural Network Perspective", 2020. CEIL
        `code/tools/rerank/gnn_reranking.py` and `code/extension`: those kernels hold
        a dense half-precision matrix and stop at 46,340 rows; here the rows are
        sparse and float32.
    """
    chosen = options.checked(
        k1=k1, k2=k2, camera_weight=camera_weight, num_rounds=num_rounds
    )
    check_search(search)
    rows, num_queries, num_gallery = features.pair(query, gallery, normalise=normalise)
    cameras = checks.camera_pair(
        query_cameras, gallery_cameras, num_queries, num_gallery
    )
    chosen = chosen.cut(len(rows))
    lists = of_rows(rows, k=chosen.k1, search=search)
    return from_neighbours(lists, cameras, num_queries, **chosen._asdict())


def from_neighbours(
    lists: Neighbours,
    cameras: np.ndarray | None,
    num_queries: int,
    *,
    k1: int = 28,
    k2: int = 7,
    camera_weight: float = 0.5,
    num_rounds: int = 3,
) -> np.ndarray:
    """What `gcr` does after the neighbour search.

    Args:
        lists: Neighbours of query then gallery.
        cameras: (N,) whole numbers, or None.
        num_queries: Q.
        k1: Neighbours linked; cut to the length of the lists.
        k2: Neighbours propagated from; cut to k1.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds.

    Returns:
        (Q, G) float32, higher is better.
    """
    num_rows = len(lists.indices)
    options.check_products(lists.similarities, k2=k2, name="query and gallery")
    lengths: Any = {"k1": k1, "k2": k2, "num_rounds": num_rounds}
    if _is_for_device(num_rows) and device.fits(num_rows, num_queries, **lengths):
        return np.asarray(
            device.gcr_on_device(
                lists,
                cameras,
                num_queries=num_queries,
                camera_weight=camera_weight,
                **lengths,
            )
        )
    state = planning.plan(lists, cameras, camera_weight=camera_weight, **lengths)
    if num_rows <= FINISHED_ROWS:
        return graph.cross_products(planning.finished(state), num_queries)
    result = np.empty((num_queries, num_rows - num_queries), np.float32)

    def keep(queries: np.ndarray, block: vectors.Vectors) -> None:
        result[queries] = vectors.dense_rows(block, num_rows - num_queries)

    for _ in rounds.blocks(
        state, keep, num_queries=num_queries, block_rows=block_rows(num_rows)
    ):
        pass
    return result


def _is_for_device(num_rows: int) -> bool:
    return num_rows >= DEVICE_ROWS and jax.default_backend() == "gpu"
