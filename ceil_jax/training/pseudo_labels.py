"""What an epoch knows of the training images: clusters, proxies, tables, memories."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from ceil_jax import clustering, memory
from ceil_jax.common.errors import UserError
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.training import matching
from ceil_jax.training.state import BothTables, Memories, Memory, Tables


class PseudoLabels(NamedTuple):
    """The kept images of one modality, and their clusters and proxies.

    Attributes:
        kept: Positions of the n kept images in the training set.
        clusters: Cluster of each, dense from 0, (n,) int32.
        proxies: Proxy of each, dense from 0, (n,) int32.
        tables: Which proxy belongs to which cluster and camera.
        num_images: Images before any was dropped.
    """

    kept: np.ndarray
    clusters: np.ndarray
    proxies: np.ndarray
    tables: clustering.ProxyTables
    num_images: int

    @property
    def num_clusters(self) -> int:
        """Number of clusters."""
        return len(self.tables.cluster_proxies)

    @property
    def num_proxies(self) -> int:
        """Number of proxies."""
        return len(self.tables.proxy_cameras)

    def counts(self) -> dict[str, int]:
        """The numbers that a log shows."""
        return {
            "clusters": self.num_clusters,
            "proxies": self.num_proxies,
            "kept": len(self.kept),
            "images": self.num_images,
        }


def find(
    features: np.ndarray,
    images: ImageSet,
    modality: str,
    *,
    k1: int,
    k2: int,
    eps: float,
    min_samples: int,
) -> PseudoLabels:
    """Cluster one modality and drop what cannot be trained on.

    Args:
        features: Unit rows, one per image.
        images: The training images; their cameras are used, their identities are not.
        modality: For the message.
        k1: Neighbours of the Jaccard distance.
        k2: Neighbours that its encodings are averaged over.
        eps: Radius of DBSCAN.
        min_samples: Neighbours of a core image.

    Returns:
        The labels of the kept images.

    Raises:
        UserError: Fewer than two clusters were found; says what to change.
    """
    found = clustering.cluster(
        features,
        images.cameras,
        k1=k1,
        k2=k2,
        eps=eps,
        min_samples=min_samples,
        normalise=False,
    )
    keep, clusters, proxies = clustering.drop_small(found)
    num_clusters = len(np.unique(clusters))
    if num_clusters < 2:
        # With one cluster every loss is 0: nothing would be learnt, without a word.
        raise UserError(
            f"{num_clusters or 'no'} cluster among {len(images)} {modality} images, "
            "training needs two: raise "
            f"config.clustering.eps (now {eps}), lower config.clustering.min_samples "
            f"(now {min_samples}), or set config.clustering.k1 (now {k1}) to somewhat "
            "less than the images of one person in one modality"
        )
    kept = np.flatnonzero(keep)
    tables = clustering.proxy_tables(clusters, proxies, images.cameras[kept])
    return PseudoLabels(kept, clusters, proxies, tables, len(images))


def stand_in(images: ImageSet) -> PseudoLabels | None:
    """Labels of the right types and of hardly any size, to compile with.

    Args:
        images: Training images of one modality.

    Returns:
        The first image twice, as one cluster; None where there is no image.
    """
    if not len(images):
        return None
    kept, label = np.zeros(2, np.int64), np.zeros(2, np.int32)
    tables = clustering.proxy_tables(label, label, images.cameras[kept])
    return PseudoLabels(kept, label, label, tables, len(images))


LEAST_ROWS = 2048
"""Memories are padded to so many rows at least, or to as many as can be needed."""


class Capacity(NamedTuple):
    """Sizes that one modality's tables and memories are padded to.

    The numbers of clusters and proxies change every epoch: padded to a power of two,
    they rarely need a new compilation, and a large set's steps do not compute with
    rows that it never has.

    Attributes:
        rows: Proxies, and clusters, that there is room for.
        cameras: All cameras of the training images.
    """

    rows: int
    cameras: np.ndarray


def capacity(images: ImageSet, labels: PseudoLabels) -> Capacity:
    """The sizes for an epoch.

    A function of the epoch's numbers alone, so that a resumed training takes the same.

    Args:
        images: Training images of one modality.
        labels: Its pseudo-labels. Every kept proxy, and so every cluster, has at least
            two images.

    Returns:
        The sizes.
    """
    most = max(len(images) // 2, 1)
    rows = max(LEAST_ROWS, 1 << (labels.num_proxies - 1).bit_length())
    return Capacity(min(rows, most), np.unique(images.cameras))


def capacities(
    images: tuple[ImageSet, ImageSet],
    labels: tuple[PseudoLabels | None, PseudoLabels | None],
) -> tuple[Capacity | None, Capacity | None]:
    """The sizes of both modalities for an epoch.

    Args:
        images: Visible and infrared training images.
        labels: Their pseudo-labels; None for a modality that is not there.

    Returns:
        The sizes; None for a modality that is not there.
    """
    visible, infrared = (
        None if label is None else capacity(of_label, label)
        for of_label, label in zip(images, labels, strict=True)
    )
    return visible, infrared


def _pad(values: np.ndarray, rows: int, fill: int) -> np.ndarray:
    wide = ((0, rows - len(values)),) + ((0, 0),) * (values.ndim - 1)
    return np.pad(values, wide, constant_values=fill).astype(np.int32)


def padded_tables(
    labels: PseudoLabels,
    sizes: Capacity,
    across: tuple[np.ndarray, np.ndarray] | None = None,
) -> Tables:
    """One modality's tables in fixed sizes.

    Args:
        labels: The modality's pseudo-labels.
        sizes: What to pad to.
        across: Partner of each proxy and of each cluster in the other modality.

    Returns:
        Tables of NumPy arrays.
    """
    tables = labels.tables
    # Cameras that lost all their images this epoch keep their (empty) column.
    column = np.searchsorted(sizes.cameras, tables.cameras)
    proxies = np.full((labels.num_clusters, len(sizes.cameras)), -1, np.int32)
    proxies[:, column] = tables.cluster_proxies
    proxy_partner, cluster_partner = across or (np.zeros(0, int), np.zeros(0, int))
    return Tables(
        _pad(proxies, sizes.rows, -1),
        _pad(column[tables.proxy_cameras], sizes.rows, -1),
        _pad(tables.proxy_clusters, sizes.rows, 0),
        np.asarray(labels.num_clusters, np.int32),
        _pad(proxy_partner, sizes.rows, 0),
        _pad(cluster_partner, sizes.rows, 0),
    )


@jax.jit(static_argnames="num_rows")
def _centers(features: Any, labels: Any, *, num_rows: int) -> jax.Array:
    return memory.centers(features, labels, num_rows=num_rows)


def initial_memory(
    features: np.ndarray, labels: PseudoLabels, sizes: Capacity
) -> Memory:
    """One modality's memory at the start of an epoch.

    Args:
        features: Unit rows of all training images, kept or not: their number is fixed.
        labels: The modality's pseudo-labels.
        sizes: What to pad to.

    Returns:
        The memory, on the host.
    """

    def rows(of_kept: np.ndarray) -> np.ndarray:
        everyone = np.full(len(features), -1, np.int32)
        everyone[labels.kept] = of_kept
        return np.asarray(_centers(features, everyone, num_rows=sizes.rows))

    return Memory(rows(labels.proxies), rows(labels.clusters))


def initial_memories(
    features: Sequence[np.ndarray | None],
    labels: Sequence[PseudoLabels | None],
    sizes: Sequence[Capacity | None],
) -> Memories:
    """Both modalities' memories at the start of an epoch, see `initial_memory`.

    Args:
        features: Unit rows by modality; None for one that is not there.
        labels: Pseudo-labels, likewise.
        sizes: What to pad to, likewise.

    Returns:
        The memories, on the host.
    """
    visible, infrared = (
        None
        if rows is None or side is None or size is None
        else initial_memory(rows, side, size)
        for rows, side, size in zip(features, labels, sizes, strict=True)
    )
    return Memories(visible, infrared)


def match_across(
    memories: Memories, labels: tuple[PseudoLabels, PseudoLabels], *, k1: int, k2: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Match proxies, and by themselves clusters, across the modalities (PCM).

    Args:
        memories: The memories at the start of the epoch.
        labels: Pseudo-labels of the visible and of the infrared images.
        k1: Neighbours linked by the graph that scores pairs.
        k2: Neighbours propagated from.

    Returns:
        For each modality, visible first: partners of its proxies and of its clusters.

    Raises:
        ValueError: A modality is not there.
    """
    (v, i), (visible, infrared) = labels, memories
    if visible is None or infrared is None:
        raise ValueError("matching needs the memories of both modalities")
    proxies = matching.match(
        visible.proxies[: v.num_proxies],
        infrared.proxies[: i.num_proxies],
        k1=k1,
        k2=k2,
    )
    clusters = matching.match(
        visible.clusters[: v.num_clusters],
        infrared.clusters[: i.num_clusters],
        k1=k1,
        k2=k2,
    )
    return list(zip(proxies, clusters, strict=True))


