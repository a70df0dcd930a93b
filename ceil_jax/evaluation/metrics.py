"""Rank-r matching rates (CMC), mAP and mINP under the field's protocols."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ceil_jax.common import checks
from ceil_jax.common.features import Normalise
from ceil_jax.evaluation import labels as labels_lib
from ceil_jax.evaluation import places, similarities
from ceil_jax.evaluation.labels import Labels
from ceil_jax.evaluation.similarities import Products, Similarities
from ceil_jax.neighbours.largest import largest

# Similarities ranked at a time: bounds the working memory at about half a gigabyte.
_BLOCK_ENTRIES = 4_000_000
# Places that are asked for, and so held, at most.
_MOST_PLACES = 10_000_000


class NoMatchError(ValueError):
    """No query has a true match in the gallery, so that there is nothing to score."""


class Metrics(NamedTuple):
    """Figures of one query and gallery pair, as fractions in [0, 1].

    Where `cameras=None`, nothing is skipped: images of a query's own camera, which the
    data sets' protocols leave out, count as matches, and the figures are the higher for
    it. Images of nobody known, identity -1, count in no figure.

    Attributes:
        cmc: Share of valid queries matched within the first r places, at r - 1;
            (max_rank,) float64.
        mean_ap: Mean over valid queries of the average precision.
        mean_inp: Mean over valid queries of (true matches / rank of the last one).
        num_valid_queries: Queries with at least one true match left to find.
    """

    cmc: np.ndarray
    mean_ap: float
    mean_inp: float
    num_valid_queries: int


class _Rule(NamedTuple):
    """What a protocol leaves out of a query's ranked list, and what a place is."""

    skips_same_camera: bool = False  # gallery images of the query's identity and camera
    skips_camera_2_for_3: bool = False
    counts_identities: bool = False


_RULES = {
    "sysu_mm01": _Rule(skips_camera_2_for_3=True, counts_identities=True),
    "regdb": _Rule(),
    "llcm": _Rule(skips_same_camera=True, counts_identities=True),
    "standard": _Rule(skips_same_camera=True),
}
PROTOCOLS = tuple(_RULES)


def evaluate(
    similarity: ArrayLike | Products,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    protocol: str = "standard",
    max_rank: int = 20,
) -> Metrics:
    """Score a similarity matrix: CMC, mAP and mINP.

    Each query ranks the gallery by falling similarity. Images that the protocol skips
    for this query leave the list; with n true matches left, at the places
    r_1 < ... < r_n, its average precision is (1/n) sum_i i / r_i and its inverse
    negative penalty n / r_n. It is matched within r places if r_1 <= r; where the
    protocol counts identities, r_1 is one more than the number of other identities
    seen before. A query with no true match left counts in none of the figures.

    * `sysu_mm01`: a camera-3 query skips camera-2 images; the CMC counts identities.
    * `regdb`: nothing is skipped; the CMC counts images.
    * `llcm`: images of the query's identity and camera are skipped; identities.
    * `standard` (Market-1501): as `llcm`, but the CMC counts images.

    Identity -1 means unknown, in every protocol: such a query counts in no figure, and
    such gallery images (Market-1501's junk) leave all lists before places are counted.
    0 and every other number is a person.

    Args:
        similarity: (Q, G), higher is better. Equal values keep the gallery's order.
            `similarities.Products` of features are taken too, and made in blocks.
        query_ids: Identity of each query, (Q,) integers of any type, or text.
        gallery_ids: Identity of each gallery image, (G,) likewise.
        query_cameras: Camera of each query, (Q,) integers, or text where the protocol
            names no camera's number. The numbers are the data set's own, from 1. None
            for both sides: nothing is skipped.
        gallery_cameras: Camera of each gallery image, (G,) likewise.
        protocol: One of `PROTOCOLS`.
        max_rank: Length of the CMC. Past the end of a query's list the CMC keeps its
            last value.

    Returns:
        The figures, in float64.

    Raises:
        ValueError: An argument has the wrong shape, type or value, or a similarity is
            NaN.
        NoMatchError: A `ValueError` too: no query has a true match.

    References:
        Wu et al., ICCV 2017 (SYSU-MM01's CMC over identities); Ye et al., TPAMI 2022
        (mINP). The released `code/tools/eavl/eval_metrics.py`, which fails where a
        gallery shows fewer identities than `max_rank`; here the CMC is padded.
    """
    rule = _rule(protocol)
    (max_rank,) = checks.between(1, _MOST_PLACES, max_rank=max_rank)
    similarity = _matrix(similarity)
    ids, cameras = (query_ids, gallery_ids), (query_cameras, gallery_cameras)
    labels = _labels(*ids, *cameras, similarity.shape, rule)
    blocks = _without_nan(similarity)
    found = places.find(blocks, labels, _exclusion(labels, rule))
    parts = [_figures(part, rule.counts_identities) for part in found]
    first, precision, penalty = (
        np.concatenate(p) for p in zip(*parts or [[[]] * 3], strict=True)
    )
    if not len(first):
        raise NoMatchError(
            f"no query has a true match: none of the {len(labels.query_ids)} queries' "
            f"identities is in the gallery of {len(labels.gallery_ids)} images once "
            f"those that {protocol=} skips, and those of identity -1 (unknown), are "
            "left out"
        )
    counts = np.bincount(np.minimum(first, max_rank + 1), minlength=max_rank + 2)
    return Metrics(
        cmc=np.cumsum(counts[1 : max_rank + 1]) / len(first),
        mean_ap=float(precision.mean()),
        mean_inp=float(penalty.mean()),
        num_valid_queries=len(first),
    )


