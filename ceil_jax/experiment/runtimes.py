"""Test images embedded by another engine than the training's."""

from typing import Any, Literal

import jax
import numpy as np

from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.embedding.embedder import embed_set, padded_batches
from ceil_jax.model.engines import Engine, Engines


class EngineEmbedder:
    """Embeds whole image sets as `embedding.Embedder` does, in float32.

    Attributes:
        name: The engine; "auto" until it has chosen one, which it then keeps, so that
            all rows of a run are by one engine.
    """

    def __init__(
        self,
        engine: Engine | Literal["auto"],
        image_size: tuple[int, int],
        *,
        flip: bool,
    ) -> None:
        """Nothing is compiled yet.

        Args:
            engine: The engine, or "auto": the fastest that is installed and agrees with
                JAX.
            image_size: (height, width) in pixels.
            flip: Average with the mirror image's embedding.
        """
        self.name: Engine | Literal["auto"] = engine
        self._size, self._flip = image_size, flip

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
            MissingExtraError: The engine is not installed.
        """
        engines = Engines(jax.device_get(variables), self._size)
        self.name = engines.named(self.name, modality, flip=self._flip)
        runner = engines.runner(self.name, flip=self._flip)
        batches = padded_batches(images, runner.batch_size)
        return embed_set(
            images, modality, batches, lambda batches: runner.stream(batches, modality)
        )
