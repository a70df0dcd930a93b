"""Features and what is known of their images, written as `feature_files` reads them."""

import codecs
import csv
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ceil_jax.common import extras
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import missing_folders, remove_empty, whole
from ceil_jax.common.saving import reserve

SUFFIXES = (".npz", ".npy", ".parquet")


def check(path: Path, num_bytes: int) -> None:
    """Refuse a file that could not be written, before the work on its content.

    Args:
        path: The file; folders above it need not exist.
        num_bytes: What it will hold, at least.

    Raises:
        UserError: It is of another kind, or there is no room.
        MissingExtraError: A library that writes it is not installed.
    """
    if path.suffix not in SUFFIXES:
        raise UserError(f"{path} must end in {', '.join(SUFFIXES)}")
    if path.suffix == ".parquet":
        extras.require("parquet", str(path))
    made = missing_folders(path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise OSError("it is a folder")
        reserve(path.parent, num_bytes)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error}") from error
    finally:
        remove_empty(made)


def save(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write columns with a row for each image, whole or not at all.

    Args:
        path: A .npz file, which holds every column; a .npy file, which holds
            `features`, with the others in a .csv file beside it; or a .parquet file. A
            file that stands there is replaced. Folders above it are made.
        columns: `features`, (n, d) float32, and others of n entries, by name.

    Raises:
        UserError: It cannot be written; nothing is left of it then.
    """
    made = missing_folders(path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        reserve(path.parent, sum(column.nbytes for column in columns.values()))
        _WRITERS[path.suffix](path, columns)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be written: {error}") from error
    finally:
        remove_empty(made)  # full ones stay


def _npz(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    with whole(path) as file:
        np.savez(file, **columns)  # type: ignore[arg-type]


def _npy(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    others = {name: column for name, column in columns.items() if name != "features"}
    with ExitStack() as both:  # neither takes its place before both are complete
        rows = both.enter_context(whole(path))
        beside = both.enter_context(whole(path.with_suffix(".csv")))
        np.save(rows, columns["features"])
        _csv(beside, others)


def _csv(file: BinaryIO, columns: Mapping[str, np.ndarray]) -> None:
    writer = csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\n")
    writer.writerow(columns)
    values = [column.tolist() for column in columns.values()]
    writer.writerows(zip(*values, strict=True))


def _parquet(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    def as_column(values: np.ndarray) -> Any:
        if values.ndim == 1:
            return pa.array(values.tolist() if values.dtype.kind == "U" else values)
        flat = pa.array(np.ascontiguousarray(values).reshape(-1))
        return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])

    table = pa.table({name: as_column(values) for name, values in columns.items()})
    with whole(path) as file:
        parquet.write_table(table, file)


_WRITERS: dict[str, Callable[[Path, Mapping[str, np.ndarray]], None]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".parquet": _parquet,
}