def evaluate_features(
    query: ArrayLike,
    gallery: ArrayLike,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    protocol: str = "standard",
    max_rank: int = 20,
    normalise: Normalise = None,
) -> Metrics:
    """Score features by their inner products, of which only a block is ever held.

    The figures are those of `evaluate(query @ gallery.T, ...)`, in the memory of the
    features and of `similarities.BLOCK_ENTRIES` similarities, whatever Q and G are.
    Larger sets are multiplied in several blocks of queries, whose products can differ
    from the whole matrix's in the last bit, as libraries add up in another order: two
    gallery images that are as similar to a query but for rounding can change places.

    Args:
        query: (Q, d) unit rows, or others with `normalise`.
        gallery: (G, d) likewise. Products of float64 are float64, others float32.
        query_ids: Identity of each query, (Q,), as in `evaluate`.
        gallery_ids: Identity of each gallery image, (G,).
        query_cameras: Camera of each query, (Q,), or None.
        gallery_cameras: Camera of each gallery image, (G,), or None.
        protocol: One of `PROTOCOLS`.
        max_rank: Length of the CMC.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        The figures, in float64.

    Raises:
        ValueError: As `evaluate`; features that are no matrices, empty, not finite, of
            different widths, or whose products are NaN.
        NoMatchError: A `ValueError` too: no query has a true match.
    """
    return evaluate(
        Products(query, gallery, normalise=normalise),
        query_ids,
        gallery_ids,
        query_cameras,
        gallery_cameras,
        protocol=protocol,
        max_rank=max_rank,
    )


def top_ranked(
    similarity: ArrayLike | Products,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    protocol: str = "standard",
    top: int = 10,
) -> tuple[np.ndarray, np.ndarray]:
    """The first gallery images of each query's ranked list, and which are right.

    The list is that of `evaluate`: images that the protocol skips are not in it.

    Args:
        similarity: (Q, G), as in `evaluate`.
        query_ids: Identity of each query, (Q,), as in `evaluate`.
        gallery_ids: Identity of each gallery image, (G,).
        query_cameras: Camera of each query, (Q,), or None.
        gallery_cameras: Camera of each gallery image, (G,), or None.
        protocol: One of `PROTOCOLS`.
        top: Places to return.

    Returns:
        Gallery indices (Q, top) int64, best first, -1 past the end of the list; and
        whether each shows the query's identity, (Q, top) bool.

    Raises:
        ValueError: As `evaluate`; `top` below 1.
    """
    rule = _rule(protocol)
    (top,) = checks.between(1, _MOST_PLACES, top=top)
    similarity = _matrix(similarity)
    ids, cameras = (query_ids, gallery_ids), (query_cameras, gallery_cameras)
    labels = _labels(*ids, *cameras, similarity.shape, rule)
    indices = np.full((len(labels.query_ids), top), -1, np.int64)
    for first, part in _parts(_without_nan(similarity)):
        scores = part.astype(np.result_type(part, np.float32))
        rows = slice(first, first + len(part))
        same = labels.query_ids[rows, None] == labels.gallery_ids
        scores[_skipped(rows, same, labels, rule) | ~labels.is_known] = np.nan
        row, place, column = largest(scores, top)
        indices[first + row, place] = column
    right = labels.gallery_ids[indices] == labels.query_ids[:, None]
    return indices, right & (indices >= 0)


