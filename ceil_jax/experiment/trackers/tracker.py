"""What a tracker of experiments is to a training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Start(NamedTuple):
    """What a tracker is told of the run whose curves it gets.

    Attributes:
        workdir: The run's folder.
        first_epoch: The first epoch to come, counted from 1; what a tracker has of it
            and of later ones was lost by the run and will come again.
        settings: The run's configuration as plain values.
        identity: A name of the run that stays when it is resumed, and that no other
            run has; letters and digits.
    """

    workdir: Path
    first_epoch: int = 1
    settings: Mapping[str, Any] = {}
    identity: str = ""

    @property
    def is_new(self) -> bool:
        """Whether nothing has been trained yet."""
        return self.first_epoch == 1


class Tracker(Protocol):
    """Gets the figures of a training as they come.

    Its methods may raise anything: the training goes on without the tracker then.
    """

    def add(self, values: Mapping[str, float], epoch: int) -> None:
        """Add a point to each of some curves.

        Args:
            values: Heights by the curves' names.
            epoch: Their place, counted from 1.
        """
        ...

    def add_picture(self, name: str, path: Path, epoch: int) -> None:
        """Show a picture.

        Args:
            name: What it is called.
            path: A PNG.
            epoch: The epoch of the model that it shows.
        """
        ...

    def close(self) -> None:
        """Finish: what was added is on the disk."""
        ...
