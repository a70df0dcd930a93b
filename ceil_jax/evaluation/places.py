"""Places of the true matches in the ranked lists of queries, without ranking."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from ceil_jax.common import threads
from ceil_jax.evaluation.labels import Labels

BLOCK_ENTRIES = 1 << 19
"""Similarities that a thread looks at at a time: few enough for the cache."""

MOST_COUNTED = 8
"""More matches of a query than this are found by sorting, fewer by counting."""

SORTING_ENTRIES = 16_000
"""What sorting takes for any row at all: as long as counting in so many entries."""

NEVER = np.iinfo(np.int32).max


class Exclusion(NamedTuple):
    """Which gallery images are not in a query's list.

    Attributes:
        queries: (Q,) bool, the queries that `gallery` is left out for.
        gallery: (G,) bool, images that those queries skip.
        own_camera: Images of the query's identity and camera are skipped.
    """

    queries: np.ndarray
    gallery: np.ndarray
    own_camera: bool


class Places(NamedTuple):
    """Places of some queries' matches; each query has at least one.

    Attributes:
        queries: (v,) which queries, counted over all blocks.
        matches: (v, k) int32 places from 1, ascending; `NEVER` past a query's last.
        identities: (v,) identities that have an image before the first match.
    """

    queries: np.ndarray
    matches: np.ndarray
    identities: np.ndarray


class _Columns(NamedTuple):
    """The gallery by identity."""

    code: np.ndarray  # (G,) number of each image's identity
    order: np.ndarray  # (G,) images by identity, then as they come
    unknown: np.ndarray  # images of nobody known, which are in no list
    starts: np.ndarray  # of each identity in `order`
    sizes: np.ndarray


def find(
    blocks: Iterable[np.ndarray], labels: Labels, skipped: Exclusion
) -> Iterator[Places]:
    """Places of the true matches of every query that has one.

    Args:
        blocks: (b, G) similarities of successive queries, Q in all, higher is better,
            no NaN. Equal values keep the gallery's order. A block is looked at only
            until the next is asked for.
        labels: Who is seen by which camera.
        skipped: What is not in the lists.

    Yields:
        Places of a few queries; those of a block in the order of their number of
        matches.
    """
    ids, code = np.unique(labels.gallery_ids, return_inverse=True)
    sizes = np.bincount(code)
    order = np.argsort(code, kind="stable")
    unknown = np.flatnonzero(~labels.is_known)
    columns = _Columns(code, order, unknown, np.cumsum(sizes) - sizes, sizes)
    own = np.minimum(np.searchsorted(ids, labels.query_ids), len(ids) - 1)
    num_matches = np.where(ids[own] == labels.query_ids, sizes[own], 0)
    step = max(1, BLOCK_ENTRIES // len(code))
    first = 0
    for similarity in blocks:
        here = num_matches[first : first + len(similarity)]
        # Queries with as many matches stand together, so that no step is in vain.
        queries = np.argsort(-here, kind="stable")[: np.count_nonzero(here)]

        def places(
            part: np.ndarray, first: int = first, scores: np.ndarray = similarity
        ) -> Places:
            rows = first + part
            return _of_block(scores[part], rows, own[rows], columns, labels, skipped)

        parts = (queries[i : i + step] for i in range(0, len(queries), step))
        yield from threads.in_order(places, parts)
        first += len(similarity)


def _of_block(
    scores: np.ndarray,
    rows: np.ndarray,
    own: np.ndarray,
    columns: _Columns,
    labels: Labels,
    skipped: Exclusion,
) -> Places:
    """The places of one block, whose similarities may be overwritten."""
    if scores.dtype not in (np.float32, np.float64):  # bfloat16 is no dtype of NumPy's
        scores = scores.astype(np.float64)
    slots = np.arange(columns.sizes[own].max())
    there = slots < columns.sizes[own][:, None]
    match = np.where(there, columns.starts[own][:, None] + slots, 0)
    match = columns.order[match]
    best = np.take_along_axis(scores, match, axis=1)
    # NaN is neither above nor equal to anything: it leaves the list.
    scores[:, columns.unknown] = np.nan
    scores[np.ix_(skipped.queries[rows], skipped.gallery)] = np.nan
    if skipped.own_camera:
        own_camera = labels.gallery_cameras[match] == labels.query_cameras[rows, None]
        row, slot = np.nonzero(there & own_camera)
        scores[row, match[row, slot]] = np.nan
    there &= ~np.isnan(np.take_along_axis(scores, match, axis=1))
    if len(slots) > MOST_COUNTED + SORTING_ENTRIES / scores.shape[1]:
        found = of_images(scores, match, best)
    else:
        found = _by_counting(scores, match, best, columns.sizes[own])
    found = np.where(there, found, NEVER)
    valid = there.any(axis=1)
    first = found.argmin(axis=1)[:, None]
    ahead = _ahead(
        scores, np.take_along_axis(match, first, 1), np.take_along_axis(best, first, 1)
    )
    seen = np.zeros((len(rows), len(columns.sizes)), bool)
    row, column = np.divmod(np.flatnonzero(ahead[valid]), scores.shape[1])
    seen[row, columns.code[column]] = True
    identities = seen[: valid.sum()].sum(axis=1)
    return Places(rows[valid], np.sort(found[valid], axis=1), identities)


def _ahead(scores: np.ndarray, column: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Which images come before a given one of each row; column and score are (v, 1)."""
    ahead = scores == score
    ahead &= np.arange(scores.shape[1], dtype=np.int32) < column
    ahead |= scores > score
    return ahead


def _by_counting(
    scores: np.ndarray, match: np.ndarray, best: np.ndarray, sizes: np.ndarray
) -> np.ndarray:
    """Places of matches: one more than the images before each. Sizes must fall."""
    places = np.full(match.shape, NEVER, np.int32)
    for slot in range(match.shape[1]):
        num = int((sizes > slot).sum())
        part = slice(slot, slot + 1)
        ahead = _ahead(scores[:num], match[:num, part], best[:num, part])
        bits = np.bitwise_count(np.packbits(ahead, axis=1))
        places[:num, slot] = 1 + bits.sum(axis=1, dtype=np.int32)
    return places


def of_images(scores: np.ndarray, match: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Places of many images at a time, by sorting.

    Args:
        scores: (v, G) similarities; NaN where an image is not in a query's list.
        match: (v, k) columns of the images.
        best: (v, k) their similarities, numbers also where they are not in the list.

    Returns:
        (v, k) int32 places from 1: one more than the images before each; equal values
        keep the gallery's order.
    """
    ranked = np.sort(scores, axis=1)  # NaN is sorted behind everything
    num_listed = scores.shape[1] - np.isnan(scores).sum(axis=1)
    below = np.empty(match.shape, np.int32)
    for row in range(len(ranked)):
        below[row] = np.searchsorted(ranked[row], best[row])
    last = scores.shape[1] - 1
    is_listed = np.take_along_axis(ranked, np.minimum(below, last), 1) == best
    following = np.take_along_axis(ranked, np.minimum(below + 1, last), 1)
    is_shared = is_listed & (following == best) & (below < last)
    places = (1 + num_listed[:, None] - below - is_listed).astype(np.int32)
    for row in np.flatnonzero(is_shared.any(axis=1)):
        for value in np.unique(best[row, is_shared[row]]):
            mine = best[row] == value
            columns = np.flatnonzero(scores[row] == value)
            places[row, mine] += 1 - len(columns)  # one of them was counted
            places[row, mine] += np.searchsorted(columns, match[row, mine])
    return places
