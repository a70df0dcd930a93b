"""Memories, tables and labels of both modalities, as an epoch would find them."""

import numpy as np

from ceil_jax.training.state import BothTables, Memories, Memory, RowLabels, Tables
from tests.ceil_jax import naive_losses

B, D, PADDING = 6, 5, 2
# Proxy of each cluster in each camera, visible and infrared.
CLUSTER_PROXIES = (
    np.array([[0, 1, -1], [-1, 2, 3], [4, 5, 6]]),
    np.array([[0, 1], [2, -1], [-1, 3], [4, 5]]),
)


def pad(values, fill):
    wide = ((0, PADDING),) + ((0, 0),) * (values.ndim - 1)
    return np.pad(values, wide, constant_values=fill).astype(np.int32)


def one_modality(rng, own, other):
    """Memory, tables and labels of a modality; each level's matching is drawn."""
    clusters, cameras = np.nonzero(own >= 0)
    num_proxies, num_clusters = len(clusters), len(own)
    across_proxies = rng.integers(other.max() + 1, size=num_proxies)
    across_clusters = rng.integers(len(other), size=num_clusters)
    tables = Tables(
        pad(own, -1),
        pad(cameras, -1),
        pad(clusters, 0),
        np.int32(num_clusters),
        pad(across_proxies, 0),
        pad(across_clusters, 0),
    )
    rows = [
        np.concatenate(
            [naive_losses.unit(rng.normal(size=(n, D))), np.zeros((PADDING, D))]
        ).astype(np.float32)
        for n in (num_proxies, num_clusters)
    ]
    proxies = rng.integers(num_proxies, size=B).astype(np.int32)
    labels = RowLabels(proxies, clusters[proxies].astype(np.int32))
    return Memory(*rows), tables, labels


def draw(seed):
    """Raw embeddings of both modalities, memories, tables, and labels of the rows."""
    rng = np.random.default_rng(seed)
    raw = tuple(rng.normal(size=(B, D)).astype(np.float32) for _ in range(2))
    visible, infrared = CLUSTER_PROXIES
    sides = [one_modality(rng, visible, infrared), one_modality(rng, infrared, visible)]
    memories, tables, labels = zip(*sides, strict=True)
    return raw, Memories(*memories), BothTables(*tables), labels
