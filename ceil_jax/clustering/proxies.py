"""Clusters, camera proxies, and the images that are kept."""

from typing import NamedTuple

import numpy as np

from ceil_jax.clustering.dbscan import dbscan
from ceil_jax.clustering.jaccard import from_neighbours
from ceil_jax.common import checks
from ceil_jax.common import features as feature_rows
from ceil_jax.common.features import Normalise
from ceil_jax.neighbours.search import of_rows


class Clustering(NamedTuple):
    """Pseudo-labels of the images of one modality.

    Attributes:
        labels: (N,) int32 cluster of each image, -1 for an outlier.
        proxies: (N,) int32 camera proxy of each image, -1 for an outlier.
    """

    labels: np.ndarray
    proxies: np.ndarray


class ProxyTables(NamedTuple):
    """Which proxy belongs to which cluster and camera.

    Attributes:
        cluster_proxies: (C, M) int32 proxy of each cluster in each camera, -1 if none.
        proxy_cameras: (P,) int32 camera of each proxy, as a place in `cameras`.
        proxy_clusters: (P,) int32 cluster of each proxy.
        cameras: (M,) int64 the cameras' own numbers, ascending.
    """

    cluster_proxies: np.ndarray
    proxy_cameras: np.ndarray
    proxy_clusters: np.ndarray
    cameras: np.ndarray


def cluster(
    features: checks.Rows,
    cameras: checks.Rows | None = None,
    *,
    k1: int,
    k2: int,
    eps: float = 0.6,
    min_samples: int = 4,
    normalise: Normalise = None,
) -> Clustering:
    """Cluster the images of one modality and split the clusters by camera.

    DBSCAN on the k-reciprocal Jaccard distance; every (cluster, camera) pair is one
    proxy, numbered by cluster and then by camera number.

    Args:
        features: (N, d) unit rows.
        cameras: (N,) camera of each image, whole numbers or text; only which ones are
            equal, and their order, matter. None: all images are of one camera.
        k1: Length of the neighbour lists of the distance; cut to N.
        k2: Neighbours whose encodings the distance averages; cut to k1.
        eps: Largest distance between neighbours, between 0 and 1.
        min_samples: Neighbours, itself included, that make an image a core one.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        The labels before small proxies are dropped; all -1 if no cluster is found.

    Raises:
        ValueError: An argument is out of its range or of the wrong shape.

    References:
        Xia et al., TCSVT 2025; CEIL `code/tools/utils/train_utils.py`, `get_proxy`.
        Only the pairs within `eps` are kept of the distance.
    """
    k1, k2, min_samples = checks.at_least(1, k1=k1, k2=k2, min_samples=min_samples)
    eps = checks.number("eps", eps)
    if not 0 < eps < 1:
        raise ValueError(f"{eps=} must be between 0 and 1, the largest distance")
    rows = feature_rows.rows("features", features, normalise=normalise)
    camera_of = np.zeros(len(rows), np.int64)
    if cameras is not None:
        (camera_of,) = checks.codes(cameras=(cameras, len(rows)))
    near = from_neighbours(rows, of_rows(rows, k=k1), k1=k1, k2=k2, largest=eps)
    labels = dbscan(near, min_samples=min_samples)
    return Clustering(labels, split_by_camera(labels, camera_of))


def split_by_camera(labels: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """Number the (cluster, camera) pairs by cluster, then by camera.

    Args:
        labels: (N,) cluster of each image, -1 for an outlier.
        cameras: (N,) camera of each image.

    Returns:
        (N,) int32 proxy of each image, -1 for an outlier.
    """
    proxies = np.full(len(labels), -1, np.int32)
    kept = labels >= 0
    pairs = np.stack([labels[kept], cameras[kept]], axis=1)
    _, inverse = np.unique(pairs, axis=0, return_inverse=True)
    proxies[kept] = inverse.reshape(-1)
    return proxies


def drop_small(clustering: Clustering) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Drop outliers and images alone in their proxy, then number densely.

    Args:
        clustering: Labels and proxies of N images.

    Returns:
        `keep` (N,) bool, True for the n images kept; their clusters (n,) int32 and
        their proxies (n,) int32, each numbered from 0 without gaps in the old order.

    Raises:
        ValueError: Labels and proxies are of different lengths, not whole numbers, or
            below -1.

    References:
        CEIL `code/tools/utils/train_utils.py`, `mask_outlier` and `rename`.
    """
    try:
        given, proxies = clustering
    except (TypeError, ValueError):
        shown = checks.shown(clustering)
        raise ValueError(f"clustering={shown} must be labels and proxies") from None
    name = "clustering.labels"
    length = checks.array(name, given).size
    labels = checks.labels(name, given, length, minimum=-1)
    proxies = checks.labels("clustering.proxies", proxies, length, minimum=-1)
    keep = (labels >= 0) & (proxies >= 0)
    _, which = np.unique(proxies, return_inverse=True)  # numbers may have gaps
    keep &= np.bincount(which[keep], minlength=length)[which] > 1
    _, new_labels = np.unique(labels[keep], return_inverse=True)
    _, new_proxies = np.unique(proxies[keep], return_inverse=True)
    return keep, new_labels.astype(np.int32), new_proxies.astype(np.int32)


def proxy_tables(
    labels: checks.Rows, proxies: checks.Rows, cameras: checks.Rows
) -> ProxyTables:
    """Tables of the proxies of the kept images.

    Args:
        labels: (n,) cluster of each image, dense from 0.
        proxies: (n,) proxy of each image, dense from 0.
        cameras: (n,) camera of each image.

    Returns:
        The tables; M counts only cameras that occur.

    Raises:
        ValueError: Lengths differ, no image is given, or the labels or proxies are not
            numbered from 0 without gaps.

    References:
        CEIL `code/tools/utils/train_utils.py`, `creat_dic`, whose tables have a place
        for every camera number up to the largest.
    """
    num_images = checks.array("labels", labels).size
    checks.at_least(1, num_images=num_images)
    label_of = checks.labels("labels", labels, num_images)
    proxy_of = checks.labels("proxies", proxies, num_images)
    camera_of = checks.labels("cameras", cameras, num_images)
    if min(label_of.min(), proxy_of.min()) < 0:
        raise ValueError("labels and proxies must not be negative: drop outliers first")
    for name, numbers in (("labels", label_of), ("proxies", proxy_of)):
        if numbers.max() >= num_images or np.bincount(numbers).min() == 0:
            raise ValueError(
                f"{name}: {numbers.max()} must be the last of numbers from 0 without "
                "gaps, as drop_small gives them"
            )
    own, place = np.unique(camera_of, return_inverse=True)
    _, first = np.unique(proxy_of, return_index=True)
    proxy_clusters, proxy_cameras = label_of[first], place.reshape(-1)[first]
    cluster_proxies = np.full((label_of.max() + 1, len(own)), -1, np.int32)
    cluster_proxies[proxy_clusters, proxy_cameras] = np.arange(len(first))
    return ProxyTables(
        cluster_proxies,
        proxy_cameras.astype(np.int32),
        proxy_clusters.astype(np.int32),
        own,
    )
