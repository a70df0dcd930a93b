"""Embedding whole image sets with the encoder in evaluation mode."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
from flax import linen as nn

from ceil_jax.common import parallel
from ceil_jax.common.errors import UserError
from ceil_jax.common.progress import bar
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.datasets.read_ahead import read_ahead
from ceil_jax.embedding.step import make_embed_step


class Embedder:
    """Compiled embedding steps, one for each modality, over all devices."""

    def __init__(
        self, encoder: nn.Module, *, num_rows: int, flip: bool, devices: list[Any]
    ) -> None:
        """Build the steps; they compile at their first use.

        Args:
            encoder: The model.
            num_rows: Images embedded at once; rounded up to the devices.
            flip: Average with the mirror image's embedding.
            devices: The devices that share the work.
        """
        self._num_rows = -(-num_rows // len(devices)) * len(devices)
        self._devices = devices
        self._steps = {
            modality: parallel.over_devices(
                make_embed_step(encoder, modality, flip=flip),
                num_shared=1,
                num_split=1,
                split_output=True,
                devices=devices,
            )
            for modality in ("visible", "infrared")
        }

    def __call__(self, variables: Any, images: ImageSet, modality: str) -> np.ndarray:
        """Embed every image of a set.

        Args:
            variables: `{"params": ..., "batch_stats": ...}`.
            images: The set.
            modality: "visible" or "infrared".

        Returns:
            One row per image, (N, d) float32, unit length (without flip).

        Raises:
            UserError: The set is empty, or an embedding is not finite.
        """
        if not len(images):
            raise UserError(f"there are no {modality} images to embed")
        rows: np.ndarray | None = None
        variables = parallel.replicate(variables, self._devices)
        pending = None
        with (
            bar(total=len(images), desc=f"embedding {modality}", unit="img") as shown,
            closing(read_ahead(self._batches(images))) as source,
        ):
            for index, batch in source:
                out = self._steps[modality](variables, batch)
                # Results are fetched one batch late: the device has the next to go on
                # with.
                if pending is not None:
                    rows = _stored(rows, len(images), *pending)
                    shown.update(len(pending[0]))
                pending = (index, out)
            assert pending is not None
            rows = _stored(rows, len(images), *pending)
            shown.update(len(pending[0]))
        bad = ~np.isfinite(rows).all(1)
        if bad.any():
            name = images.names[np.flatnonzero(bad)[0]]
            raise UserError(
                f"the embeddings of {bad.sum()} {modality} images are not finite, the "
                f"first of {name}: the weights have diverged"
            )
        return rows

    def _batches(
        self, images: ImageSet
    ) -> Iterator[tuple[np.ndarray, parallel.Shares]]:
        """Positions and images of every batch, the last one padded, sent ahead."""
        for start in range(0, len(images), self._num_rows):
            index = np.arange(start, min(start + self._num_rows, len(images)))
            batch = images.images.take(index)
            short = self._num_rows - len(index)
            if short:
                batch = np.pad(batch, ((0, short), (0, 0), (0, 0), (0, 0)))
            yield index, parallel.send(batch, self._devices)


def _stored(
    rows: np.ndarray | None, total: int, index: np.ndarray, out: Any
) -> np.ndarray:
    """The rows with those of a batch; the first batch tells how wide they are."""
    batch = parallel.join(out)[: len(index)]
    if rows is None:
        rows = np.empty((total, batch.shape[1]), np.float32)
    rows[index] = batch
    return rows


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1, on the host.

    Args:
        rows: Rows; the average of two unit rows is shorter.

    Returns:
        The same directions.
    """
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
