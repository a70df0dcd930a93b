"""What comes of images while they pass by on their way to embeddings."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from ceil_jax.common.errors import DataError
from ceil_jax.embedding.embedder import unit_rows
from ceil_jax.model import quality, reading
from ceil_jax.model.quality import Quality
from ceil_jax.model.reading import Unreadable


class UnreadableError(DataError):
    """An image cannot be read.

    Attributes:
        reason: Its name and why.
    """

    def __init__(self, reason: str) -> None:
        """Say so.

        Args:
            reason: Its name and why.
        """
        super().__init__(f'{reason}; on_error="skip" leaves it out')
        self.reason = reason


class Embedded(NamedTuple):
    """Embeddings, and what was seen of the images.

    Attributes:
        features: (n, d) float32 unit rows of the images that could be read.
        places: (n,) int64, their places among those that were given, from 0.
        names: Their paths, or "image 7".
        skipped: The images that could not be read.
        quality: Measures of the n images; None unless asked for.
    """

    features: np.ndarray
    places: np.ndarray
    names: list[str]
    skipped: list[Unreadable]
    quality: Quality | None


class Collected:
    """Collects rows, names and measures, batch by batch.

    Attributes:
        features: Rows of each batch that has come back.
    """

    def __init__(self, on_error: str, with_quality: bool, with_names: bool) -> None:
        """Begin with nothing.

        Args:
            on_error: "raise" or "skip": see `Model.embed`.
            with_quality: Whether to measure each image.
            with_names: Whether the names are asked for.
        """
        self._on_error, self._with_quality = on_error, with_quality
        self._rows_alone = on_error == "raise" and not (with_quality or with_names)
        self.features: list[np.ndarray] = []
        self._places: list[int] = []
        self._names: list[str] = []
        self._skipped: list[Unreadable] = []
        self._quality: list[Quality] = []

    def batches(
        self,
        read: Iterable[reading.Pixels | Unreadable],
        batch_size: int,
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Batches of the images that could be read.

        Args:
            read: Images, and those that could not be read.
            batch_size: Images of a batch.

        Yields:
            Number of images, and their pixels; the last batch is padded to a power of
            two, so that few sizes are compiled.

        Raises:
            UnreadableError: An image cannot be read, with on_error="raise".
        """
        waiting: list[reading.Pixels] = []
        for place, got in enumerate(read):
            if isinstance(got, Unreadable):
                if self._on_error == "raise":
                    raise UnreadableError(got.reason)
                self._skipped.append(got)
                continue
            self._places.append(place)
            self._names.append(got.name)
            waiting.append(got)
            if len(waiting) == batch_size:
                yield self._batch(waiting, batch_size)
                waiting = []
        if waiting:
            padded = min(batch_size, 2 ** (len(waiting) - 1).bit_length())
            yield self._batch(waiting, padded)

    def _batch(self, pixels: list[reading.Pixels], size: int) -> tuple[int, np.ndarray]:
        images = np.zeros((size, *pixels[0].image.shape), np.uint8)
        for place, each in enumerate(pixels):
            images[place] = each.image
        if self._with_quality:
            sizes = np.array([each.size for each in pixels])
            self._quality.append(quality.measure(images[: len(pixels)], sizes))
        return len(pixels), images

    def result(self, embedding_size: int, *, flip: bool) -> np.ndarray | Embedded:
        """What `Model.embed` returns.

        Args:
            embedding_size: Entries of a row.
            flip: Whether rows are averages of two, to be made of length 1.

        Returns:
            Rows, or with on_error="skip", measures or names an `Embedded`.

        Raises:
            ValueError: A row is not finite.
        """
        empty = np.zeros((0, embedding_size), np.float32)
        features = np.concatenate([empty, *self.features])
        if flip:
            features = unit_rows(features)
        bad = np.flatnonzero(~np.isfinite(features).all(1))
        if bad.size:
            raise ValueError(
                f"the embeddings of {bad.size} images are not finite, the first of "
                f"{self._names[bad[0]]}: the model's weights are no good"
            )
        if self._rows_alone:
            return features
        measured = quality.joined(self._quality) if self._with_quality else None
        places = np.array(self._places, np.int64)
        return Embedded(features, places, self._names, self._skipped, measured)
