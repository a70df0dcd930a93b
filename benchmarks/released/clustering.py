"""Clustering as released: loops over images, dense N x N matrices."""

import numpy as np
from sklearn.cluster import DBSCAN


def _reciprocal(rank: np.ndarray, row: int, length: int) -> np.ndarray:
    """The images on the list of one that have it on theirs."""
    listed = rank[row, :length]
    back = rank[listed, :length]
    return listed[np.where(back == row)[0]]


def neighbourhood(
    rank: np.ndarray, row: int, length: int, half_length: int
) -> np.ndarray:
    """The expanded k-reciprocal neighbourhood of one image.

    Args:
        rank: (N, >= length) neighbour lists, the image itself first.
        row: The image.
        length: Entries of its list that count.
        half_length: Entries of the lists of its neighbours that count.

    Returns:
        Image numbers, ascending.
    """
    own = _reciprocal(rank, row, length)
    found = own
    for candidate in own:
        other = _reciprocal(rank, candidate, half_length)
        if len(np.intersect1d(other, own)) > 2 / 3 * len(other):
            found = np.append(found, other)
    return np.unique(found)


def expansion(encoding: np.ndarray, rank: np.ndarray, k2: int) -> np.ndarray:
    """Mean encoding of the first k2 neighbours, image by image.

    Args:
        encoding: (N, N).
        rank: (N, >= k2) neighbour lists.
        k2: Neighbours that are averaged.

    Returns:
        (N, N); `encoding` itself where k2 is 1.
    """
    if k2 == 1:
        return encoding
    mean = np.zeros_like(encoding)
    for row in range(len(rank)):
        mean[row] = encoding[rank[row, :k2]].mean(axis=0)
    return mean


def jaccard(encoding: np.ndarray, num_rows: int) -> np.ndarray:
    """Jaccard distance of encodings: for each image, a loop over its entries.

    Args:
        encoding: (N, N) encodings.
        num_rows: First rows whose distances to all others are wanted.

    Returns:
        (num_rows, N) float32.
    """
    holders = [np.where(column != 0)[0] for column in encoding.T]
    distance = np.zeros((num_rows, len(encoding)), np.float32)
    for row in range(num_rows):
        shared = np.zeros(len(encoding), np.float32)
        for column in np.where(encoding[row] != 0)[0]:
            rows = holders[column]
            shared[rows] += np.minimum(encoding[row, column], encoding[rows, column])
        distance[row] = 1 - shared / (2 - shared)
    return distance


def jaccard_distance(
    features: np.ndarray, rank: np.ndarray, *, k1: int, k2: int
) -> np.ndarray:
    """The k-reciprocal Jaccard distance of all images, from given neighbour lists.

    Args:
        features: (N, d) float32 unit rows.
        rank: (N, k1) neighbour lists, the image itself first.
        k1: Entries of the lists.
        k2: Neighbours whose encodings are averaged.

    Returns:
        (N, N) float32.
    """
    num_rows = len(features)
    half_length = int(np.around(k1 / 2)) + 1
    encoding = np.zeros((num_rows, num_rows), np.float32)
    for row in range(num_rows):
        near = neighbourhood(rank, row, k1, half_length)
        weights = np.exp(-(2 - 2 * features[row] @ features[near].T))
        encoding[row, near] = weights / weights.sum()
    encoding = expansion(encoding, rank, k2)
    return np.maximum(jaccard(encoding, num_rows), 0)


def labels(
    features: np.ndarray,
    rank: np.ndarray,
    *,
    k1: int,
    k2: int,
    eps: float = 0.6,
    min_samples: int = 4,
) -> np.ndarray:
    """Clusters by DBSCAN on the dense distance.

    Args:
        features: (N, d) float32 unit rows.
        rank: (N, k1) neighbour lists, the image itself first.
        k1: Entries of the lists.
        k2: Neighbours whose encodings are averaged.
        eps: Largest distance between neighbours.
        min_samples: Neighbours of a core image, itself included.

    Returns:
        (N,) labels, -1 for an outlier.
    """
    distance = jaccard_distance(features, rank, k1=k1, k2=k2)
    dbscan = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed", n_jobs=-1)
    return dbscan.fit_predict(distance)
