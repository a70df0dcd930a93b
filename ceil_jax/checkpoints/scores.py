"""The scores of a run's epochs on disk, and which of them is the best."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import read_json

FILE_NAME = "scores.json"
BEST_ON_TEST = "best_on_test"
"""The value of `config.selection` by which the best epoch is a run's model."""


def read(path: Path) -> dict[int, float]:
    """The scores that a file holds.

    Args:
        path: `scores.json` of a run.

    Returns:
        The score of each scored epoch.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds something else.
    """
    record = read_json(path)
    if not isinstance(record, dict):
        raise ValueError("it is no object")
    for epoch, score in record.items():
        if not (epoch.isdecimal() and 1 <= len(epoch) <= 9 and int(epoch) >= 1):
            raise ValueError(f"{epoch[:40]!r} is no epoch")
        if type(score) not in (int, float) or not abs(score) < math.inf:
            raise ValueError(f"epoch {epoch} has no number")
    return {int(epoch): float(score) for epoch, score in record.items()}


def best(scores: Mapping[int, float]) -> int | None:
    """The epoch of the highest score.

    Args:
        scores: By epoch.

    Returns:
        The first of equal ones; None of none.
    """
    return min(scores, key=lambda epoch: (-scores[epoch], epoch), default=None)


def chosen(
    folder: Path, selection: str, kept: Sequence[int], otherwise: str
) -> int | None:
    """The epoch that is a run's model, where that is not the newest.

    Args:
        folder: The run's folder.
        selection: `config.selection` of the run, or of whoever asks.
        kept: Epochs whose checkpoints are there, for messages.
        otherwise: What the user can do without the best epoch.

    Returns:
        The best on the test set where the selection says so; None for the newest.

    Raises:
        UserError: The scores cannot be read, no epoch was scored, or the checkpoint of
            the best one was not kept.
    """
    if selection != BEST_ON_TEST:
        return None
    path = folder / FILE_NAME
    try:
        found = best(read(path)) if path.exists() else None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: not readable ({error}): it tells which epoch is the run's model; "
            f"{otherwise}"
        ) from error
    if found is None:
        raise UserError(
            f"{folder}: no epoch of this run was scored, so none is the best on the "
            f"test set; train with config.selection={BEST_ON_TEST}, or {otherwise}"
        )
    if found not in kept:
        raise UserError(
            f"{folder}: epoch {found} scored best on the test set, but its checkpoint "
            f"was not kept (kept are {', '.join(map(str, kept))}); train with "
            f"config.selection={BEST_ON_TEST}, or {otherwise}"
        )
    return found
