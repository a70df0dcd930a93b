"""What is known of every stored image, without reading the images."""

import os
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.schema import PersonBuilder

FILE_NAME = "index.npz"


class Index(NamedTuple):
    """A row per stored image, split by split and each split in its stored order.

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
    """

    split: np.ndarray
    record: np.ndarray
    name: np.ndarray
    identity: np.ndarray
    camera: np.ndarray
    modality: np.ndarray
    train: np.ndarray
    test: np.ndarray


def read_index(builder: PersonBuilder) -> Index:
    """The index of prepared data, made at first use and kept beside them.

    Args:
        builder: A prepared builder.

    Returns:
        The index.
    """
    path = Path(builder.data_path) / FILE_NAME
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return Index(**{field: stored[field] for field in Index._fields})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        index = _scan(builder)  # not there yet, or damaged
    draft = path.with_name(f"{os.getpid()}.{FILE_NAME}")
    try:
        np.savez(draft, **index._asdict())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)  # a read-only cache: made again next time
    return index


def _scan(builder: PersonBuilder) -> Index:
    """Read every field but the image of every example."""
    fixed = not builder.person_config.num_trials
    rows: list[tuple[str, int, dict[str, Any]]] = []
    for split in sorted(builder.info.splits):
        source = builder.records(split, decode_images=False)
        found = [(split, n, source[n]) for n in range(len(source))]
        rows += sorted(found, key=lambda row: int(row[2]["index"]))
    splits = np.array([split for split, _, _ in rows])
    examples = [example for _, _, example in rows]

    def column(field: str, dtype: type) -> np.ndarray:
        return np.array([example[field] for example in examples], dtype=dtype)

    return Index(
        split=splits,
        record=np.array([record for _, record, _ in rows], dtype=np.int64),
        name=np.array([example["name"].decode() for example in examples]),
        identity=column("identity", np.int32),
        camera=column("camera", np.int32),
        modality=column("modality", np.int8),
        train=splits[:, None] == "train" if fixed else column("train_trials", bool),
        test=splits[:, None] == "test" if fixed else column("test_trials", bool),
    )
