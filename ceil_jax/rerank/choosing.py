"""GCR's parameters chosen from unlabelled features alone."""

from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common import checks, features
from ceil_jax.common.features import Normalise
from ceil_jax.common.progress import bar
from ceil_jax.neighbours.search import of_rows

LONGEST = 256
"""Longest neighbour list that is looked at; with more images per identity, set k1."""
K2_SHARE = 0.75
"""k2 as a share of the harmonic mean of both sides' images per identity."""
CAMERA_WEIGHT = 0.4


class Side(NamedTuple):
    """What was found in the images of the query or of the gallery.

    Attributes:
        images_per_identity: Length of list with the most surplus reciprocity.
        lengths: Lengths of list that were compared, (m,) whole numbers from 1.
        reciprocity: Mean share of the other list members that hold the row in their
            own list of that length, (m,).
        surplus: `reciprocity` less the price of the length, (m,).
    """

    images_per_identity: int
    lengths: np.ndarray
    reciprocity: np.ndarray
    surplus: np.ndarray


class AutoParams(NamedTuple):
    """Parameters of GCR and what they were chosen by.

    Attributes:
        k1: Neighbours linked.
        k2: Neighbours propagated from.
        camera_weight: Weight of links within a camera.
        query: What was found in the query images.
        gallery: What was found in the gallery images.
    """

    k1: int
    k2: int
    camera_weight: float
    query: Side
    gallery: Side


def reciprocity(neighbours: np.ndarray) -> np.ndarray:
    """Mean share of reciprocal members by length of list.

    Entry m - 1 is of lists with m rows, the row itself included:
    `mean_i |{j != i : j in rank[i, :m] and i in rank[j, :m]}| / (m - 1)`. Where rows
    come in groups of m, the m nearest of each are the group and the share is 1: it
    falls once lists reach into other groups.

    Args:
        neighbours: (n, k) row numbers, best first, the row itself in front.

    Returns:
        (k,) float64; that of lists with one row is 0.
    """
    num_rows, k = neighbours.shape
    row = np.repeat(np.arange(num_rows), k - 1)
    column = neighbours[:, 1:].reshape(-1).astype(np.int64)
    place = np.tile(np.arange(1, k), num_rows)
    # The pair (i, j) is reciprocal from the length at which the later of both is in.
    forward, backward = row * num_rows + column, column * num_rows + row
    order = np.argsort(forward)
    at = np.searchsorted(forward, backward, sorter=order)
    found = order[np.minimum(at, len(order) - 1)]
    is_mutual = forward[found] == backward
    later = np.maximum(place, place[found])[is_mutual]
    pairs = np.cumsum(np.bincount(later, minlength=k))
    return pairs / (num_rows * np.maximum(np.arange(k), 1))


def find_side(rows: np.ndarray) -> Side:
    """Estimate how many images of an identity there are in a set.

    The length m of list with the most reciprocity, less a price for its length,
    `0.5 (m - 1) / (n - 1) + 0.3 log m / log n`, since the longer lists are, the more
    rows name each other by chance. On a tie the shorter. Where there is no structure,
    or one image per identity, the estimate is a small number of no meaning.

    Args:
        rows: (n, d) float32 unit rows of one modality.

    Returns:
        The estimate and the curve that it was read from.
    """
    num_rows = len(rows)
    lengths = np.arange(1, min(LONGEST, max(num_rows // 2, 1)) + 1)
    if num_rows < 4:
        nothing = np.zeros(len(lengths))
        return Side(1, lengths, nothing, nothing)
    shares = reciprocity(of_rows(rows, k=len(lengths)).indices)
    by_chance = (lengths - 1) / (num_rows - 1)
    price = 0.5 * by_chance + 0.3 * np.log(lengths) / np.log(num_rows)
    surplus = shares - price
    return Side(int(lengths[surplus.argmax()]), lengths, shares, surplus)


def auto(
    query: checks.Rows, gallery: checks.Rows, *, normalise: Normalise = None
) -> dict[str, Any]:
    """Parameters of GCR, chosen from features alone: `gcr(..., **auto(...))`.

    How they are chosen, and what was found, `auto_parameters` says.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        `k1`, `k2` and `camera_weight` by name.

    Raises:
        ValueError: An argument is not finite or of a wrong shape.
    """
    found = auto_parameters(query, gallery, progress=False, normalise=normalise)
    return {"k1": found.k1, "k2": found.k2, "camera_weight": found.camera_weight}


def auto_parameters(
    query: checks.Rows,
    gallery: checks.Rows,
    *,
    progress: bool = True,
    normalise: Normalise = None,
) -> AutoParams:
    """Choose k1, k2 and the camera weight without any label.

    With `a` images of an identity in the query set and `b` in the gallery, each found
    by `find_side`, k1 is `a + b`, all images of an identity, and k2 is
    `0.75 * 2 a b / (a + b)`, at least 2: the side with fewer images bounds how far it
    is good to average. The camera weight is constant. Identities are never looked at,
    and neither are cameras.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        progress: Whether to show a bar.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        The parameters and what they were chosen by.

    Raises:
        ValueError: An argument is not finite or of a wrong shape.
    """
    both, num_queries, _ = features.pair(query, gallery, normalise=normalise)
    sides = []
    with bar(total=len(both), desc="choosing k1", unit="img") as shown:
        for rows in (both[:num_queries], both[num_queries:]):
            sides.append(find_side(rows))
            if progress:
                shown.update(len(rows))
    sizes = [side.images_per_identity for side in sides]
    k1 = max(2, sum(sizes))
    k2 = max(2, round(K2_SHARE * 2 * sizes[0] * sizes[1] / sum(sizes)))
    return AutoParams(k1, k2, CAMERA_WEIGHT, *sides)
