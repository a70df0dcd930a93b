"""Which epoch of a run is its model: the last, or the best on the test set."""

import json
from pathlib import Path

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import write_json

LAST, BEST_ON_TEST = "last", "best_on_test"
SELECTIONS = (LAST, BEST_ON_TEST)


class Scores:
    """Scores of the epochs that were evaluated, kept in a file of the run.

    They are apart from the checkpoints, so that an epoch is saved before it is scored:
    what goes wrong while it is scored loses no training.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, which need not exist yet.

        Args:
            path: `scores.json` of the run; written at the first `add`.

        Raises:
            UserError: The file is of another kind.
        """
        self._path = path
        self._scores: dict[int, float] = {}
        if path.exists():
            try:
                record = json.loads(path.read_text())
                self._scores = {int(e): float(score) for e, score in record.items()}
            except (ValueError, TypeError, AttributeError) as error:
                raise UserError(f"{path}: no scores of epochs: {error}") from error

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
