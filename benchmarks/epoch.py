"""Where one epoch's time goes, and how long the device has nothing to do in it.

    python -m benchmarks.epoch

Takes a minute and a half on two cores; `--steps` makes epochs longer.
"""

import contextlib
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any
from unittest import mock

import jax
from absl import app, flags

from benchmarks import flagged, measure
from benchmarks.record import Record, Table
from ceil_jax.embedding import embedder
from ceil_jax.experiment import build, compilation, epoch, sources
from ceil_jax.experiment.config import Config
from configs import synthetic

_FLAGS = flagged.own(__name__)
_STEPS = flags.DEFINE_integer("steps", 20, "Steps of an epoch.", flag_values=_FLAGS)
_IDENTITIES = flags.DEFINE_integer(
    "identities", 100, "People to train on.", flag_values=_FLAGS
)
_RUNS = flags.DEFINE_integer(
    "runs", 3, "Watched epochs of each row.", flag_values=_FLAGS
)
_CACHE = flags.DEFINE_string(
    "prepared_dir", "", "Home of prepared data.", flag_values=_FLAGS
)

PARTS = ("embed", "fit")
EVERY_PART = ("embed", "cluster", "match", "fit")
IN_MEMORY, ON_DISK = 2.0, 1e-6  # GiB that images may take
HEADERS = (
    *("images", "batches", *(f"{part} s" for part in EVERY_PART)),
    *(f"device idle in {part}" for part in PARTS),
)
NOTES = (
    "The program's own epochs of stage 2 on the embedded data set, after one that "
    "compiled; medians of epochs in turns. A batch is read either when the loop asks "
    "for it, or ahead in a thread. The device is idle while no issued step is "
    "unfinished: a second thread waits for each step's output and notes when it is "
    "there; the rest of a part's seconds is idle. Steps are issued without waiting in "
    "every row, so even what is read when asked for is read while the device works. On "
    "a CPU the reading thread and the device share the cores: what is hidden still "
    "takes its time.",
)


class Watch:
    """Notes when steps are issued and when their outputs are there."""

    def __init__(self) -> None:
        """Start the thread that waits for outputs."""
        self._issued: queue.Queue[tuple[str, float, Any] | None] = queue.Queue()
        self._busy: dict[str, float] = {}
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def _wait(self) -> None:
        last = 0.0
        while (item := self._issued.get()) is not None:
            part, begun, output = item
            jax.block_until_ready(output)
            done = time.perf_counter()
            # A step begins when it is issued, but not before the one ahead is done.
            passed = done - max(begun, last)
            self._busy[part] = self._busy.get(part, 0.0) + passed
            last = done

    def steps(
        self, part: str, step: Callable[..., Any], output: Callable[[Any], Any]
    ) -> Callable[..., Any]:
        """The same step, watched.

        Args:
            part: Of the epoch.
            step: The compiled step.
            output: Picks what may be waited for: nothing that the next step takes over.

        Returns:
            The step.
        """

        def run(*args: Any) -> Any:
            begun = time.perf_counter()
            result = step(*args)
            self._issued.put((part, begun, output(result)))
            return result

        return run

    def busy(self) -> dict[str, float]:
        """Stop; seconds in which the device had a step to run, by part."""
        self._issued.put(None)
        self._thread.join()
        return self._busy


def _when_asked(source: Iterable[Any]) -> Generator[Any, None, None]:
    """In place of `read_ahead`: read in the loop."""
    yield from source


@contextlib.contextmanager
def _reading(ahead: bool) -> Iterator[None]:
    if ahead:
        yield
        return
    with (
        mock.patch.object(epoch, "read_ahead", _when_asked),
        mock.patch.object(embedder, "read_ahead", _when_asked),
    ):
        yield


def config_of(cache_gib: float) -> Config:
    """The embedded data set's configuration, with short epochs.

    Args:
        cache_gib: Images up to this size are kept in memory.

    Returns:
        One epoch of stage 1, two of stage 2.
    """
    config = synthetic.get_config()
    config.cache_gib = cache_gib
    config.prepared_dir = _CACHE.value
    config.stage1_epochs, config.stage2_epochs = 1, 2
    config.batch.stage1_steps, config.batch.stage2_steps = 1, _STEPS.value
    config.synthetic.num_train_identities = _IDENTITIES.value
    return config


class Training:
    """A training whose epochs are watched.

    Attributes:
        seconds: Of each watched epoch's parts.
        idle: Share of `PARTS` in which the device had nothing to do, likewise.
    """

    def __init__(self, cache_gib: float, *, ahead: bool) -> None:
        """Compile everything.

        Args:
            cache_gib: See `config_of`.
            ahead: Read batches ahead.
        """
        config = config_of(cache_gib)
        devices = build.devices_of(config)
        self._ahead = ahead
        self._trainer = build.trainer_of(config, sources.load_images(config), devices)
        self._state = build.initial_state(config)
        self.seconds: list[dict[str, float]] = []
        self.idle: list[dict[str, float]] = []
        self._steps: Any = self._trainer.steps
        self._embedder: Any = self._trainer.embed
        self._fit = self._steps[2]
        self._embed = dict(self._embedder._steps)
        with _reading(ahead):
            for number in (1, 2):
                self._state, _ = self._trainer.epoch(self._state, number)

    def watched_epoch(self) -> None:
        """Train one more epoch."""
        watch, made = Watch(), self._trainer
        self._steps[2] = watch.steps("fit", self._fit, lambda out: out[2])
        for name, step in self._embed.items():
            self._embedder._steps[name] = watch.steps("embed", step, lambda out: out)
        try:
            with _reading(self._ahead):
                self._state, record = made.epoch(self._state, 2)
        finally:
            busy = watch.busy()
        seconds = record["seconds"]
        self.seconds.append(seconds)
        self.idle.append({k: max(0.0, 1 - busy[k] / seconds[k]) for k in PARTS})


def _median(epochs: list[dict[str, float]], part: str) -> float:
    return statistics.median(epoch[part] for epoch in epochs)


def main(argv: list[str]) -> None:
    """Measure images in memory and on disk, read on demand and ahead."""
    del argv
    cases = [
        (where, how, cache_gib, ahead)
        for where, cache_gib in (("memory", IN_MEMORY), ("disk", ON_DISK))
        for how, ahead in (("when asked for", False), ("ahead", True))
    ]
    with tempfile.TemporaryDirectory() as folder:
        compilation.use_cache(folder)
        trainings = [Training(gib, ahead=ahead) for _, _, gib, ahead in cases]
    for _ in range(_RUNS.value):
        for each in trainings:
            each.watched_epoch()
    rows = [
        [
            *case[:2],
            *(_median(each.seconds, part) for part in EVERY_PART),
            *(f"{_median(each.idle, part):.1%}" for part in PARTS),
        ]
        for case, each in zip(cases, trainings, strict=True)
    ]
    config = config_of(IN_MEMORY)
    height, width = config.image_size
    caption = (
        f"Seconds of an epoch's parts: {_IDENTITIES.value} people, images of "
        f"{height}x{width}, {_STEPS.value} steps of "
        f"{4 * config.batch.visible_rows} views."
    )
    Record(
        title="Epoch",
        command="python -m benchmarks.epoch",
        tables=[Table(caption, HEADERS, rows)],
        notes=(
            *NOTES,
            f"The process, which holds all {len(cases)} trainings, took "
            f"{measure.number(measure.peak_gib())} GiB at its peak.",
        ),
    ).show()


if __name__ == "__main__":
    app.run(main)
