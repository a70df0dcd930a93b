"""What keeps a training's work: on its way, and where it is told to stop."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.experiment import stopping
from ceil_jax.experiment.writer import Writer
from ceil_jax.training.state import TrainState
from ceil_jax.training.within import Within

SHARE = 0.02
"""Of the time, that saving within epochs may take."""
SLOW_STEP_SECONDS = 8.0
"""Longer steps are not waited for when the program is told to stop."""
GO_ON = "the same command goes on from there"

Taken = tuple[TrainState, Within]


class Keeper:
    """Saves within epochs now and then, and where the program is told to stop.

    Whatever is saved can be gone on from to the same bits: the end of an epoch, or a
    place between two of its steps with all that the other steps need.
    """

    def __init__(
        self,
        saved: Checkpoints,
        writer: Writer,
        record: Mapping[str, Any],
        *,
        save_minutes: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is held yet.

        Args:
            saved: The checkpoints.
            writer: The right to write them.
            record: That of every checkpoint.
            save_minutes: Minutes between two saves within epochs at least; 0 for none.
            now: The clock, in seconds.
        """
        self._saved, self._writer, self._record = saved, writer, record
        self._every, self._now = 60 * save_minutes, now
        self._last = self._last_step = now()
        self._held: Callable[[], str] | None = None  # saves what is not saved yet
        self._is_copy = False  # whether no step takes over what is held
        self._lock = threading.RLock()
        self._kept = ""  # the last place that was saved, in words; "" for none

    def hold(self, state: TrainState, epoch: int, *, is_saved: bool) -> None:
        """Take note of the end of an epoch.

        Args:
            state: The state; the next epoch's first step takes it over.
            epoch: Epochs finished.
            is_saved: Whether its checkpoint is there, or on its way.
        """
        self._is_copy = False
        self._held = None
        if is_saved:
            self._kept = f"epoch {epoch}"
        elif epoch:
            self._held = lambda: self._save_end(state, epoch)
        self._last_step = self._now()

    def begin_steps(self) -> None:
        """Take note that an epoch's steps begin: its first one is timed from here."""
        self._last_step = self._now()

    def went_on_from(self, place: str) -> None:
        """Take note of what the training goes on from.

        Args:
            place: In words.
        """
        self._held, self._kept = None, place

    def at_step(self, take: Callable[[], Taken]) -> None:
        """Between two steps: save if it is time, stop if it is asked for.

        Args:
            take: Waits for the steps in flight; gives the state and the place.

        Raises:
            Stopped: It was asked for, and all is saved.
            UserError: A checkpoint could not be saved, or the folder is gone.
        """
        with self._lock:
            self._at_step(take)

    def _at_step(self, take: Callable[[], Taken]) -> None:
        now, number = self._now(), stopping.current().number
        step_seconds, self._last_step = now - self._last_step, now
        if not self._is_copy:
            self._held = None  # the step took it over
        if number is not None:
            with stopping.current().saving():
                place = self._save(*take())
                self._saved.wait()
            raise stopping.Stopped(number, f"saved at {place}; {GO_ON}")
        self._saved.check()
        self._writer.check_now_and_then()
        if self._is_due(now):
            self._save(*take())
            self._held, self._is_copy = None, False  # a copy is of an earlier step
        elif step_seconds > SLOW_STEP_SECONDS:
            self._hold_copy(*take())
        self._last_step = self._now()

    def _is_due(self, now: float) -> bool:
        pause = max(self._every, self._saved.seconds / SHARE)
        return bool(self._every) and now - self._last >= pause

    def _hold_copy(self, state: TrainState, within: Within) -> None:
        state, memories = jax.tree.map(
            np.array, jax.device_get((state, within.memories))
        )
        copy = within._replace(memories=memories)
        self._is_copy, self._held = True, lambda: self._save(state, copy)

    def _save_end(self, state: TrainState, epoch: int) -> str:
        self._saved.save(state, epoch, self._record, step=0)
        self._kept = f"epoch {epoch}"
        return self._kept

    def _save(self, state: TrainState, within: Within) -> str:
        self._saved.save(
            state,
            within.epoch - 1,
            {**self._record, "within": within.facts()},
            step=within.step,
            within=within.arrays(),
        )
        self._last = self._now()
        self._kept = f"epoch {within.epoch}, step {within.step}"
        return self._kept

    def stopped(self) -> str:
        """Save what is held, where no step can be waited for.

        Returns:
            What was saved and how to go on, in words; "" for nothing.
        """
        with self._lock:  # the watching thread may have come here first
            if self._held is not None:
                held, self._held = self._held, None
                held()
            self._saved.wait()
        return f"saved at {self._kept}; {GO_ON}" if self._kept else ""
