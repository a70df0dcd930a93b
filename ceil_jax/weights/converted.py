"""Converted weights: a folder that Orbax writes and reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ceil_jax.common import extras
from ceil_jax.weights.architecture import check

COLLECTIONS = ("params", "batch_stats")
# Orbax's own file in the folder of one checkpoint.
MARKER = "_CHECKPOINT_METADATA"


def _checkpointer() -> Any:
    extras.require("model", "a folder of converted weights")
    import orbax.checkpoint as ocp  # seconds, which other files of weights need not

    return ocp.StandardCheckpointer()


def write(
    folder: Path, variables: Mapping[str, Any], metadata: Mapping[str, Any]
) -> None:
    """Write an Orbax checkpoint; the folder appears whole or not at all.

    Args:
        folder: Where; it must not exist, or be empty.
        variables: `{"params": ..., "batch_stats": ...}` on the host.
        metadata: Plain values to keep beside them.

    Raises:
        MissingExtraError: Orbax is not installed.
    """
    with _checkpointer() as checkpointer:
        checkpointer.save(
            folder.resolve(),
            dict(variables),
            force=True,
            custom_metadata=dict(metadata),
        )


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
    if not (folder / MARKER).is_file():
        raise ValueError(
            f"{folder}: no folder of converted weights (no {MARKER} in it)"
        )
    try:
        with _checkpointer() as checkpointer:
            tree = checkpointer.restore(folder.resolve())
    except (ValueError, KeyError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{folder}: damaged ({reason})") from error
    if not isinstance(tree, Mapping) or sorted(tree) != sorted(COLLECTIONS):
        raise ValueError(f"{folder}: a checkpoint, but not of converted weights")
    try:
        check(tree)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error
    return {name: jax.tree.map(np.asarray, dict(tree[name])) for name in COLLECTIONS}
