"""Sheets of clusters of images that nobody has labelled."""

from collections.abc import Iterator, Sequence

import numpy as np

from ceil_jax.report.contents import Sheet

MOST_SHEETS = 24
_SHOWN = 16  # images of a sheet, half of them the least typical ones
_NEARLY = 0.9


def of_clusters(
    modality: str,
    features: np.ndarray,
    clusters: np.ndarray,
    cameras: np.ndarray,
    names: np.ndarray,
) -> Iterator[Sheet]:
    """A sheet for each cluster of a modality.

    An image is the more typical of its cluster the more like it is to its centre, the
    mean of its images' unit rows. It is borderline where it is at least 0.9 times as
    like to another centre.

    Args:
        modality: "visible" or "infrared".
        features: Unit rows, (n, d).
        clusters: The cluster of each, dense from 0; -1 for none, (n,).
        cameras: (n,).
        names: Paths relative to the data folder, (n,).

    Yields:
        The sheets, in the order of the clusters.
    """
    number = int(clusters.max(initial=-1)) + 1
    if not number:
        return
    inside = np.flatnonzero(clusters >= 0)
    centres = np.zeros((number, features.shape[1]))
    np.add.at(centres, clusters[inside], features[inside])
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    for cluster in range(number):
        members = np.flatnonzero(clusters == cluster)
        likeness = features[members] @ centres.T
        own = likeness[:, cluster].copy()
        likeness[:, cluster] = -np.inf
        borderline = likeness.max(axis=1) >= _NEARLY * own
        order = np.argsort(-own, kind="stable")
        shown = order
        if len(order) > _SHOWN:
            half = _SHOWN // 2
            shown = np.concatenate([order[:half], order[-half:]])
        yield Sheet(
            modality,
            cluster,
            len(members),
            np.unique(cameras[members]),
            np.asarray(names)[members[shown]],
            np.asarray(cameras)[members[shown]],
            borderline[shown],
            int(borderline.sum()),
        )


def most_doubtful(found: Sequence[Sheet]) -> tuple[Sheet, ...]:
    """The sheets that are worth a look.

    Args:
        found: All of them.

    Returns:
        At most `MOST_SHEETS`, by the share of borderline images, then by size.
    """
    order = sorted(
        found, key=lambda each: (-each.num_borderline / each.size, -each.size)
    )
    return tuple(order[:MOST_SHEETS])
