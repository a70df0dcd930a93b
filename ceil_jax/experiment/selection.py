"""Which epoch of a run is its model: the last, or the best on the test set."""

from pathlib import Path

from ceil_jax.checkpoints import scores as stored_scores
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import write_json
from ceil_jax.experiment import damaged

LAST, BEST_ON_TEST = "last", stored_scores.BEST_ON_TEST
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
            self._scores = stored_scores.read(path)
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
        return stored_scores.best(self._scores)
