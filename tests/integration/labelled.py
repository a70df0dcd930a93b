"""Generated people whose identities are an epoch's pseudo-labels; its step."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ceil_jax import clustering, weights
from ceil_jax.clustering.proxies import split_by_camera
from ceil_jax.common import parallel
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.datasets.synthetic import generator
from ceil_jax.datasets.synthetic.parameters import Parameters
from ceil_jax.encoder import Encoder
from ceil_jax.pretrained import SYNTHETIC
from ceil_jax.training import optim, pseudo_labels, steps
from ceil_jax.training.fit import Side
from ceil_jax.training.objective import Objective
from ceil_jax.training.pseudo_labels import PseudoLabels
from ceil_jax.training.state import BothTables, Memories, TrainState

SIZE = (64, 32)
# The shipped encoder's.
SHAPE: dict[str, Any] = {"stage_sizes": (1, 1, 1, 1), "width": 16}
NUM_FEATURES = 512
SEED, PAD = 3, 4


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
    visible, infrared = (pseudo_labels.capacity(*side) for side in sides())
    memories = Memories(
        pseudo_labels.initial_memory(features[0], labels[0], visible),
        pseudo_labels.initial_memory(features[1], labels[1], infrared),
    )
    across = None
    if stage == 2:
        across = pseudo_labels.match_across(memories, labels, k1=5, k2=3)
    return memories, pseudo_labels.both_tables(labels, (visible, infrared), across)


def optimizer() -> optax.GradientTransformation:
    """Training's, with the gradient that it was given at the front of its state."""
    keep = optax.GradientTransformation(
        lambda params: jax.tree.map(jnp.zeros_like, params),
        lambda updates, state, params=None: (updates, updates),
    )
    return optax.chain(keep, optim.adam())


def make_step(stage: int, num_devices: int) -> Callable[..., Any]:
    """The whole step of a stage, from 8-bit images, over some devices."""
    return steps.train_step_over(
        jax.devices()[:num_devices],
        encoder=Encoder(**SHAPE, axis_name=parallel.AXIS_NAME),
        optimizer=optimizer(),
        constants=Objective(num_negatives=3),
        stage=stage,
        seed=SEED,
        pad=PAD,
        strong_view_from="weak",
    )


def initial_state() -> TrainState:
    """The shipped weights, never trained on."""
    return steps.init_state(
        Encoder(**SHAPE),
        optimizer(),
        SIZE,
        seed=SEED,
        variables=weights.load(SYNTHETIC),
    )
