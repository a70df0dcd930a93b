"""TensorBoard curves of a run, written in the thread that has them.

tensorboardX's `SummaryWriter` writes in a thread: where the disk is full that thread
dies with a traceback, and the program waits for ever for room in its queue.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog  # type: ignore[attr-defined]

from ceil_jax.common.files import explained
from ceil_jax.experiment.announce import warn


class Curves:
    """An event file. What cannot be written is told once, and the run goes on."""

    def __init__(self, folder: Path, *, first_epoch: int) -> None:
        """Begin a file.

        Args:
            folder: `tensorboard` of the run; it is made if need be.
            first_epoch: Curves of earlier files are cut off before it.
        """
        self._folder = folder
        self._writer: EventsWriter | None = None
        try:
            folder.mkdir(exist_ok=True)
            self._writer = EventsWriter(str(folder / "events"))
        except OSError as error:
            self._give_up(error)
        start = SessionLog(status=SessionLog.START)
        self._write(Event(step=first_epoch, session_log=start))

    def add(self, name: str, value: float, epoch: int) -> None:
        """Add a point.

        Args:
            name: The curve.
            value: Its height.
            epoch: Its place.
        """
        self._write(Event(step=epoch, summary=summary.scalar(name, value)))

    def flush(self) -> None:
        """Let TensorBoard see what was added."""
        self._do(EventsWriter.flush)

    def close(self) -> None:
        """Close the file."""
        self._do(EventsWriter.close)

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._do(lambda writer: writer.write_event(event))

    def _do(self, act: Callable[[EventsWriter], Any]) -> None:
        try:
            if self._writer is not None:
                act(self._writer)
        except (OSError, ValueError) as error:
            self._give_up(error)

    def _give_up(self, error: OSError | ValueError) -> None:
        self._writer = None
        if isinstance(error, OSError):
            why = explained(error, self._folder)
        else:
            why = f"{self._folder}: {error}"
        warn(f"the curves end here: {why}")
