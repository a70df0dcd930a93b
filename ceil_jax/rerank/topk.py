"""GCR for large galleries: the best rows of each query, from sparse rows alone."""

import numpy as np
from scipy import sparse

from ceil_jax import checks
from ceil_jax.neighbours import Neighbours, itself_first, nearest
from ceil_jax.rerank.gcr import check_arguments, similarity_blocks, walk

BLOCK_ROWS = 256
BYTES_PER_ENTRY = 24
"""A sparse entry, its share of the product before, and what sorting it takes."""


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
    and no (Q, G) array is ever held. Where fewer than `top` gallery rows are linked
    to a query, those with similarity 0 follow in their order.

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
        memory_gib: Memory for the similarities of one block of queries, in GiB; less
            makes the blocks smaller. None: blocks of `BLOCK_ROWS` queries.

    Returns:
        Similarities (Q, top) float32, best first, and gallery rows (Q, top) int32.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

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
    state = walk(
        lists,
        checks.camera_pair(query_cameras, gallery_cameras, num_queries, num_gallery),
        k1=k1,
        k2=k2,
        camera_weight=camera_weight,
        num_rounds=num_rounds,
    )
    block_rows = BLOCK_ROWS
    if memory_gib is not None:
        fitting = int(memory_gib * 2**30 / (BYTES_PER_ENTRY * num_rows))
        block_rows = min(block_rows, max(1, fitting))
    similarities = np.empty((num_queries, top), np.float32)
    indices = np.empty((num_queries, top), np.int32)
    for start, block in similarity_blocks(
        state, num_queries=num_queries, block_rows=block_rows
    ):
        best, columns = best_of_rows(block, top=top)
        part = slice(start, start + len(best))
        similarities[part], indices[part] = best, columns
    return similarities, indices


def best_of_rows(
    matrix: sparse.csr_array, *, top: int
) -> tuple[np.ndarray, np.ndarray]:
    """The largest entries of each row of a sparse matrix that has none below 0.

    Args:
        matrix: (n, m) float32.
        top: Entries wanted, at most m.

    Returns:
        Values (n, top) float32, largest first, equal ones by column; columns int32.
    """
    matrix.eliminate_zeros()
    lengths = np.diff(matrix.indptr)
    num_rows = len(lengths)
    row_of = np.repeat(np.arange(num_rows), lengths)
    order = np.lexsort((matrix.indices, np.negative(matrix.data), row_of))
    place = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], lengths)
    wanted = place < top
    where = row_of[wanted], place[wanted]
    values = np.zeros((num_rows, top), np.float32)
    columns = np.zeros((num_rows, top), np.int32)
    values[where] = matrix.data[order][wanted]
    columns[where] = matrix.indices[order][wanted]
    for row in np.flatnonzero(lengths < top):
        linked = columns[row, : lengths[row]]
        rest = np.setdiff1d(np.arange(top), linked, assume_unique=True)
        columns[row, lengths[row] :] = rest[: top - lengths[row]]
    return values, columns


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
        return nearest(checks.pair("query", query, "gallery", gallery), k=k1), len(
            query
        )
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
