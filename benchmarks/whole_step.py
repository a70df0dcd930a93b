"""A whole training step on random images, as the program builds it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks import stage_step
from benchmarks.train_work import RATE, SIZES, Size, leave_gradients_to_jax
from ceil_jax import clustering
from ceil_jax.clustering.proxies import split_by_camera
from ceil_jax.common import parallel
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.encoder import Encoder
from ceil_jax.experiment import compilation
from ceil_jax.training import fit, pseudo_labels
from ceil_jax.training.objective import Objective
from ceil_jax.training.pseudo_labels import PseudoLabels
from ceil_jax.training.state import Memories

NUM_CLUSTERS, NUM_CAMERAS, IMAGES_PER_PROXY = 8, 2, 4


class Compilation(NamedTuple):
    """What it took until the first step was done, in a process of its own.

    Attributes:
        seconds: Of the compiler, or of reading from the cache.
        programs: Compiled, or read.
    """

    seconds: float
    programs: int


def _side(size: Size, seed: int) -> fit.Side:
    """Random images in clusters, a few by each camera."""
    counts = (NUM_CLUSTERS, NUM_CAMERAS, IMAGES_PER_PROXY)
    clusters, cameras, _ = (grid.ravel() for grid in np.indices(counts))
    num_images = len(clusters)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (num_images, *size.image, 3), dtype=np.uint8)
    clusters, cameras = clusters.astype(np.int32), cameras.astype(np.int32) + 1
    names = np.array([f"{i:04d}" for i in range(num_images)])
    images = ImageSet(ArraySource(pixels), clusters, cameras, names)
    proxies = split_by_camera(clusters, cameras)
    tables = clustering.proxy_tables(clusters, proxies, cameras)
    kept = np.arange(num_images)
    return fit.Side(images, PseudoLabels(kept, clusters, proxies, tables, num_images))


def whole_step(size: Size, *, derived: bool = False) -> Callable[[], Any]:
    """Stage 1 from 8-bit images: augmentation, losses, backward, Adam, the memories.

    Args:
        size: Encoder and batch.
        derived: Leave the gradients to JAX instead of writing them out.

    Returns:
        What takes one step and waits for it.
    """
    if derived:
        leave_gradients_to_jax()
    visible, infrared = _side(size, 1), _side(size, 2)
    sizes = (
        pseudo_labels.capacity(*visible),
        pseudo_labels.capacity(*infrared),
    )
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(len(visible.images), 32 * size.width)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = visible.labels, infrared.labels
    memories = Memories(
        *(
            pseudo_labels.initial_memory(rows, *each)
            for each in zip(labels, sizes, strict=True)
        )
    )
    tables = pseudo_labels.both_tables(labels, sizes, None)
    step = stage_step.ready(
        Encoder(size.stages, size.width, axis_name=parallel.AXIS_NAME),
        size.image,
        memories,
        tables,
        constants=Objective(),
        stage=1,
    )
    [batch] = fit.batches(
        visible,
        infrared,
        visible_rows=size.rows // 4,
        images_per_proxy=2,
        num_steps=1,
        seed=(1, 1),
    )
    rate = np.float32(RATE)

    def run() -> float:
        *carried, losses = step(rate, batch)
        jax.block_until_ready(carried)
        return float(losses["loss"])

    return run


def compile_step(name: str, folder: str) -> Compilation:
    """Take the first step of a process.

    Args:
        name: Of the size.
        folder: The cache of compiled programs.

    Returns:
        What compiling took.
    """
    compilation.use_cache(folder)
    run = whole_step(SIZES[name])
    counter = compilation.CompilationCounter()
    run()
    before = counter.count
    run()
    if counter.count != before:
        raise AssertionError("the second step compiled again")
    return Compilation(counter.seconds, before)
