"""The scores of a run's epochs on disk, and which of them is the best."""

import math
from collections.abc import Mapping
from pathlib import Path

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
