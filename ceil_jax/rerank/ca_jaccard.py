"""Camera-aware k-reciprocal re-ranking."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ceil_jax.common import checks, features
from ceil_jax.common.features import Normalise
from ceil_jax.rerank.camera_lists import CameraLists, by_camera
from ceil_jax.rerank.k_reciprocal import check_weights, mixed, spans


def ca_jaccard(
    query: checks.Rows,
    gallery: checks.Rows,
    query_cameras: checks.Rows,
    gallery_cameras: checks.Rows,
    *,
    k1_intra: int = 5,
    k1_inter: int = 20,
    k2_intra: int = 3,
    k2_inter: int = 3,
    lambda_value: float = 0.3,
    normalise: Normalise = None,
) -> np.ndarray:
    """Negative k-reciprocal distances on neighbours found camera by camera.

    Over all N = Q + G rows, `I(i, k)` are the k nearest rows of i's own camera, i
    first, and `O(i, k)` the k nearest of all other cameras. The neighbourhood of i is
    `R(i) = {j in I(i, k1_intra + 1) : i in I(j, k1_intra + 1)}` together with
    `{j in O(i, k1_inter + 1) : i in O(j, k1_inter + 1)}`. `V[i, :]` is
    `exp(-d[i, :])` over R(i), with d as in `k_reciprocal`, divided by its sum, then
    averaged over `I(i, k2_intra)` and `O(i, k2_inter)` together; with
    `m = sum_l min(V[q, l], V[g, l])` the result is
    `-((1 - lambda) (1 - m / (2 - m)) + lambda d[q, g])`.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        query_cameras: (Q,) whole numbers or text.
        gallery_cameras: (G,) likewise.
        k1_intra: Neighbours within a camera, besides the row itself.
        k1_inter: Neighbours of other cameras, and one more: so the authors count.
        k2_intra: Rows within the camera whose encodings are averaged, the row itself
            included.
        k2_inter: Rows of other cameras whose encodings are averaged.
        lambda_value: Share of the original distance, in [0, 1].
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        (Q, G) float32, higher is better.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape, or
            there are no cameras.

    References:
        Chen et al., "CA-Jaccard: Camera-aware Jaccard Distance for Person
        Re-identification", CVPR 2024: camera-aware reciprocal neighbours and query
        expansion, with the numbers that the authors' program re-ranks with. It squares
        distances that have been squared; here d is squared once, as in `k_reciprocal`.
    """
    k1_intra, k1_inter = checks.at_least(1, k1_intra=k1_intra, k1_inter=k1_inter)
    k2_intra, k2_inter = checks.at_least(1, k2_intra=k2_intra, k2_inter=k2_inter)
    lambda_value = checks.number("lambda_value", lambda_value)
    if not 0 <= lambda_value <= 1:
        raise ValueError(f"{lambda_value=} must be in [0, 1]")
    rows, num_queries, num_gallery = features.pair(query, gallery, normalise=normalise)
    cameras = checks.camera_pair(
        query_cameras, gallery_cameras, num_queries, num_gallery
    )
    if cameras is None:
        raise ValueError("query_cameras=None: ca_jaccard needs the cameras of both")
    found = _searched(
        rows,
        cameras,
        num_queries,
        same=max(k1_intra + 1, k2_intra),
        other=max(k1_inter + 1, k2_inter),
    )
    encoding = _unit_sums(
        _encoding(found.intra, k1_intra + 1, found.largest)
        + _encoding(found.inter, k1_inter + 1, found.largest)
    )
    check_weights(encoding.data)
    average = _unit_sums(_ones(found.intra, k2_intra) + _ones(found.inter, k2_inter))
    expanded = sparse.csr_array(average @ encoding)
    return mixed(expanded, found.original, lambda_value)


class _Found(NamedTuple):
    """What is made of the products of all rows.

    Attributes:
        intra: Lists within each row's camera.
        inter: Lists of all other cameras.
        largest: (N,) float32, what each row's distances are divided by.
        original: (Q, G) float32 distances.
    """

    intra: CameraLists
    inter: CameraLists
    largest: np.ndarray
    original: np.ndarray


def _searched(
    rows: np.ndarray, cameras: np.ndarray, num_queries: int, *, same: int, other: int
) -> _Found:
    smallest = np.empty(len(rows), np.float32)
    original = np.empty((num_queries, len(rows) - num_queries), np.float32)

    def keep(block: slice, products: np.ndarray) -> None:
        smallest[block] = products.min(axis=1)
        queries = original[block]
        queries[:] = products[: len(queries), num_queries:]

    intra, inter = by_camera(rows, cameras, same=same, other=other, keep=keep)
    largest = spans(smallest)
    original *= -2
    original += 2
    original /= largest[:num_queries, None]
    return _Found(intra, inter, largest, original)


def _ones(lists: CameraLists, k: int) -> sparse.csr_array:
    return lists.matrix(np.ones(len(lists.rows)), k=k)


def _encoding(lists: CameraLists, k: int, largest: np.ndarray) -> sparse.csr_array:
    """`exp(-d)` where two rows are on each other's list."""
    distances = (2 - 2 * lists.similarities.astype(np.float64)) / largest[lists.rows]
    with np.errstate(over="ignore"):
        weights = lists.matrix(np.exp(-distances), k=k)
    return sparse.csr_array(weights.multiply(_ones(lists, k).T))


def _unit_sums(matrix: sparse.csr_array) -> sparse.csr_array:
    """Every row, of which none is empty, divided by its sum."""
    matrix = sparse.csr_array(matrix)
    sums = np.add.reduceat(matrix.data, matrix.indptr[:-1])
    with np.errstate(invalid="ignore"):
        data = matrix.data / np.repeat(sums, np.diff(matrix.indptr))
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
