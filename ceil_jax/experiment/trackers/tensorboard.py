"""TensorBoard's event files, written in the thread that has the values.

tensorboardX's `SummaryWriter` writes in a thread: where the disk is full that thread
dies with a traceback, and the program waits for ever for room in its queue.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog  # type: ignore[attr-defined]
from tensorboardX.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

from ceil_jax.experiment import damaged
from ceil_jax.experiment.trackers.tracker import Start

FOLDER = "tensorboard"
_RGB = 3  # of the format: the number of channels
_PNG_SIZE = slice(16, 24)  # width and height, four bytes each, most significant first


class TensorBoard:
    """An event file in `WORKDIR/tensorboard`."""

    def __init__(self, start: Start) -> None:
        """Begin a file; TensorBoard drops what earlier ones say of epochs to come.

        Args:
            start: The run.

        Raises:
            OSError: The file cannot be made.
        """
        folder = start.workdir / FOLDER
        if folder.exists() and not folder.is_dir():
            damaged.set_aside(folder, "it is no folder", "the curves begin anew")
        folder.mkdir(exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))
        begun = SessionLog(status=SessionLog.START)
        self._write(step=start.first_epoch, session_log=begun)

    def add(self, values: Mapping[str, float], epoch: int) -> None:
        """Add a point to each of some curves, see `Tracker.add`.

        Args:
            values: Heights by the curves' names.
            epoch: Their place, counted from 1.
        """
        for name, value in values.items():
            self._write(step=epoch, summary=summary.scalar(name, value))
        self._writer.flush()

    def add_picture(self, name: str, path: Path, epoch: int) -> None:
        """Show a picture, see `Tracker.add_picture`.

        Args:
            name: What it is called.
            path: A PNG.
            epoch: The epoch of the model that it shows.
        """
        content = path.read_bytes()
        size = content[_PNG_SIZE]
        image = Summary.Image(
            encoded_image_string=content,
            colorspace=_RGB,
            width=int.from_bytes(size[:4], "big"),
            height=int.from_bytes(size[4:], "big"),
        )
        shown = Summary(value=[Summary.Value(tag=name, image=image)])
        self._write(step=epoch, summary=shown)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _write(self, **content: Any) -> None:
        self._writer.write_event(Event(wall_time=time.time(), **content))
