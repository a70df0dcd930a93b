"""GCR for large galleries: the best rows of each query, from sparse rows alone."""

import numpy as np
from scipy import sparse

from ceil_jax import checks
from ceil_jax.neighbours import Neighbours, itself_first, nearest
from ceil_jax.progress import bar
from ceil_jax.rerank import rounds
from ceil_jax.rerank.gcr import check_arguments


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
            the row itself.
        num_queries: Q, needed only where `query` is None.
        memory_gib: What graph and blocks of queries may take, in GiB, beside the
            arguments; less means more work for each query. None: as it is fastest.

    Returns:
        Similarities (Q, top) float32, best first, and gallery rows (Q, top) int32.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape, or
            `memory_gib` is less than the graph of the first round needs.

    References:
        As for `gcr`; the released code has no counterpart.
    """
    check_arguments(k1=k1, k2=k2, camera_weight=camera_weight, num_rounds=num_rounds)
    if memory_gib is not None and not memory_gib > 0:
        raise ValueError(f"{memory_gib=} must be more than 0")
    lists, num_queries = _lists(query, gallery, neighbours, num_queries, k1)
    num_rows = len(lists.indices)
    num_gallery = num_rows - num_queries
    if not 1 <= top <= num_gallery:
        raise ValueError(f"{top=} must be in [1, {num_gallery}], the gallery rows")
    budget = rounds.budget(
        memory_gib, num_rows=num_rows, k1=min(k1, lists.indices.shape[1]), k2=k2
    )
    state = rounds.plan(
        lists,
        checks.camera_pair(query_cameras, gallery_cameras, num_queries, num_gallery),
        k1=k1,
        k2=k2,
        camera_weight=camera_weight,
        num_rounds=num_rounds,
        max_entries=budget.max_entries,
    )
    similarities = np.empty((num_queries, top), np.float32)
    indices = np.empty((num_queries, top), np.int32)
    with bar(total=num_queries, desc="re-ranking", unit="query") as shown:
        for start, block in rounds.blocks(
            state, num_queries=num_queries, block_rows=budget.block_rows
        ):
            part = slice(start, start + block.shape[0])
            similarities[part], indices[part] = best_of_rows(block, top=top)
            shown.update(block.shape[0])
    return similarities, indices


def best_of_rows(
    matrix: sparse.csr_array | np.ndarray, *, top: int
) -> tuple[np.ndarray, np.ndarray]:
    """The largest entries of each row of a matrix that has none below 0.

    Args:
        matrix: (n, m) float32, sparse or dense.
        top: Entries wanted, at most m.

    Returns:
        Values (n, top) float32, largest first, equal ones by column; columns int32.
    """
    shape: tuple[int, int] = matrix.shape  # type: ignore[assignment]
    num_rows, num_columns = shape
    values = np.empty((num_rows, top), np.float32)
    columns = np.empty((num_rows, top), np.int32)
    for row in range(num_rows):
        if isinstance(matrix, np.ndarray):
            where, entries = np.arange(num_columns), matrix[row]
        else:
            inside = slice(*matrix.indptr[row : row + 2])
            where, entries = matrix.indices[inside], matrix.data[inside]
        columns[row], values[row] = _best(where, entries, top)
    return values, columns


def _best(
    where: np.ndarray, entries: np.ndarray, top: int
) -> tuple[np.ndarray, np.ndarray]:
    """Columns and values of one row's largest entries; zeros where it has too few."""
    if len(entries) > top:
        least = np.partition(entries, len(entries) - top)[len(entries) - top]
        kept = entries >= max(least, np.finfo(np.float32).tiny)
    else:
        kept = entries > 0
    where, entries = where[kept], entries[kept]
    order = np.lexsort((where, -entries))[:top]
    where, entries = where[order], entries[order]
    short = top - len(where)
    if short:
        rest = np.setdiff1d(np.arange(top), where)[:short]
        where = np.concatenate([where, rest])
        entries = np.concatenate([entries, np.zeros(short, np.float32)])
    return where, entries


def _lists(
    query: checks.Rows | None,
    gallery: checks.Rows | None,
    neighbours: tuple[checks.Rows, checks.Rows] | None,
    num_queries: int | None,
    k1: int,
) -> tuple[Neighbours, int]:
    """Neighbour lists of query then gallery, found or checked, and Q."""
    if query is not None and num_queries not in (None, len(query)):
        raise ValueError(f"{num_queries=} must be the {len(query)} rows of query")
    if neighbours is None:
        if query is None or gallery is None:
            raise ValueError("query and gallery must be given where neighbours=None")
        rows = checks.pair("query", query, "gallery", gallery)
        return nearest(rows, k=k1), len(rows) - len(gallery)
    lists = _checked(*neighbours, k1=k1)
    num_rows = len(lists.indices)
    if query is not None:
        num_queries = len(query)
    if num_queries is None:
        raise ValueError(
            "num_queries=None: say how many rows of neighbours are queries"
        )
    if not 1 <= num_queries < num_rows:
        raise ValueError(f"{num_queries=} must be in [1, {num_rows - 1}]")
    if gallery is not None and num_queries + len(gallery) != num_rows:
        raise ValueError(
            f"{len(gallery)=} must be {num_rows - num_queries}, as neighbours has it"
        )
    return lists, num_queries


def _checked(indices: checks.Rows, similarities: checks.Rows, *, k1: int) -> Neighbours:
    """Check neighbour lists from elsewhere and cut them to k1."""
    values = checks.rows("neighbours[1]", similarities)
    columns = np.asarray(indices)
    num_rows, width = values.shape
    if columns.shape != values.shape or not np.issubdtype(columns.dtype, np.integer):
        raise ValueError(
            f"neighbours[0] ({columns.shape}, {columns.dtype}) must be whole numbers "
            f"of shape {values.shape}, as neighbours[1]"
        )
    if width < min(k1, num_rows):
        raise ValueError(f"neighbours: {width} columns must be at least {k1=}")
    if columns.min() < 0 or columns.max() >= num_rows:
        raise ValueError(f"neighbours[0] must hold row numbers in [0, {num_rows - 1}]")
    lists = itself_first(columns, values)
    lists = Neighbours(lists.indices[:, :k1], lists.similarities[:, :k1])
    ordered = np.sort(lists.indices, axis=1)
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise ValueError("neighbours[0] must not hold a row twice in one list")
    return lists
