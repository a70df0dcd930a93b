"""Digests that say whether two sets of arrays, models or data are the same."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np


def of_arrays(arrays: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> str:
    """SHA-256 over sorted (name, shape, dtype, bytes).

    Args:
        arrays: NumPy or JAX arrays by name, nested mappings allowed; a nested name is
            joined by "/".
        facts: Plain values that belong to them, e.g. an architecture.

    Returns:
        64 hexadecimal digits, the same on every machine.
    """
    digest = hashlib.sha256()
    for name, array in sorted(_flat(arrays, "")):
        values = np.asarray(array)
        little = values.astype(values.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name}\n{values.shape}\n{values.dtype.name}\n".encode())
        digest.update(np.ascontiguousarray(little).data)
    if facts is not None:
        digest.update(json.dumps(facts, sort_keys=True).encode())
    return digest.hexdigest()


def _flat(tree: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value


def of_model(
    variables: Mapping[str, Any],
    *,
    architecture: Mapping[str, Any],
    preprocessing: Mapping[str, Any],
) -> str:
    """What a model is: its weights, its architecture and what it does to an image.

    Args:
        variables: `{"params": ..., "batch_stats": ...}`.
        architecture: Plain values, e.g. stage sizes and width.
        preprocessing: Plain values, e.g. image size, mean and standard deviation.

    Returns:
        64 hexadecimal digits.
    """
    facts = {"architecture": architecture, "preprocessing": preprocessing}
    return of_arrays(variables, facts)


class Content(NamedTuple):
    """An image or a file of a data set.

    Attributes:
        path: Below the data folder, with forward slashes.
        size: In bytes.
        digest: Of its content.
    """

    path: str
    size: int
    digest: str


def of_data(contents: Iterable[Content]) -> str:
    """What a data set is: SHA-256 over its sorted (path, size, content).

    Args:
        contents: In any order. Where the folder lies and when it was written counts
            for nothing.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for each in sorted(contents):
        digest.update(f"{each.path}\n{each.size}\n{each.digest}\n".encode())
    return digest.hexdigest()
