"""All trackers of a run, of which none can stop it."""

import contextlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ceil_jax.common.files import explained, read_json, write_json
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.trackers import names as known
from ceil_jax.experiment.trackers.tracker import Start, Tracker

FILE = "trackers.json"
"""Keeps the identity of a run, so that a resumed one goes on where it was."""


class Trackers:
    """The trackers of a run. What one of them cannot do is told once."""

    def __init__(self, names: Sequence[str], start: Start) -> None:
        """Begin or continue the run in each tracker.

        Args:
            names: Of `names.NAMES`.
            start: The run; its identity is found in its folder, or made.
        """
        self._trackers: dict[str, Tracker] = {}
        for name in names:
            with self._alone(name, start.workdir):
                identity = "" if name == known.TENSORBOARD else _identity(start)
                own = start._replace(identity=identity)
                self._trackers[name] = _made(name, own)
        self._workdir = start.workdir

    def add(self, values: Mapping[str, float], epoch: int) -> None:
        """Add a point to each of some curves, see `Tracker.add`.

        Args:
            values: Heights by the curves' names.
            epoch: Their place, counted from 1.
        """
        self._each(lambda tracker: tracker.add(values, epoch))

    def add_picture(self, name: str, path: Path, epoch: int) -> None:
        """Show a picture, see `Tracker.add_picture`.

        Args:
            name: What it is called.
            path: A PNG.
            epoch: The epoch of the model that it shows.
        """
        self._each(lambda tracker: tracker.add_picture(name, path, epoch))

    def close(self) -> None:
        """Finish in each tracker."""
        self._each(lambda tracker: tracker.close())

    def _each(self, act: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            with self._alone(name, self._workdir):
                act(tracker)

    @contextlib.contextmanager
    def _alone(self, name: str, workdir: Path) -> Any:
        """Whatever a tracker raises ends its curves, and nothing else."""
        try:
            yield
        except Exception as error:  # of libraries of others
            self._trackers.pop(name, None)
            if isinstance(error, OSError):
                why = explained(error, workdir / name)
            else:
                why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            warn(f"the curves of {name} end here: {why}")


def _made(name: str, start: Start) -> Tracker:
    """A tracker; its library is imported now."""
    match name:
        case known.TENSORBOARD:
            from ceil_jax.experiment.trackers.tensorboard import TensorBoard

            return TensorBoard(start)
        case known.WANDB:
            from ceil_jax.experiment.trackers.wandb_offline import WeightsAndBiases

            return WeightsAndBiases(start)
        case known.MLFLOW:
            from ceil_jax.experiment.trackers.mlflow_store import MLflow

            return MLflow(start)
        case known.TRACKIO:
            from ceil_jax.experiment.trackers.trackio_local import Trackio

            return Trackio(start)
    raise ValueError(f"{name=} must be one of {', '.join(known.NAMES)}")


def _identity(start: Start) -> str:
    """That of the run in its folder; a training that begins anew gets a new one."""
    path = start.workdir / FILE
    if not start.is_new:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            found = read_json(path)["identity"]
            if isinstance(found, str) and found.isalnum():
                return found
    made = secrets.token_hex(4)
    write_json(path, {"identity": made})
    return made
