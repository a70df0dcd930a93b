"""The nearest rows of every row: the lists that all graphs here are made of."""

import sys
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from ceil_jax.common import checks, extras, threads
from ceil_jax.common import features as feature_rows
from ceil_jax.common.features import Normalise
from ceil_jax.common.progress import bar
from ceil_jax.neighbours import tiles
from ceil_jax.neighbours.largest import Candidates, RunningLargest
from pallas_kernels.camera_topk import camera_topk

Search = Literal["exact", "pairs", "flat", "device", "ivf", "hnsw"]
SEARCHES: tuple[Search, ...] = ("exact", "pairs", "flat", "device", "ivf", "hnsw")

DEVICE_ROWS = 4096
"""Fewer rows than this are searched by faiss on the host, which compiles nothing.

Their number changes from call to call (proxies, clusters), and every new number would
be a new program for the device. Tiles have one program for all, but save milliseconds.
"""
PAIRS_WIDTH = 128
"""Of narrower rows faiss finds the neighbours as fast."""
APPROXIMATE_ROWS = 2048
"""Fewer rows than this are always searched exactly: an index would take longer."""
GOOD_RECALL = 0.98
"""An approximate search is made more thorough until this much is found."""
SAMPLED_ROWS = 500
"""Rows whose exact lists tell the recall."""
BLOCK_ROWS = 16_384
"""Rows that are searched between two steps of the progress bar."""
SEED = 0


class Neighbours(NamedTuple):
    """Neighbour lists, best first, the row itself in front.

    Attributes:
        indices: (n, k) int32 row numbers.
        similarities: (n, k) float32 inner products with the row.
    """

    indices: np.ndarray
    similarities: np.ndarray


def check_search(search: str) -> None:
    """Check the name of a search.

    Args:
        search: The name.

    Raises:
        ValueError: There is none of that name.
        MissingExtraError: It needs faiss, which is not installed.
    """
    if search not in SEARCHES:
        shown = checks.shown(search)
        raise ValueError(f"search={shown} must be one of {', '.join(SEARCHES)}")
    if search in extras.FAISS_SEARCHES:
        extras.require("faiss", f"{search=}")


def nearest(
    features: checks.Rows,
    *,
    k: int,
    search: Search = "exact",
    normalise: Normalise = None,
) -> Neighbours:
    """The k nearest rows of every row by inner product, the row itself first.

    "ivf" (inverted lists) and "hnsw" (a navigable graph, built by one thread so that
    it repeats) are approximate: they search more and more thoroughly until
    `GOOD_RECALL` of the exact lists of some rows is found, and print what was reached.

    Args:
        features: (n, d) unit rows, or others with `normalise`.
        k: Number of neighbours, the row itself among them; cut to n.
        search: "flat", "ivf" or "hnsw" by faiss on the host, "device" by
            `pallas_kernels.camera_topk`, "pairs" by tiles of which each serves its
            rows and its columns. "exact" is "flat" where n is less than `DEVICE_ROWS`,
            else "device" on a GPU, and on a CPU "pairs" where d is at least
            `PAIRS_WIDTH`; "pairs" stands for "flat" where faiss is not installed.
            Fewer rows than `APPROXIMATE_ROWS` are never searched approximately.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        `Neighbours` with lists of min(k, n) entries.

    Raises:
        ValueError: `features` is not usable, `k` is less than 1, or `search` unknown.
        MissingExtraError: `search` names one of faiss, which is not installed.
    """
    (k,) = checks.at_least(1, k=k)
    check_search(search)
    rows = feature_rows.rows("features", features, normalise=normalise)
    return of_rows(rows, k=k, search=search)


def of_rows(rows: np.ndarray, *, k: int, search: Search = "exact") -> Neighbours:
    """What `nearest` does with rows that have been checked.

    Args:
        rows: (n, d) float32, whose products are numbers.
        k: Number of neighbours; cut to n.
        search: As in `nearest`.

    Returns:
        `Neighbours` with lists of min(k, n) entries.
    """
    k = min(k, len(rows))
    if search == "exact":
        search = _fastest(*rows.shape)
    if search == "device":
        on_device = jax.numpy.asarray(rows)
        found = camera_topk(on_device, on_device, k=k, row_offset=0)
        return Neighbours(np.asarray(found.indices), np.asarray(found.similarities))
    if search == "pairs":
        return from_pairs(rows, k=k)
    if search == "flat" or len(rows) < APPROXIMATE_ROWS:
        found = _searched(_flat(rows), rows, k)
    else:
        found = _approximate(rows, k, search)
    return itself_first(*found, own=np.einsum("nd,nd->n", rows, rows))


def _fastest(num_rows: int, width: int) -> Search:
    """The exact search that takes least on this machine."""
    if num_rows >= DEVICE_ROWS:
        if jax.default_backend() != "cpu":
            return "device"
        if width >= PAIRS_WIDTH:
            return "pairs"
    return "pairs" if extras.missing("faiss") else "flat"


def from_pairs(
    rows: np.ndarray,
    *,
    k: int,
    keep: Callable[[slice, slice, np.ndarray], None] | None = None,
) -> Neighbours:
    """The k nearest rows of every row, every pair of rows multiplied once.

    Args:
        rows: (n, d) float32.
        k: Number of neighbours, at most n.
        keep: Called from several threads with rows, columns and (rows, columns)
            products, until each entry of the (n, n) matrix has come once.

    Returns:
        The lists, the row itself first, then equal ones by number.

    Raises:
        ValueError: A product is not a number: rows so long that it overflows.
    """
    lists = RunningLargest(len(rows), k)

    def candidates(tile: tiles.Tile) -> list[tuple[slice, Candidates]]:
        found = []
        for some, columns, products in tile.halves():
            if keep is not None:
                keep(some, columns, products)
            found.append((some, lists.candidates(some, columns, products)))
        return found

    blocks = tiles.blocks_of(len(rows))
    total = len(blocks) * (len(blocks) + 1) // 2 if len(rows) > BLOCK_ROWS else None
    with bar(total=total, desc="neighbours", unit="tile") as shown:
        for found in threads.in_order(candidates, tiles.of_pairs(rows)):
            for part in found:
                lists.add(*part)
            if total:
                shown.update(1)
    for block in blocks:
        lists.merge(block)
    if (lists.columns[:, -1] < 0).any():
        raise ValueError(
            "features: an inner product is not a number, rows must be shorter"
        )
    own = np.einsum("nd,nd->n", rows, rows)
    return itself_first(lists.columns, lists.scores, own)


