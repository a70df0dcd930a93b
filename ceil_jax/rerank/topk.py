"""GCR for large galleries: the best rows of each query, from sparse rows alone."""

from typing import Any

import numpy as np

from ceil_jax.common import checks, features
from ceil_jax.common.features import Normalise
from ceil_jax.common.progress import bar
from ceil_jax.neighbours.search import Neighbours, Search, check_search, of_rows
from ceil_jax.rerank import options, planning, rounds, vectors
from ceil_jax.rerank.best import best
from ceil_jax.rerank.budget import budget
from ceil_jax.rerank.lists import checked
from ceil_jax.rerank.options import Options


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
    normalise: Normalise = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The `top` best gallery rows of each query by `gcr`, without the whole matrix.

    The same numbers as `gcr`, from sparse rows and a few queries at a time: no (N, N)
    and no (Q, G) array is ever held, and memory grows with N k1. Where fewer than
    `top` gallery rows are linked to a query, those with similarity 0 follow in order.

    Args:
        query: (Q, d) unit rows; may be None where `neighbours` is given.
        gallery: (G, d) unit rows; may be None where `neighbours` is given.
        query_cameras: (Q,) whole numbers or text; without any, all weights are 1.
        gallery_cameras: (G,) likewise.
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
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        Similarities (Q, top) float32, best first, and gallery rows (Q, top) int32.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape, or
            `memory_gib` is less than the graph of the first round needs.

    References:
        As for `gcr`; the released code has no counterpart.
    """
    chosen = options.checked(
        k1=k1, k2=k2, camera_weight=camera_weight, num_rounds=num_rounds
    )
    check_search(search)
    features.check_normalise(normalise)
    if neighbours is None:
        rows, num_queries, num_gallery = _rows(query, gallery, num_queries, normalise)
        lists, name = None, "query and gallery"
    else:
        rows, lists, name = None, checked(neighbours, k1=chosen.k1), "neighbours[1]"
        num_rows = len(lists.indices)
        num_queries, num_gallery = _sizes(query, gallery, num_rows, num_queries)
    (top,) = checks.at_least(1, top=top)
    if top > num_gallery:
        raise ValueError(f"{top=} must be in [1, {num_gallery}], the gallery rows")
    num_rows = num_queries + num_gallery
    k1, k2, _, num_rounds = chosen = chosen.cut(num_rows)
    allowed = budget(memory_gib, num_rows=num_rows, k1=k1, k2=k2, num_rounds=num_rounds)
    sides = query_cameras, gallery_cameras
    cameras = checks.camera_pair(*sides, num_queries, num_gallery)
    if rows is not None:
        lists = of_rows(rows, k=k1, search=search)
    assert lists is not None
    options.check_products(lists.similarities, k2=k2, name=name)
    state = _planned(lists, cameras, chosen, allowed.max_entries)
    return _best_of_all(state, num_queries, top, allowed.block_rows)


def _planned(
    lists: Neighbours,
    cameras: np.ndarray | None,
    chosen: Options,
    max_entries: float,
) -> rounds.Rounds:
    """The rounds, with a bar over their rows."""
    total = len(lists.indices) * max(1, chosen.num_rounds)
    with bar(total=total, desc="graph", unit="row") as shown:
        return planning.plan(
            lists,
            cameras,
            max_entries=max_entries,
            on_rows=shown.update,
            **chosen._asdict(),
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


def _rows(
    query: Any, gallery: Any, num_queries: Any, normalise: Normalise
) -> tuple[np.ndarray, int, int]:
    """The features, query then gallery, and how many are of each."""
    if query is None or gallery is None:
        raise ValueError("query and gallery must be given where neighbours=None")
    found = features.pair(query, gallery, normalise=normalise)
    if num_queries is not None:
        (given,) = checks.at_least(1, num_queries=num_queries)
        if given != found[1]:
            raise ValueError(
                f"num_queries={given} must be the {found[1]} rows of query"
            )
    return found


def _sizes(
    query: Any, gallery: Any, num_rows: int, num_queries: Any
) -> tuple[int, int]:
    """Q and G where neighbour lists are given; of features only the lengths count."""
    if query is not None:
        length = _length("query", query)
        if num_queries is None:
            num_queries = length
        elif checks.at_least(1, num_queries=num_queries) != (length,):
            shown = checks.shown(num_queries)
            raise ValueError(f"num_queries={shown} must be the {length} rows of query")
    if num_queries is None:
        raise ValueError(
            "num_queries=None: say how many rows of neighbours are queries"
        )
    (num_queries,) = checks.at_least(1, num_queries=num_queries)
    if num_queries >= num_rows:
        raise ValueError(f"{num_queries=} must be in [1, {num_rows - 1}]")
    if gallery is not None:
        length = _length("gallery", gallery)
        if num_queries + length != num_rows:
            raise ValueError(
                f"gallery: {length} rows must be {num_rows - num_queries}, as "
                "neighbours has it"
            )
    return num_queries, num_rows - num_queries


def _length(name: str, value: Any) -> int:
    shape = checks.array(name, value).shape
    if len(shape) != 2:
        raise ValueError(f"{name}.shape={shape} must be (rows, features)")
    return shape[0]
