"""Embeddings of a data set's images in a file, for search programs of one's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.embedding.embedder import Embedder, unit_rows
from ceil_jax.evaluation import feature_writing
from ceil_jax.experiment import build, sources
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes.opened import opened

FILE_NAME = "embeddings.npz"


class Exported(NamedTuple):
    """The columns of `embeddings.npz`, a row per image.

    Attributes:
        features: (n, d) float32 unit rows: similarities are their inner products.
        name: (n,) str, path below the data folder, with forward slashes.
        modality: (n,) str, "visible" or "infrared".
        camera: (n,) int32, the data set's number of the camera.
        identity: (n,) int32, the data set's number of the person, -1 where unknown.
        split: (n,) str, "train" or "test".
        length: (n,) float32, the length of the row that `--mode evaluate` scores: 1,
            and less with `config.evaluation.flip`, where it is a mean of two unit rows.
    """

    features: np.ndarray
    name: np.ndarray
    modality: np.ndarray
    camera: np.ndarray
    identity: np.ndarray
    split: np.ndarray
    length: np.ndarray


def embed_everything(config: Config, variables: Mapping[str, Any]) -> Exported:
    """Embed every training and test image of the configuration's data set.

    Args:
        config: The whole configuration.
        variables: The trained weights, `{"params": ..., "batch_stats": ...}`.

    Returns:
        The rows, training images first, visible ones before infrared ones.

    Raises:
        UserError: The data set has no images, or the weights have diverged.
    """
    splits = sources.load_images(config)
    embedder = Embedder(
        build.encoder_of(config, synchronised=False),
        num_rows=config.batch.embed_rows,
        flip=config.evaluation.flip,
        devices=build.devices_of(config),
    )
    found = []
    for split in ("train", "test"):
        for modality in ("visible", "infrared"):
            images: ImageSet = getattr(splits, f"{split}_{modality}")
            if len(images):
                rows = embedder(variables, images, modality)
                length = np.ones(len(rows), np.float32)
                if config.evaluation.flip:
                    length = np.linalg.norm(rows, axis=1)
                    rows = unit_rows(rows)
                found.append(_columns(rows, length, images, modality, split))
    return Exported(*map(np.concatenate, zip(*found, strict=True)))


def _columns(
    rows: np.ndarray, length: np.ndarray, images: ImageSet, modality: str, split: str
) -> Exported:
    """The columns of one set."""
    return Exported(
        rows,
        np.asarray(images.names),
        np.full(len(images), modality),
        images.cameras,
        images.identities,
        np.full(len(images), split),
        length,
    )


def export(config: Config, workdir: Path, weights: str = "") -> Path:
    """Embed a data set's images with a run's model, into its folder.

    The images may be others than those that it was trained on.

    Args:
        config: A configuration of the images and of the model's architecture.
        workdir: The run's folder.
        weights: A file of weights to embed with instead; the folder is made then.

    Returns:
        The file written.

    Raises:
        UserError: There is no checkpoint, or a mistake that the user can mend.
    """
    config, model = opened(config, workdir, weights)
    exported = embed_everything(config, model.variables)
    path = save(exported, workdir)
    num_rows, num_features = exported.features.shape
    print(f"{num_rows} rows of {num_features} numbers written to {path}", flush=True)
    return path


def save(exported: Exported, workdir: Path) -> Path:
    """Write `embeddings.npz`, whole or not at all.

    Args:
        exported: The rows.
        workdir: The run's folder.

    Returns:
        The file.

    Raises:
        UserError: It cannot be written.
    """
    path = workdir / FILE_NAME
    feature_writing.save(path, exported._asdict())
    return path
