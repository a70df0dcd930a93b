"""Weights & Biases: a run on the disk, which `wandb sync` sends on request."""

import os
from collections.abc import Mapping
from pathlib import Path

import wandb

from ceil_jax.experiment.trackers.tracker import Start


class WeightsAndBiases:
    """A run in `WORKDIR/wandb`; nothing is sent unless `WANDB_MODE=online` is set."""

    def __init__(self, start: Start) -> None:
        """Begin or continue the run.

        Args:
            start: The run.

        Raises:
            Exception: Whatever W&B raises.
        """
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "ceil-jax"),
            name=start.workdir.name,
            id=start.identity,
            resume="allow",
            dir=str(start.workdir),
            config=dict(start.settings),
            mode="online" if os.environ.get("WANDB_MODE") == "online" else "offline",
            # The run alone: no source code, no output, no state of the machine.
            settings=wandb.Settings(
                console="off",
                disable_code=True,
                disable_git=True,
                silent=True,
                x_disable_machine_info=True,
                x_disable_meta=True,
                x_disable_stats=True,
            ),
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
        self._run.log({name: wandb.Image(str(path))}, step=epoch)

    def close(self) -> None:
        """Finish the run."""
        self._run.finish()
