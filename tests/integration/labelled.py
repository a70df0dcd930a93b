"""Generated people whose identities stand for the pseudo-labels of an epoch."""

import functools
from typing import Any

import numpy as np

from ceil_jax import clustering, pseudo_labels
from ceil_jax.clustering.proxies import split_by_camera
from ceil_jax.fit import Side
from ceil_jax.inputs.imageset import ArraySource, ImageSet
from ceil_jax.pseudo_labels import PseudoLabels
from ceil_jax.state import BothTables, Memories
from data.synthetic import generator
from data.synthetic.parameters import Parameters

SIZE = (64, 32)
# The shipped encoder's.
SHAPE: dict[str, Any] = {"stage_sizes": (1, 1, 1, 1), "width": 16}
NUM_FEATURES = 512


@functools.cache
def sides() -> tuple[Side, Side]:
    """Images of eight people by four visible and two infrared cameras, four each."""
    made = Parameters(num_train_identities=8, images_per_infrared_camera=4)
    batches = [*generator.generate(made, "train")]
    visible, infrared = (
        _side([batch for batch in batches if batch.infrared == wanted])
        for wanted in (False, True)
    )
    return visible, infrared


def _side(batches: list[generator.Batch]) -> Side:
    counts = [len(batch.images) for batch in batches]
    clusters = np.repeat(np.arange(len(batches)), counts).astype(np.int32)
    cameras = np.concatenate([batch.cameras for batch in batches])
    images = ImageSet(
        ArraySource(np.concatenate([batch.images for batch in batches])),
        clusters,
        cameras,
        np.array([f"{i:04d}" for i in range(len(clusters))]),
    )
    proxies = split_by_camera(clusters, cameras)
    tables = clustering.proxy_tables(clusters, proxies, cameras)
    kept = np.arange(len(clusters))
    return Side(images, PseudoLabels(kept, clusters, proxies, tables, len(kept)))


def unit_rows(rng: np.random.Generator, num_rows: int) -> np.ndarray:
    """Random embeddings."""
    rows = rng.normal(size=(num_rows, NUM_FEATURES))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def start(
    stage: int, features: tuple[np.ndarray, np.ndarray]
) -> tuple[Memories, BothTables]:
    """Memories and tables at the start of an epoch.

    Args:
        stage: 1 or 2, where the modalities are matched.
        features: Unit rows of the visible and of the infrared images.
    """
    labels = sides()[0].labels, sides()[1].labels
    visible, infrared = (pseudo_labels.capacity(side.images) for side in sides())
    memories = Memories(
        pseudo_labels.initial_memory(features[0], labels[0], visible),
        pseudo_labels.initial_memory(features[1], labels[1], infrared),
    )
    across = None
    if stage == 2:
        across = pseudo_labels.match_across(memories, labels, k1=5, k2=3)
    return memories, pseudo_labels.both_tables(labels, (visible, infrared), across)
