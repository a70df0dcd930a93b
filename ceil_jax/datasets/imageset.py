"""Images of one modality and split, in memory or on disk, behind one face."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ceil_jax.datasets.index import checksum_of
from ceil_jax.datasets.whole import damaged


class ImageSource(Protocol):
    """Images that are taken by position."""

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        ...

    def __len__(self) -> int: ...

    def take(self, indices: np.ndarray) -> np.ndarray:
        """The images at the given positions, in that order.

        Args:
            indices: (n,) int positions, each in [0, len).

        Returns:
            (n, H, W, 3) uint8, contiguous.
        """
        ...

    def select(self, indices: np.ndarray) -> "ImageSource":
        """The images at the given positions as a source of their own."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class ArraySource:
    """Images in memory.

    Attributes:
        images: (m, H, W, 3) uint8.
        rows: (n,) int64, which of them are meant; None for all.
    """

    images: np.ndarray
    rows: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Refuse what is not a batch of images.

        Raises:
            ValueError: Wrong shape or type.
        """
        shape, dtype = self.images.shape, self.images.dtype
        if len(shape) != 4 or shape[3] != 3 or dtype != np.uint8:
            raise ValueError(f"images of {shape=}, {dtype=} must be (n, H, W, 3) uint8")

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.images.shape[1], self.images.shape[2]

    def __len__(self) -> int:
        return len(self.images) if self.rows is None else len(self.rows)

    def take(self, indices: np.ndarray) -> np.ndarray:
        """The images at the given positions; see `ImageSource.take`."""
        rows = np.asarray(indices) if self.rows is None else self.rows[indices]
        return self.images[rows]

    def select(self, indices: np.ndarray) -> "ArraySource":
        """A source of the images at the given positions; nothing is copied."""
        rows = np.asarray(indices) if self.rows is None else self.rows[indices]
        return ArraySource(self.images, rows)


@dataclasses.dataclass(frozen=True, slots=True)
class RecordSource:
    """Images on disk, read whenever they are taken.

    Attributes:
        records: A TFDS data source whose examples hold `image`.
        rows: (n,) int64 positions in it.
        size: (height, width) of the images in pixels.
        checksums: (n,) uint32, `index.checksum_of` each image.
        folder: Where the data lie.
    """

    records: Sequence[Any]
    rows: np.ndarray
    size: tuple[int, int]
    checksums: np.ndarray
    folder: Path

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.size

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Read the images at the given positions; see `ImageSource.take`.

        Raises:
            DataError: One cannot be read, or is not the one that was stored.
        """
        out = np.empty((len(indices), *self.size, 3), dtype=np.uint8)
        rows, checksums = self.rows[indices].tolist(), self.checksums[indices].tolist()
        for place, (row, checksum) in enumerate(zip(rows, checksums, strict=True)):
            try:
                image = self.records[row]["image"]
            except Exception as error:  # damage makes it raise almost anything
                raise damaged(self.folder, f"image {row} cannot be read") from error
            if image.shape != out.shape[1:] or checksum_of(image) != checksum:
                raise damaged(self.folder, f"image {row} has changed")
            out[place] = image
        return out

    def select(self, indices: np.ndarray) -> "RecordSource":
        """A source of the images at the given positions."""
        return dataclasses.replace(
            self, rows=self.rows[indices], checksums=self.checksums[indices]
        )


@dataclasses.dataclass(frozen=True, slots=True)
class ImageSet:
    """Images of one modality and one split, sorted by name.

    Attributes:
        images: The n images.
        identities: (n,) int32 numbers of the people, -1 where unknown; only evaluation
            and diagnosis may look at them.
        cameras: (n,) int32, the data set's own numbers, from 1.
        names: (n,) str, paths below the data folder, with forward slashes.
    """

    images: ImageSource
    identities: np.ndarray
    cameras: np.ndarray
    names: np.ndarray

    def __post_init__(self) -> None:
        """Refuse columns of different lengths.

        Raises:
            ValueError: The lengths differ.
        """
        for field in ("identities", "cameras", "names"):
            shape = getattr(self, field).shape
            if shape != (len(self.images),):
                raise ValueError(f"{field} {shape=} must be ({len(self.images)},)")

    def __len__(self) -> int:
        return len(self.images)

    def select(self, indices: np.ndarray) -> "ImageSet":
        """The images at the given positions, in that order.

        Args:
            indices: (k,) int positions, each in [0, n).

        Returns:
            Their set.
        """
        return ImageSet(
            self.images.select(indices),
            self.identities[indices],
            self.cameras[indices],
            self.names[indices],
        )
