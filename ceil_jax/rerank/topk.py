"""GCR for large galleries: the best rows of each query, from sparse rows alone."""

from typing import NamedTuple

import numpy as np

from ceil_jax.common import checks
from ceil_jax.common.progress import bar
from ceil_jax.neighbours.search import Neighbours, Search, check_search, nearest
from ceil_jax.rerank import planning, rounds, vectors
from ceil_jax.rerank.best import best
from ceil_jax.rerank.budget import budget
from ceil_jax.rerank.gcr import check_arguments
from ceil_jax.rerank.lists import checked


class Options(NamedTuple):
    """Parameters of the method.

    Attributes:
        k1: Neighbours linked.
        k2: Neighbours propagated from.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds.
    """

    k1: int
    k2: int
    camera_weight: float
    num_rounds: int


def gcr_topk(
    query: checks.Rows | None,
    gallery: checks.Rows | None,
    query_cameras: checks.Rows | None = None,
    gallery_cameras: checks.Rows | None = None,
    *,
    top: int,
    k1: int = 28,
    k2: int = 7,
    camera_weight: float = 0.5,
    num_rounds: int = 3,
    neighbours: tuple[checks.Rows, checks.Rows] | None = None,
    num_queries: int | None = None,
    memory_gib: float | None = None,
    search: Search = "exact",
) -> tuple[np.ndarray, np.ndarray]:
    """The `top` best gallery rows of each query by `gcr`, without the whole matrix.

    The same numbers as `gcr`, from sparse rows and a few queries at a time: no (N, N)
    and no (Q, G) array is ever held, and memory grows with N k1. Where fewer than
    `top` gallery rows are linked to a query, those with similarity 0 follow in order.

    Args:
        query: (Q, d) unit rows; may be None where `neighbours` is given.
        gallery: (G, d) unit rows; may be None where `neighbours` is given.
        query_cameras: (Q,) whole numbers. None for both sides: all weights are 1.
        gallery_cameras: (G,) whole numbers.
        top: Gallery rows wanted for each query, in [1, G].
        k1: Neighbours linked, the row itself included; cut to N = Q + G.
        k2: Neighbours propagated from; cut to k1.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds.
        neighbours: Lists of all N rows, query then gallery, from any library:
            (indices (N, >= k1), similarities (N, >= k1)), each best first and holding
            the row itself, which may stand anywhere.
        num_queries: Q, needed only where `query` is None.
        memory_gib: What graph and blocks of queries may take, in GiB, beside the
            features, the neighbour lists and the search for them; less means more work
            for each query. None: as it is fastest.
        search: How neighbours are found, as in `ceil_jax.neighbours.nearest`.

    Returns:
        Similarities (Q, top) float32, best first, and gallery rows (Q, top) int32.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape, or
            `memory_gib` is less than the graph of the first round needs.

    References:
        As for `gcr`; the released code has no counterpart.
    """
    options = Options(k1, k2, camera_weight, num_rounds)
    check_arguments(**options._asdict())
    check_search(search)
    num_rows, num_queries = _sizes(query, gallery, neighbours, num_queries)
    num_gallery = num_rows - num_queries
    checks.at_least(1, top=top)
    if top > num_gallery:
        raise ValueError(f"{top=} must be in [1, {num_gallery}], the gallery rows")
    allowed = budget(
        memory_gib,
        num_rows=num_rows,
        k1=min(k1, num_rows),
        k2=k2,
        num_rounds=num_rounds,
    )
    cameras = checks.camera_pair(
        query_cameras, gallery_cameras, num_queries, num_gallery
    )
    lists = (
        nearest(_both(query, gallery), k=k1, search=search)
        if neighbours is None
        else checked(neighbours, k1=k1)
    )
    state = _planned(lists, cameras, options, allowed.max_entries)
    return _best_of_all(state, num_queries, top, allowed.block_rows)


def _planned(
    lists: Neighbours,
    cameras: np.ndarray | None,
    options: Options,
    max_entries: float,
) -> rounds.Rounds:
    """The rounds, with a bar over their rows."""
    total = len(lists.indices) * max(1, options.num_rounds)
    with bar(total=total, desc="graph", unit="row") as shown:
        return planning.plan(
            lists,
            cameras,
            max_entries=max_entries,
            on_rows=shown.update,
            **options._asdict(),
        )


def _best_of_all(
    state: rounds.Rounds, num_queries: int, top: int, block_rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """The best gallery rows of every query, a few queries at a time."""
    num_gallery = len(state.propagation.indptr) - 1 - num_queries
    similarities = np.empty((num_queries, top), np.float32)
    indices = np.empty((num_queries, top), np.int32)

    def keep(queries: np.ndarray, block: vectors.Vectors) -> int:
        similarities[queries], indices[queries] = best(block, num_gallery, top=top)
        return len(queries)

    with bar(total=num_queries, desc="re-ranking", unit="query") as shown:
        for done in rounds.blocks(
            state, keep, num_queries=num_queries, block_rows=block_rows
        ):
            shown.update(done)
    return similarities, indices


def _both(query: checks.Rows | None, gallery: checks.Rows | None) -> np.ndarray:
    if query is None or gallery is None:
        raise ValueError("query and gallery must be given where neighbours=None")
    return checks.pair("query", query, "gallery", gallery)


def _sizes(
    query: checks.Rows | None,
    gallery: checks.Rows | None,
    neighbours: tuple[checks.Rows, checks.Rows] | None,
    num_queries: int | None,
) -> tuple[int, int]:
    """N and Q, by the arguments that are given."""
    if query is not None:
        if num_queries not in (None, len(query)):
            raise ValueError(f"{num_queries=} must be the {len(query)} rows of query")
        num_queries = len(query)
    if neighbours is None:
        if query is None or gallery is None:
            raise ValueError("query and gallery must be given where neighbours=None")
        return len(query) + len(gallery), len(query)
    num_rows = len(neighbours[0])
    if num_queries is None:
        raise ValueError(
            "num_queries=None: say how many rows of neighbours are queries"
        )
    checks.at_least(1, num_queries=num_queries)
    if num_queries >= num_rows:
        raise ValueError(f"{num_queries=} must be in [1, {num_rows - 1}]")
    if gallery is not None and num_queries + len(gallery) != num_rows:
        raise ValueError(
            f"{len(gallery)=} must be {num_rows - num_queries}, as neighbours has it"
        )
    return num_rows, num_queries