def has_match(
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    protocol: str = "standard",
) -> np.ndarray:
    """Which queries have a true match: those that count in the figures.

    Args:
        query_ids: Identity of each query, (Q,), as in `evaluate`.
        gallery_ids: Identity of each gallery image, (G,).
        query_cameras: Camera of each query, (Q,), or None.
        gallery_cameras: Camera of each gallery image, (G,), or None.
        protocol: One of `PROTOCOLS`.

    Returns:
        Whether an image of the query's identity is left in its ranked list, (Q,) bool.

    Raises:
        ValueError: No such protocol, or labels of a wrong shape or type.
    """
    rule = _rule(protocol)
    sizes = (
        checks.array("query_ids", query_ids).size,
        checks.array("gallery_ids", gallery_ids).size,
    )
    ids, cameras = (query_ids, gallery_ids), (query_cameras, gallery_cameras)
    labels = _labels(*ids, *cameras, sizes, rule)
    found = np.zeros(sizes[0], bool)
    step = max(1, _BLOCK_ENTRIES // max(1, sizes[1]))
    for start in range(0, sizes[0], step):
        rows = slice(start, start + step)
        same = labels.query_ids[rows, None] == labels.gallery_ids
        found[rows] = (same & ~_skipped(rows, same, labels, rule)).any(axis=1)
    return found


def _rule(protocol: str) -> _Rule:
    if not isinstance(protocol, str) or protocol not in _RULES:
        shown = checks.shown(protocol)
        raise ValueError(f"protocol={shown} must be one of {', '.join(PROTOCOLS)}")
    return _RULES[protocol]


def _matrix(similarity: ArrayLike | Products) -> Similarities:
    if not isinstance(similarity, Products):
        similarity = checks.array("similarity", similarity)
        checks.real("similarity", similarity)
    if len(similarity.shape) != 2:
        raise ValueError(f"similarity.shape={similarity.shape} must be (Q, G)")
    for side, size in zip(("query", "gallery"), similarity.shape, strict=True):
        if size == 0:
            raise ValueError(f"similarity.shape={similarity.shape} has an empty {side}")
    return similarity


def _labels(
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None,
    gallery_cameras: ArrayLike | None,
    shape: tuple[int, int],
    rule: _Rule,
) -> Labels:
    cameras = query_cameras, gallery_cameras
    numbers = rule.skips_camera_2_for_3
    return labels_lib.checked(
        query_ids, gallery_ids, *cameras, shape, needs_numbers=numbers
    )


def _parts(blocks: Iterable[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """Rows of blocks, few enough to work on, each with the number of the first."""
    first = 0
    for block in blocks:
        step = max(1, _BLOCK_ENTRIES // block.shape[1])
        for start in range(0, len(block), step):
            yield first + start, block[start : start + step]
        first += len(block)


def _skipped(rows: slice, same: np.ndarray, labels: Labels, rule: _Rule) -> np.ndarray:
    cameras = labels.query_cameras[rows, None]
    if rule.skips_camera_2_for_3:  # the two cameras stand in the same room
        return (cameras == 3) & (labels.gallery_cameras == 2)
    if rule.skips_same_camera:
        return same & (cameras == labels.gallery_cameras)
    return np.zeros_like(same)


def _without_nan(similarity: Similarities) -> Iterator[np.ndarray]:
    """Similarities of successive queries, refused where one is NaN."""
    first = 0
    for block in similarities.blocks(similarity):
        for start, part in _parts([block]):
            if np.isnan(part.max()):
                row, column = np.argwhere(np.isnan(part))[0]
                row += first + start
                raise ValueError(f"similarity[{row}, {column}] is NaN")
        yield block
        first += len(block)


def _exclusion(labels: Labels, rule: _Rule) -> places.Exclusion:
    """What the queries skip, beside each other."""
    queries, gallery = labels.query_cameras == 3, labels.gallery_cameras == 2
    if not rule.skips_camera_2_for_3:
        queries, gallery = np.zeros_like(queries), np.zeros_like(gallery)
    return places.Exclusion(queries, gallery, rule.skips_same_camera)


def _figures(
    found: places.Places, counts_identities: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place of the first match, average precision, inverse negative penalty, (v,)."""
    at, there = found.matches, found.matches < places.NEVER
    num_matches = there.sum(axis=1)
    hits = np.arange(1, at.shape[1] + 1)
    precision = np.where(there, hits / at, 0).sum(axis=1) / num_matches
    penalty = num_matches / np.where(there, at, 0).max(axis=1, initial=0)
    first = 1 + found.identities if counts_identities else at[:, 0]
    return first, precision, penalty
