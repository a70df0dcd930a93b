"""Features in the columns of a Parquet file."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from ceil_jax.common import extras
from ceil_jax.common.errors import UserError

_NUMBERED = re.compile(r"(.*?)([0-9]+)")


def opened(path: Path) -> Any:
    """Read a Parquet file.

    Args:
        path: The file.

    Returns:
        A `pyarrow.Table`.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    extras.require("parquet", f"--features={path}")
    from pyarrow import parquet

    return parquet.read_table(path)


def of_lists(path: Path, name: str, column: Any) -> np.ndarray:
    """A column of lists of numbers, all of one length, as a matrix.

    Args:
        path: The file, for messages.
        name: The column's name.
        column: The `pyarrow.ChunkedArray`.

    Returns:
        (n, d) numbers.

    Raises:
        UserError: It holds something else, an empty cell, or lists of several lengths.
    """
    import pyarrow as pa
    import pyarrow.compute

    compute: Any = pyarrow.compute  # its functions are made when it is imported
    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not (is_list or pa.types.is_fixed_size_list(kind)):
        raise UserError(f"{path}: column {name} is {kind}, must be lists of floats")
    if not pa.types.is_floating(kind.value_type):
        raise UserError(
            f"{path}: column {name} is of lists of {kind.value_type}, must be of floats"
        )
    lengths = np.asarray(compute.list_value_length(column).fill_null(-1))
    odd = np.flatnonzero(lengths != lengths[:1])
    bad = odd if len(odd) else np.flatnonzero(lengths < 1)
    if len(bad):
        many, first = max(lengths[bad[0]], 0), max(lengths[0], 0)
        raise UserError(
            f"{path}: row {bad[0] + 1} of column {name} holds {many} numbers, row 1 "
            f"{first}: all must hold as many"
        )
    values = compute.list_flatten(column)
    _refuse_empty(path, name, values)
    return values.to_numpy().reshape(len(column), -1)


def of_columns(path: Path, table: Any, of_names: str) -> np.ndarray:
    """Numbered columns of numbers, such as `f0`, `f1`, ..., as a matrix.

    Args:
        path: The file, for messages.
        table: The `pyarrow.Table`.
        of_names: Its column of names.

    Returns:
        (n, d) numbers in the order of the columns' numbers.

    Raises:
        UserError: The columns of floats are not numbered from 0 or 1 without a gap, or
            are named in two ways: which of them are features cannot be told.
    """
    import pyarrow as pa

    floats = [f.name for f in table.schema if pa.types.is_floating(f.type)]
    found = [_NUMBERED.fullmatch(name) for name in floats]
    numbered = sorted((int(m[2]), m[1], m[0]) for m in found if m)
    numbers = [number for number, _, _ in numbered]
    is_whole = numbers in ([*range(len(floats))], [*range(1, len(floats) + 1)])
    if not floats or not is_whole or len({prefix for _, prefix, _ in numbered}) > 1:
        others = [field.name for field in table.schema if field.name != of_names]
        raise UserError(
            f"{path} needs a column features of lists of floats, or columns of floats "
            "numbered from 0 (0, 1, ... or f0, f1, ...); it holds "
            f"{', '.join(others[:8]) or 'no other'}"
        )
    for _, _, name in numbered:
        _refuse_empty(path, name, table[name])
    return np.stack([table[name].to_numpy() for _, _, name in numbered], axis=1)


def texts(path: Path, name: str, column: Any) -> list[str]:
    """A column of text.

    Args:
        path: The file, for messages.
        name: The column's name.
        column: The `pyarrow.ChunkedArray`.

    Returns:
        The texts.

    Raises:
        UserError: It holds something else.
    """
    found = column.to_pylist()
    for row, text in enumerate(found, start=1):
        if not isinstance(text, str):
            raise UserError(
                f"{path}: row {row} of column {name} is {text!r:.40}, must be a path"
            )
    return found


def _refuse_empty(path: Path, name: str, column: Any) -> None:
    if column.null_count:
        raise UserError(f"{path}: column {name} has {column.null_count} empty cells")
