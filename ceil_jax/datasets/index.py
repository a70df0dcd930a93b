"""What is known of every stored image, without reading the images."""

import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.datasets.whole import damaged

FILE_NAME = "index.npz"


class Index(NamedTuple):
    """A row per stored image, split by split and each split sorted by name.

    Attributes:
        split: (n,) str, the TFDS split.
        record: (n,) int64, the image's position in that split on disk.
        name: (n,) str, path below the data folder.
        identity: (n,) int32.
        camera: (n,) int32.
        modality: (n,) int8.
        train: (n, t) bool, whether trial t trains on the image.
        test: (n, t) bool, whether trial t tests on it. Data sets with fixed splits have
            one column.
        checksum: (n,) uint32, `checksum_of` the image.
    """

    split: np.ndarray
    record: np.ndarray
    name: np.ndarray
    identity: np.ndarray
    camera: np.ndarray
    modality: np.ndarray
    train: np.ndarray
    test: np.ndarray
    checksum: np.ndarray


def checksum_of(image: np.ndarray) -> int:
    """CRC-32 of an image's values.

    Args:
        image: (H, W, 3) uint8.

    Returns:
        A number in [0, 2^32).
    """
    return zlib.crc32(np.ascontiguousarray(image).data)


def make_index(splits: Mapping[str, Iterable[Mapping[str, Any]]]) -> Index:
    """Collect what the examples of all splits say.

    Args:
        splits: The examples of each split, in the order on disk; `Example`'s fields
            without the image, and its `checksum`. Without trials the split's name is
            "train" or "test".

    Returns:
        The index.
    """
    rows = [
        (split, fields["name"], record, fields)
        for split, examples in splits.items()
        for record, fields in enumerate(examples)
    ]
    rows.sort(key=lambda row: row[:3])
    names = np.array([split for split, _, _, _ in rows])
    examples = [fields for _, _, _, fields in rows]

    def column(field: str, dtype: type) -> np.ndarray:
        return np.array([example[field] for example in examples], dtype=dtype)

    fixed = "train_trials" not in examples[0]
    return Index(
        split=names,
        record=np.array([record for _, _, record, _ in rows], dtype=np.int64),
        name=np.array([name for _, name, _, _ in rows]),
        identity=column("identity", np.int32),
        camera=column("camera", np.int32),
        modality=column("modality", np.int8),
        train=names[:, None] == "train" if fixed else column("train_trials", bool),
        test=names[:, None] == "test" if fixed else column("test_trials", bool),
        checksum=column("checksum", np.uint32),
    )


def write_index(index: Index, folder: Path) -> None:
    """Write the index beside the data.

    Args:
        index: The index.
        folder: Where the data lie.

    Raises:
        OSError: It cannot be written.
    """
    np.savez(folder / FILE_NAME, **index._asdict())


def read_index(folder: Path) -> Index:
    """The index that lies beside the data.

    Args:
        folder: Where the data lie.

    Returns:
        The index.

    Raises:
        DataError: It is missing or damaged.
    """
    try:
        with (
            (folder / FILE_NAME).open("rb") as file,
            np.load(file, allow_pickle=False) as stored,
        ):
            return Index(**{field: stored[field] for field in Index._fields})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise damaged(folder, f"{FILE_NAME} cannot be read") from error
