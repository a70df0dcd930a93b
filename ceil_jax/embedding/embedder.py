"""Embedding whole image sets with the encoder in evaluation mode."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from typing import Any, TypeVar

import numpy as np
from flax import linen as nn

from ceil_jax.common import parallel
from ceil_jax.common.errors import UserError
from ceil_jax.common.progress import bar
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.datasets.read_ahead import read_ahead
from ceil_jax.embedding.step import make_embed_step

Tag = TypeVar("Tag")


class Embedder:
    """Compiled embedding steps, one for each modality, over all devices.

    Attributes:
        name: The engine that computes.
    """

    name = "jax"

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

    def compile_ahead(
        self, pool: Executor, variables: Any, size: tuple[int, int]
    ) -> None:
        """Compile the steps in the background.

        Args:
            pool: Runs it.
            variables: Weights of the shapes that will embed.
            size: Height and width of the images, in pixels.
        """

        def args() -> tuple[Any, parallel.Shares]:
            images = np.zeros((self._num_rows, *size, 3), np.uint8)
            sent = parallel.send(images, self._devices)
            return parallel.described(variables, self._devices), sent

        for step in self._steps.values():
            step.compile_ahead(pool, args)

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
        batches = (
            (index, parallel.send(batch, self._devices))
            for index, batch in padded_batches(images, self._num_rows)
        )
        return embed_set(
            images,
            modality,
            batches,
            lambda source: self.stream(variables, source, modality),
        )

    def stream(
        self,
        variables: Any,
        batches: Iterable[tuple[Tag, np.ndarray | parallel.Shares]],
        modality: str,
    ) -> Iterator[tuple[Tag, np.ndarray]]:
        """Embed batches as they come.

        Args:
            variables: `{"params": ..., "batch_stats": ...}`.
            batches: Anything, and (b, H, W, 3) uint8 images whose number the devices
                can share; every new number compiles once.
            modality: "visible" or "infrared".

        Yields:
            What came with a batch, and its rows, (b, d) float32.
        """
        variables = parallel.replicate(variables, self._devices)
        pending = None
        for tag, batch in batches:
            out = self._steps[modality](variables, batch)
            # Results are fetched one batch late: the device has the next to go on with.
            if pending is not None:
                yield pending[0], parallel.join(pending[1])
            pending = tag, out
        if pending is not None:
            yield pending[0], parallel.join(pending[1])


def padded_batches(
    images: ImageSet, num_rows: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """An image set in batches of one size.

    Args:
        images: The set.
        num_rows: Images of a batch.

    Yields:
        Positions in the set, and (num_rows, H, W, 3) uint8 images, the last batch
        padded.
    """
    for start in range(0, len(images), num_rows):
        index = np.arange(start, min(start + num_rows, len(images)))
        batch = images.images.take(index)
        short = num_rows - len(index)
        if short:
            batch = np.pad(batch, ((0, short), (0, 0), (0, 0), (0, 0)))
        yield index, batch


def embed_set(
    images: ImageSet,
    modality: str,
    batches: Iterator[tuple[np.ndarray, Any]],
    stream: Callable[[Iterator[Any]], Iterable[tuple[np.ndarray, np.ndarray]]],
) -> np.ndarray:
    """Rows of a whole image set, its batches read ahead, with a bar.

    Args:
        images: The set.
        modality: "visible" or "infrared", for messages.
        batches: Its positions and images, batch by batch.
        stream: From batches to positions and their rows, (b, d).

    Returns:
        One row per image, (N, d) float32.

    Raises:
        UserError: The set is empty, or an embedding is not finite.
    """
    if not len(images):
        raise UserError(f"there are no {modality} images to embed")
    rows: np.ndarray | None = None
    with (
        bar(total=len(images), desc=f"embedding {modality}", unit="img") as shown,
        closing(read_ahead(batches)) as source,
    ):
        for index, batch in stream(source):
            if rows is None:
                rows = np.empty((len(images), batch.shape[1]), np.float32)
            rows[index] = batch[: len(index)]
            shown.update(len(index))
    assert rows is not None
    bad = ~np.isfinite(rows).all(1)
    if bad.any():
        name = images.names[np.flatnonzero(bad)[0]]
        raise UserError(
            f"the embeddings of {bad.sum()} {modality} images are not finite, the "
            f"first of {name}: the weights have diverged"
        )
    return rows


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1, on the host.

    Args:
        rows: Rows; the average of two unit rows is shorter.

    Returns:
        The same directions.
    """
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
