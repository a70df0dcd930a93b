"""Trackio: a run in its local database."""

import contextlib
import io
import os
from collections.abc import Mapping
from pathlib import Path

from ceil_jax.experiment.trackers.tracker import Start

FOLDER = "trackio"
PROJECT = "ceil-jax"


class Trackio:
    """A run in `WORKDIR/trackio`, or the folder that `TRACKIO_DIR` names."""

    def __init__(self, start: Start) -> None:
        """Begin or continue the run.

        Args:
            start: The run.

        Raises:
            Exception: Whatever Trackio raises.
        """
        # Read when it is imported.
        os.environ.setdefault("TRACKIO_DIR", str((start.workdir / FOLDER).resolve()))
        import trackio  # pyright: ignore[reportMissingImports]

        self._trackio = trackio
        with _silent():
            self._run = trackio.init(
                project=PROJECT,
                name=f"{start.workdir.name}-{start.identity}",
                resume="allow",
                config=dict(start.settings),
                embed=False,
                auto_log_cpu=False,
                auto_log_gpu=False,
            )

    def add(self, values: Mapping[str, float], epoch: int) -> None:
        """Add a point to each of some curves, see `Tracker.add`.

        Args:
            values: Heights by the curves' names.
            epoch: Their place, counted from 1.
        """
        self._run.log(dict(values), step=epoch)

    def add_picture(self, name: str, path: Path, epoch: int) -> None:
        """Show a picture, see `Tracker.add_picture`.

        Args:
            name: What it is called.
            path: A PNG.
            epoch: The epoch of the model that it shows.
        """
        self._run.log({name: self._trackio.Image(str(path))}, step=epoch)

    def close(self) -> None:
        """Finish the run."""
        with _silent():
            self._trackio.finish()  # a run finished by itself is finished again at exit


def _silent() -> contextlib.AbstractContextManager[object]:
    """Without what Trackio prints: the lines of the run's program are its own."""
    return contextlib.redirect_stdout(io.StringIO())
