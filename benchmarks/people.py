"""Embeddings of the embedded data's test people, more images than the demo tests on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.datasets.synthetic.generator import Parameters, generate
from ceil_jax.embedding.embedder import Embedder
from ceil_jax.experiment import build
from ceil_jax.training import state as states
from configs import synthetic

IMAGES_PER_CAMERA = 10
Rows: TypeAlias = Callable[[ImageSet, str], np.ndarray]
"""From images and their modality to an embedding of each."""


class Side(NamedTuple):
    """Test images of one modality as an encoder sees them.

    Attributes:
        features: (n, d) unit rows.
        identities: (n,) whole numbers.
        cameras: (n,) whole numbers.
        numbers: (n,) from 1 within each person and camera; those up to 4 (visible) and
            8 (infrared) are the images of the demo.
    """

    features: np.ndarray
    identities: np.ndarray
    cameras: np.ndarray
    numbers: np.ndarray

    def take(self, chosen: np.ndarray) -> "Side":
        """The rows at positions, or of a mask."""
        return Side(*(array[chosen] for array in self))


def variables_of(workdir: Path | None) -> Any:
    """Weights of a run's last checkpoint, or those that the demo starts from.

    Args:
        workdir: Folder of the run; None for the pretrained encoder.

    Returns:
        What the encoder is applied with.
    """
    state = build.initial_state(synthetic.get_config())
    if workdir is not None:
        with Checkpoints(workdir / "checkpoints") as saved:
            state = saved.restore(state)
    return states.variables_of(state)


def by_jax(variables: Any) -> Rows:
    """Embedding as a run's evaluation does it.

    Args:
        variables: The weights.

    Returns:
        The function.
    """
    config = synthetic.get_config()
    embedder = Embedder(
        build.encoder_of(config, synchronised=False),
        num_rows=config.batch.embed_rows,
        flip=False,
        devices=jax.local_devices(),
    )
    return lambda images, modality: embedder(variables, images, modality)


def embed(variables: Any, seed: int, cache: Path) -> dict[str, Side]:
    """Embed the test people of a seed, or read what was embedded before.

    Args:
        variables: The weights.
        seed: Seed of people and cameras.
        cache: File that the embeddings are kept in.

    Returns:
        By "visible" and "infrared".
    """
    names = ("visible", "infrared")
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        arrays = {
            f"{name}_{field}": array
            for name, side in sides(by_jax(variables), seed).items()
            for field, array in side._asdict().items()
        }
        np.savez(cache, **arrays)
    with np.load(cache) as arrays:
        return {
            name: Side(*(arrays[f"{name}_{field}"] for field in Side._fields))
            for name in names
        }


def sides(rows: Rows, seed: int) -> dict[str, Side]:
    """The test people of a seed, embedded.

    Args:
        rows: How.
        seed: Seed of people and cameras.

    Returns:
        By "visible" and "infrared".
    """
    parameters = Parameters(
        seed=seed,
        images_per_visible_camera=IMAGES_PER_CAMERA,
        images_per_infrared_camera=IMAGES_PER_CAMERA,
    )
    batches = list(generate(parameters, "test"))
    found = {}
    for name in ("visible", "infrared"):
        of_side = [b for b in batches if b.infrared == (name == "infrared")]
        images = np.concatenate([b.images for b in of_side])
        identities = np.repeat(
            [b.identity for b in of_side], [len(b.images) for b in of_side]
        )
        cameras = np.concatenate([b.cameras for b in of_side])
        names = np.arange(len(images)).astype(str)
        source = ImageSet(ArraySource(images), identities, cameras, names)
        numbers = np.concatenate([b.numbers for b in of_side])
        found[name] = Side(rows(source, name), identities, cameras, numbers)
    return found