def share_of_right_matches(
    labels: tuple[PseudoLabels, PseudoLabels],
    identities: tuple[np.ndarray, np.ndarray],
    partners: np.ndarray,
) -> float | None:
    """Share of visible proxies matched to an infrared one of the same person.

    For diagnosis only, where identities are known: training never reads them.

    Args:
        labels: Pseudo-labels of the visible and of the infrared images.
        identities: Identities of all training images of each modality; -1 is unknown.
        partners: Infrared partner of each visible proxy.

    Returns:
        The share, by the commonest identity of each proxy; None without identities.
    """
    if any((identity < 0).any() for identity in identities):
        return None
    commonest = []
    for label, identity in zip(labels, identities, strict=True):
        of_kept = identity[label.kept]
        counts = np.zeros((label.num_proxies, of_kept.max() + 1), np.int32)
        np.add.at(counts, (label.proxies, of_kept), 1)
        commonest.append(counts.argmax(1))
    visible, infrared = commonest
    return float((visible == infrared[partners]).mean())


def both_tables(
    labels: tuple[PseudoLabels | None, PseudoLabels | None],
    sizes: tuple[Capacity | None, Capacity | None],
    across: list[tuple[np.ndarray, np.ndarray]] | None,
) -> BothTables:
    """The padded tables of both modalities.

    Args:
        labels: Pseudo-labels of the visible and of the infrared images; None for a
            modality that is not there.
        sizes: What to pad to; None likewise.
        across: Partners, from `match_across`; None in stage 1.

    Returns:
        The tables.
    """
    partners = across or [None, None]
    return BothTables(
        *(
            None
            if label is None or size is None
            else padded_tables(label, size, partner)
            for label, size, partner in zip(labels, sizes, partners, strict=True)
        )
    )
