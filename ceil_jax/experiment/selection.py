"""Which epoch of a run is its model: the last, or the best on the test set."""

import math
from pathlib import Path
from typing import Any

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import read_json, write_json
from ceil_jax.experiment import damaged

LAST, BEST_ON_TEST = "last", "best_on_test"
SELECTIONS = (LAST, BEST_ON_TEST)


class Scores:
    """Scores of the epochs that were evaluated, kept in a file of the run.

    They are apart from the checkpoints, so that an epoch is saved before it is scored:
    what goes wrong while it is scored loses no training.
    """

    def __init__(self, path: Path, *, set_aside: bool = False) -> None:
        """Open the file, which need not exist yet.

        Args:
            path: `scores.json` of the run; written at the first `add`.
            set_aside: Whether a damaged file may be renamed and begun anew: by a
                training that chooses no epoch by them.

        Raises:
            UserError: The file is damaged and is not set aside.
        """
        self._path = path
        self._scores: dict[int, float] = {}
        if not path.exists():
            return
        try:
            self._scores = _scores(read_json(path))
        except (OSError, ValueError) as error:
            why = damaged.reason(error)
            if not set_aside:
                raise UserError(
                    f"{path}: no scores of epochs: {why}. Put the file back, or give "
                    "config.selection=last, which needs none"
                ) from error
            damaged.set_aside(path, why, "the scores of later epochs are kept anew")

    def forget_after(self, epoch: int) -> None:
        """Forget the scores of epochs that a resumed run will train again.

        Args:
            epoch: The last one to keep.
        """
        self._scores = {e: s for e, s in self._scores.items() if e <= epoch}

    def __contains__(self, epoch: object) -> bool:
        """Whether an epoch was scored."""
        return epoch in self._scores

    def add(self, epoch: int, score: float) -> None:
        """Keep a score.

        Args:
            epoch: Counted from 1.
            score: Higher is better.
        """
        self._scores[epoch] = score
        write_json(self._path, {str(e): self._scores[e] for e in sorted(self._scores)})

    @property
    def best(self) -> int | None:
        """The epoch of the highest score, the first of equal ones; None of none."""
        ranked = sorted(self._scores, key=lambda epoch: (-self._scores[epoch], epoch))
        return ranked[0] if ranked else None


def _scores(record: Any) -> dict[int, float]:
    """The scores that a file holds; ValueError if it holds something else."""
    if not isinstance(record, dict):
        raise ValueError("it is no object")
    for epoch, score in record.items():
        if not (epoch.isdecimal() and 1 <= len(epoch) <= 9 and int(epoch) >= 1):
            raise ValueError(f"{epoch[:40]!r} is no epoch")
        if type(score) not in (int, float) or not abs(score) < math.inf:
            raise ValueError(f"epoch {epoch} has no number")
    return {int(epoch): float(score) for epoch, score in record.items()}
