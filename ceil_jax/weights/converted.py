"""Converted weights: a folder that Orbax writes and reads, with their digest."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ceil_jax.common import extras, manifest, saving
from ceil_jax.common.digest import of_arrays
from ceil_jax.weights.architecture import check

SOURCE = "converted weights"  # what their manifest says
COLLECTIONS = ("params", "batch_stats")
# Orbax's own file in the folder of one checkpoint.
MARKER = "_CHECKPOINT_METADATA"
METADATA = "custom_metadata"  # in that file, what we have to say
DIGEST = "digest"  # among the metadata: SHA-256 of the arrays and the other metadata


def write(
    folder: Path, variables: Mapping[str, Any], metadata: Mapping[str, Any]
) -> None:
    """Write an Orbax checkpoint; the folder appears whole or not at all.

    Args:
        folder: Where; it must not exist, or be empty.
        variables: `{"params": ..., "batch_stats": ...}` on the host.
        metadata: Plain values to keep beside them.

    Raises:
        OSError: It cannot be written.
        MissingExtraError: Orbax is not installed.
    """
    extras.require("model", "a folder of converted weights")
    plain = json.loads(json.dumps(dict(metadata)))  # as they will be read
    digest = of_arrays(variables, plain)
    saving.save(folder, variables, {**plain, DIGEST: digest}, source=SOURCE)


def read(folder: Path) -> dict[str, Any]:
    """Variables that `write` wrote.

    Args:
        folder: The checkpoint.

    Returns:
        `{"params": ..., "batch_stats": ...}`, NumPy arrays.

    Raises:
        ValueError: It is no such folder, is damaged, or is no encoder's.
        MissingExtraError: Orbax is not installed.
    """
    extras.require("model", "a folder of converted weights")
    if not (folder / MARKER).is_file():
        inside = folder / "weights.safetensors"
        hint = f"; give {inside}, the file of a model folder" if inside.exists() else ""
        raise ValueError(
            f"{folder}: no folder of converted weights (no {MARKER} in it){hint}"
        )
    noted = (folder / manifest.FILE_NAME).exists()
    fault = manifest.fault(folder, SOURCE) if noted else None
    if fault is not None:  # told before Orbax meets it, in many lines
        raise ValueError(f"{folder}: damaged ({fault}): convert the weights again")
    try:
        with saving.checkpointer() as checkpointer:
            # Orbax takes a damaged file of metadata for an empty one.
            metadata = dict(json.loads((folder / MARKER).read_text())[METADATA] or {})
            tree = checkpointer.restore(folder.resolve())
    except Exception as error:  # Orbax trusts what it reads, and fails in many ways
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{folder}: damaged ({reason})") from error
    if not isinstance(tree, Mapping) or sorted(tree) != sorted(COLLECTIONS):
        raise ValueError(f"{folder}: a checkpoint, but not of converted weights")
    written = metadata.pop(DIGEST, None)
    if written is not None and of_arrays(tree, metadata) != written:
        raise ValueError(
            f"{folder}: damaged (its weights are not those that were written): convert "
            "them again"
        )
    try:
        check(tree)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error
    if written is None or not noted:
        warnings.warn(
            f"{folder}: converted before digests were kept, or its "
            f"{manifest.FILE_NAME} is lost: convert again to have it checked",
            stacklevel=2,
        )
    return {name: jax.tree.map(np.asarray, dict(tree[name])) for name in COLLECTIONS}