def _flat(rows: np.ndarray) -> Any:
    import faiss  # where it is not needed, it need not be installed

    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    return index


def _searched(index: Any, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Lists by a faiss index."""
    indices = np.empty((len(rows), k), np.int32)
    similarities = np.empty((len(rows), k), np.float32)
    total = len(rows) if len(rows) > BLOCK_ROWS else None
    with bar(total=total, desc="neighbours", unit="row") as shown:
        for start in range(0, len(rows), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            similarities[part], indices[part] = index.search(rows[part], k)
            if total:
                shown.update(len(rows[part]))
    return indices, similarities


def _approximate(
    rows: np.ndarray, k: int, search: Search
) -> tuple[np.ndarray, np.ndarray]:
    """Lists by an index that is thorough enough; rows with short lists exactly."""
    index, effort, most = _ivf(rows) if search == "ivf" else _hnsw(rows)
    sample = np.random.default_rng(SEED).choice(len(rows), SAMPLED_ROWS, replace=False)
    exact = _flat(rows)
    _, want = exact.search(rows[sample], k)
    thorough = 8 if search == "ivf" else 2 * k
    while True:
        thorough = min(thorough, most)
        effort(thorough)
        _, got = index.search(rows[sample], k)
        recall = recall_of(got, want)
        if recall >= GOOD_RECALL or thorough == most:
            break
        # A larger step would find more than is asked for, and every row pay for it.
        thorough += max(1, thorough // 4)
    indices, similarities = _searched(index, rows, k)
    print(
        f"neighbours by {search.upper()}: recall@{k} {recall:.3f} of the exact lists, "
        f"on {SAMPLED_ROWS} rows",
        file=sys.stderr,
    )
    short = np.flatnonzero((indices < 0).any(axis=1))
    if short.size:
        similarities[short], indices[short] = exact.search(rows[short], k)
    return indices, similarities


def recall_of(found: np.ndarray, exact: np.ndarray) -> float:
    """Share of the exact lists' entries that were found.

    Args:
        found: (n, k) row numbers; negative ones are none.
        exact: (n, k) row numbers.

    Returns:
        The share, from 0 to 1.
    """
    hits = (found[:, :, None] == exact[:, None, :]).any(axis=1)
    return float(hits.mean())


def _ivf(rows: np.ndarray) -> tuple[Any, Any, int]:
    """Inverted lists about 4 sqrt(n) in number, how to search more, and the most."""
    import faiss

    num_lists = max(1, min(int(4 * len(rows) ** 0.5), len(rows) // 40))
    quantizer = faiss.IndexFlatIP(rows.shape[1])
    metric = faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFFlat(quantizer, rows.shape[1], num_lists, metric)
    index.cp.seed = SEED + 1
    index.cp.max_points_per_centroid = 64
    index.cp.niter = 10
    index.train(rows)
    index.add(rows)

    def effort(num_probes: int) -> None:
        index.nprobe = num_probes

    return index, effort, num_lists


def _hnsw(rows: np.ndarray) -> tuple[Any, Any, int]:
    """A graph with 32 links a row, how to search more, and the most."""
    import faiss

    index = faiss.IndexHNSWFlat(rows.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 80
    num_threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        index.add(rows)
    finally:
        faiss.omp_set_num_threads(num_threads)

    def effort(num_candidates: int) -> None:
        index.hnsw.efSearch = num_candidates

    return index, effort, 2048


def itself_first(
    indices: np.ndarray,
    similarities: np.ndarray,
    own: np.ndarray | None = None,
    *,
    first: int = 0,
) -> Neighbours:
    """Move every row to the front of its own list.

    Equal rows and rounding can put another row first, or, among many equal rows, keep
    the row off its list altogether. Then it takes the place of the last.

    Args:
        indices: (n, k) row numbers, best first.
        similarities: (n, k) inner products.
        own: (n,) inner products of the rows with themselves, for rows that are not on
            their lists. None: every row has to be on its list.
        first: Number of the first of these rows.

    Returns:
        The lists, the other rows in the order in which they were.

    Raises:
        ValueError: A row is not on its list and `own` is None.
    """
    num_rows, k = indices.shape
    indices = indices.astype(np.int32)
    similarities = similarities.astype(np.float32)
    numbers = np.arange(first, first + num_rows, dtype=np.int32)
    hit = indices == numbers[:, None]
    absent = np.flatnonzero(~hit.any(axis=1))
    if absent.size:
        if own is None:
            raise ValueError(
                f"the neighbours of row {first + absent[0]} must hold row itself"
            )
        indices[absent, -1] = numbers[absent]
        similarities[absent, -1] = own[absent]
        hit[absent, -1] = True
    moved = np.flatnonzero(~hit[:, 0])
    place = np.arange(1, k + 1) * ~hit[moved]
    order = np.argsort(place, axis=1, kind="stable")
    for lists in (indices, similarities):
        lists[moved] = np.take_along_axis(lists[moved], order, axis=1)
    return Neighbours(indices, similarities)
