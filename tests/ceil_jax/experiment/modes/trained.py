"""What stands for a training in tests of several."""

import json

from ceil_jax.evaluation.results import FIGURES, ModeResults, Results, Spread
from ceil_jax.experiment import settings, several
from ceil_jax.experiment.config import to_dict


def figures(rank1: float) -> Results:
    """Results whose every figure is the same."""
    side = {name: Spread(rank1, 0.0) for name in FIGURES}
    modes = {"visible_to_infrared": ModeResults(side, side, 4, 6)}
    return Results("regdb", "none", 1, modes, "epoch 2", dataset="regdb")


class Trained:
    """Writes what a run leaves; its figure is ten times `number_of` its configuration.

    Attributes:
        done: Numbers of the trainings that were done, in order.
        stop_at: The number of one that is interrupted.
    """

    def __init__(self, monkeypatch, number_of):
        self.done, self.latest, self.stop_at = [], {}, 0
        self._number_of = number_of
        monkeypatch.setattr(several, "train_and_evaluate", self)
        monkeypatch.setattr(several, "Checkpoints", self.checkpoints)

    def __call__(self, config, folder, *, take_over):
        assert not take_over
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(to_dict(config)))
        number = self._number_of(config)
        if number == self.stop_at:
            raise KeyboardInterrupt
        self.done.append(number)
        results = figures(10.0 * number)
        record = results.to_json() | {
            "trained_with": to_dict(config),
            "evaluated_with": settings.evaluated_with(config),
        }
        (folder / "results.json").write_text(json.dumps(record))
        self.latest[folder / "checkpoints"] = config.num_epochs
        return results

    def checkpoints(self, folder):
        outer = self

        class Opened:
            latest_epoch = outer.latest.get(folder)

        return Opened()
