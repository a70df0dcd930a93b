"""GCR with dense matrices, the way that the released code computes it.

Written anew from the method and kept plain: a yardstick for time and figures. The
released gather-sum is a CUDA kernel; here it is a loop over the k2 neighbours.
"""

import numpy as np
import torch


def neighbours(rows: np.ndarray, *, k1: int) -> tuple[np.ndarray, np.ndarray]:
    """The k1 nearest rows of every row from the whole (N, N) product.

    Args:
        rows: (N, d) float32 unit rows.
        k1: Neighbours, the row itself included.

    Returns:
        Row numbers and similarities, (N, k1) each, best first.
    """
    tensor = torch.from_numpy(rows)
    similarities, indices = (tensor @ tensor.T).topk(k1, dim=1)
    return indices.numpy(), similarities.numpy()


def similarities(
    lists: tuple[np.ndarray, np.ndarray],
    cameras: np.ndarray,
    num_queries: int,
    *,
    k2: int,
    camera_weight: float,
    num_rounds: int = 3,
) -> np.ndarray:
    """The graph's part: everything after the neighbour search.

    Args:
        lists: Row numbers and similarities of the k1 neighbours, (N, k1) each.
        cameras: (N,) whole numbers.
        num_queries: Q; the first rows are the queries.
        k2: Neighbours propagated from.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds.

    Returns:
        (Q, G) float32 similarities.
    """
    rank = torch.from_numpy(np.asarray(lists[0], np.int64))
    shares = torch.from_numpy(lists[1])[:, :k2] ** 2
    camera = torch.from_numpy(np.asarray(cameras, np.int64))
    same = camera[rank] == camera[:, None]
    weights = torch.where(same, camera_weight, 1 / camera_weight).float()
    graph = torch.zeros(len(rank), len(rank)).scatter_(1, rank, weights)
    for _ in range(num_rounds):
        graph = graph + graph.T
        graph = graph / graph.abs().sum(dim=1, keepdim=True)
        passed_on = torch.zeros_like(graph)
        for place in range(shares.shape[1]):
            passed_on += shares[:, place, None] * graph[rank[:, place]]
        graph = passed_on
    return (graph[:num_queries] @ graph[num_queries:].T).numpy()


def gcr(
    query: np.ndarray,
    gallery: np.ndarray,
    query_cameras: np.ndarray,
    gallery_cameras: np.ndarray,
    *,
    k1: int,
    k2: int,
    camera_weight: float,
    num_rounds: int = 3,
) -> np.ndarray:
    """Neighbour search and graph.

    Args:
        query: (Q, d) float32 unit rows.
        gallery: (G, d) float32 unit rows.
        query_cameras: (Q,) whole numbers.
        gallery_cameras: (G,) whole numbers.
        k1: Neighbours linked.
        k2: Neighbours propagated from.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds.

    Returns:
        (Q, G) float32 similarities.
    """
    return similarities(
        neighbours(np.concatenate([query, gallery]), k1=k1),
        np.concatenate([query_cameras, gallery_cameras]),
        len(query),
        k2=k2,
        camera_weight=camera_weight,
        num_rounds=num_rounds,
    )
