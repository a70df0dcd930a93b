"""Rank-r matching rates (CMC), mAP and mINP under the field's protocols."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ceil_jax.common import checks
from ceil_jax.common.features import Normalise
from ceil_jax.evaluation import labels as labels_lib
from ceil_jax.evaluation import places, similarities
from ceil_jax.evaluation.labels import Labels
from ceil_jax.evaluation.similarities import Products, Similarities

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


class EachQuery(NamedTuple):
    """Figures of each query, as fractions.

    Attributes:
        average_precision: (Q,) float64; NaN where a query has no true match.
        inverse_penalty: True matches / place of the last one, (Q,) float64 likewise.
        first: Place of the first true match as the CMC counts it, (Q,) int64; 0 where
            there is none.
        order: The queries that have a match, in the order in which they are added up,
            (v,): another one can differ in the last bit.
        num_gallery: Images of the gallery.
    """

    average_precision: np.ndarray
    inverse_penalty: np.ndarray
    first: np.ndarray
    order: np.ndarray
    num_gallery: int


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
    (max_rank,) = checks.between(1, _MOST_PLACES, max_rank=max_rank)
    ids, cameras = (query_ids, gallery_ids), (query_cameras, gallery_cameras)
    each = each_query(similarity, *ids, *cameras, protocol=protocol)
    return averaged(each, max_rank=max_rank, protocol=protocol)


def each_query(
    similarity: ArrayLike | Products,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    protocol: str = "standard",
    on_block: Callable[[int, np.ndarray], object] | None = None,
) -> EachQuery:
    """Figures of each query, of which `evaluate` gives the mean.

    Args:
        similarity: (Q, G), as in `evaluate`.
        query_ids: Identity of each query, (Q,), as in `evaluate`.
        gallery_ids: Identity of each gallery image, (G,).
        query_cameras: Camera of each query, (Q,), or None.
        gallery_cameras: Camera of each gallery image, (G,), or None.
        protocol: One of `PROTOCOLS`.
        on_block: Called with similarities of successive queries, (b, G), and the number
            of the first, before they are scored; it may keep neither nor change them.

    Returns:
        The figures, also where no query has a true match.

    Raises:
        ValueError: As `evaluate`.
    """
    rule = _rule(protocol)
    similarity = _matrix(similarity)
    num_queries, num_gallery = similarity.shape
    ids, cameras = (query_ids, gallery_ids), (query_cameras, gallery_cameras)
    labels = _labels(*ids, *cameras, similarity.shape, rule)
    blocks = _without_nan(similarity, on_block)
    precision, penalty = np.full((2, num_queries), np.nan)
    first = np.zeros(num_queries, np.int64)
    order = [np.zeros(0, np.int64)]
    for found in places.find(blocks, labels, _exclusion(labels, rule)):
        rows = found.queries
        figures = _figures(found, rule.counts_identities)
        first[rows], precision[rows], penalty[rows] = figures
        order.append(rows)
    return EachQuery(precision, penalty, first, np.concatenate(order), num_gallery)


def averaged(
    each: EachQuery, *, max_rank: int = 20, protocol: str = "standard"
) -> Metrics:
    """The mean of the figures of each query.

    Args:
        each: What `each_query` gave.
        max_rank: Length of the CMC.
        protocol: What it was given, for the message.

    Returns:
        The figures, in float64.

    Raises:
        NoMatchError: No query has a true match.
    """
    (max_rank,) = checks.between(1, _MOST_PLACES, max_rank=max_rank)
    order = each.order
    if not len(order):
        raise NoMatchError(
            f"no query has a true match: none of the {len(each.first)} queries' "
            f"identities is in the gallery of {each.num_gallery} images once "
            f"those that {protocol=} skips, and those of identity -1 (unknown), are "
            "left out"
        )
    first = np.minimum(each.first[order], max_rank + 1)
    counts = np.bincount(first, minlength=max_rank + 2)
    return Metrics(
        cmc=np.cumsum(counts[1 : max_rank + 1]) / len(order),
        mean_ap=float(each.average_precision[order].mean()),
        mean_inp=float(each.inverse_penalty[order].mean()),
        num_valid_queries=len(order),
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


def counted(
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    protocol: str = "standard",
) -> np.ndarray:
    """Which gallery images stand in each query's ranked list.

    Args:
        query_ids: Identity of each query, (Q,), as in `evaluate`.
        gallery_ids: Identity of each gallery image, (G,).
        query_cameras: Camera of each query, (Q,), or None.
        gallery_cameras: Camera of each gallery image, (G,), or None.
        protocol: One of `PROTOCOLS`.

    Returns:
        False for images that the protocol skips for a query, and for those of nobody
        known, (Q, G) bool.

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
    skipped = _exclusion(labels, rule)
    stands = ~(skipped.queries[:, None] & skipped.gallery) & labels.is_known
    if skipped.own_camera:
        same = labels.query_ids[:, None] == labels.gallery_ids
        stands &= ~same | (labels.query_cameras[:, None] != labels.gallery_cameras)
    return stands


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


def _without_nan(
    similarity: Similarities, on_block: Callable[[int, np.ndarray], object] | None
) -> Iterator[np.ndarray]:
    """Similarities of successive queries, refused where one is NaN."""
    first = 0
    for block in similarities.blocks(similarity):
        for start, part in _parts([block]):
            if np.isnan(part.max()):
                row, column = np.argwhere(np.isnan(part))[0]
                row += first + start
                raise ValueError(f"similarity[{row}, {column}] is NaN")
        if on_block is not None:
            on_block(first, block)
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
