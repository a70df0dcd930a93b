"""Why an answer: what each image adds to the similarity that GCR gives a pair."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ceil_jax.common import checks, features
from ceil_jax.common.features import Normalise
from ceil_jax.neighbours.search import Search, check_search, of_rows
from ceil_jax.rerank import options, planning, rounds, vectors
from ceil_jax.rerank.budget import block_rows


class Group(NamedTuple):
    """Images of one side and camera.

    Attributes:
        side: "query" or "gallery".
        camera: As given; None where no cameras were.
    """

    side: str
    camera: int | str | None


class Reasons(NamedTuple):
    """What the similarities of P pairs of a query and an answer are the sums of.

    Images are counted over query then gallery: image c < Q is query c, and image Q + g
    is gallery image g. The shares of a pair add up to 1, but for rounding, in two ways:
    `directly + shares.sum(1) + rest` and `directly + by_group.sum(1)`. Where the
    similarity is 0, so are they.

    Attributes:
        scores: The similarities, (P,) float64; `gcr` gives them in float32.
        directly: Share of the query and the answer themselves, (P,) float64.
        images: The other images that carried most, (P, top) int32, most first; -1
            where fewer carried anything.
        shares: Their shares, (P, top) float64; 0 where there is none.
        rest: Share of all further images, (P,) float64.
        by_group: Share of the images of each of n groups, those of `directly` left out,
            (P, n) float64.
        groups: The n groups, by side and by camera within it.
        group_of: Number of each image's group, (Q + G,) int64.
    """

    scores: np.ndarray
    directly: np.ndarray
    images: np.ndarray
    shares: np.ndarray
    rest: np.ndarray
    by_group: np.ndarray
    groups: tuple[Group, ...]
    group_of: np.ndarray


def why(
    query: checks.Rows,
    gallery: checks.Rows,
    query_cameras: checks.Rows | None = None,
    gallery_cameras: checks.Rows | None = None,
    *,
    pairs: ArrayLike,
    top: int = 12,
    k1: int = 28,
    k2: int = 7,
    camera_weight: float = 0.5,
    num_rounds: int = 3,
    search: Search = "exact",
    normalise: Normalise = None,
) -> Reasons:
    """Which images, and which cameras, made GCR give a pair its similarity.

    The similarity of query q and answer g is a sum over all images, `sum_c A[q, c]
    A[g, c]`, with the A of `gcr` after its last round: image c adds to it where it is
    linked with both. Its share is its term divided by the sum; no term is negative.
    Only the rows of A that the pairs name are computed.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        query_cameras: (Q,) whole numbers or text, or None for both sides.
        gallery_cameras: (G,) likewise.
        pairs: (P, 2) numbers of a query and of a gallery row, each from 0.
        top: Images of each pair to name; cut to Q + G.
        k1: As in `gcr`, and so are the following.
        k2: Neighbours propagated from.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds.
        search: How neighbours are found.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        The shares.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        As for `gcr`; the released code has no counterpart.
    """
    chosen = options.checked(
        k1=k1, k2=k2, camera_weight=camera_weight, num_rounds=num_rounds
    )
    (top,) = checks.at_least(1, top=top)
    check_search(search)
    rows, num_queries, num_gallery = features.pair(query, gallery, normalise=normalise)
    cameras = checks.camera_pair(
        query_cameras, gallery_cameras, num_queries, num_gallery
    )
    wanted = _pairs(pairs, num_queries, num_gallery)
    chosen = chosen.cut(len(rows))
    lists = of_rows(rows, k=chosen.k1, search=search)
    similarities = lists.similarities
    options.check_products(similarities, k2=chosen.k2, name="query and gallery")
    state = planning.plan(lists, cameras, **chosen._asdict())
    sides = query_cameras, gallery_cameras
    groups, group = _groups(cameras, sides, num_queries, len(rows))
    number = max(1, block_rows(len(rows)) // 2)  # a pair has two rows
    parts = []
    for start in range(0, len(wanted), number):
        some = wanted[start : start + number]
        parts.append(_reasons(_terms(state, some), some, group, len(groups), top))
    found: list[Any] = list(map(np.concatenate, zip(*parts, strict=True)))
    return Reasons(*found, groups=groups, group_of=group)


def _pairs(pairs: ArrayLike, num_queries: int, num_gallery: int) -> np.ndarray:
    """The pairs, each as two rows of query then gallery."""
    found = checks.array("pairs", pairs)
    if found.ndim != 2 or found.shape[1] != 2 or not len(found):
        raise ValueError(f"pairs.shape={found.shape} must be (at least 1, 2)")
    if not checks.is_a(found.dtype, np.integer):
        raise ValueError(f"pairs.dtype={found.dtype} must be an integer type")
    for column, size in enumerate((num_queries, num_gallery)):
        numbers = found[:, column]
        if numbers.min() < 0 or numbers.max() >= size:
            raise ValueError(f"pairs[:, {column}] must be in [0, {size - 1}]")
    return found.astype(np.int64) + np.array([[0, num_queries]])


def _groups(
    cameras: np.ndarray | None, sides: Any, num_queries: int, num_rows: int
) -> tuple[tuple[Group, ...], np.ndarray]:
    """The groups, and the number of each row's own."""
    is_gallery = np.arange(num_rows) >= num_queries
    if cameras is None:
        given, cameras = [None] * num_rows, np.zeros(num_rows, np.int64)
    else:
        given = [name for side in sides for name in np.asarray(side).tolist()]
    keys = np.stack([is_gallery.astype(np.int64), cameras], axis=1)
    _, example, own = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    groups = tuple(
        Group("gallery" if is_gallery[row] else "query", given[row]) for row in example
    )
    return groups, own.reshape(-1).astype(np.int64)


def _terms(state: rounds.Rounds, pairs: np.ndarray) -> np.ndarray:
    """What every image adds to the similarity of each pair, (p, N) float64."""
    rows, own = np.unique(pairs, return_inverse=True)
    place = planning.inverse_order(state.order)
    found = rounds.graph_rows(state, place[rows])
    found = vectors.renumbered(found, state.order, 0)
    linked = vectors.dense_rows(found, len(place)).astype(np.float64)
    query, answer = own.reshape(pairs.shape).T
    return linked[query] * linked[answer]


def _reasons(
    terms: np.ndarray, pairs: np.ndarray, group: np.ndarray, num_groups: int, top: int
) -> tuple[np.ndarray, ...]:
    """The parts of `Reasons` but for the groups."""
    scores = terms.sum(axis=1)
    shares = terms / np.where(scores > 0, scores, 1)[:, None]
    row = np.arange(len(pairs))[:, None]
    directly = shares[row, pairs].sum(axis=1)
    shares[row, pairs] = 0
    by_group = np.zeros((len(pairs), num_groups))
    np.add.at(by_group.T, group, shares.T)
    images = np.argsort(-shares, axis=1, kind="stable")
    best = np.take_along_axis(shares, images, axis=1)
    rest = best[:, top:].sum(axis=1)
    best = best[:, :top]
    images = np.where(best > 0, images[:, :top], -1).astype(np.int32)
    return scores, directly, images, best, rest, by_group
