"""The checkpoints of a run: which there are, which are kept, the newest whole one."""

import dataclasses
import math
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import serialization

from ceil_jax.checkpoints import stored
from ceil_jax.checkpoints.saved import STATE, WITHIN, Place, Saved, place_of
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import set_aside

SAVE_SECONDS = 600.0
"""Longest wait for what is being written."""
RETRIES = 10
"""Looks at a folder in which another process adds and removes checkpoints."""


class Checkpoints:
    """The checkpoints of one run's folder; a context manager.

    The last two epochs are kept, those in `keep_epochs`, and the best. Each is saved
    before it is scored, so the best is known from elsewhere, when the next is. A state
    within an epoch is kept until a later state is there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep_epochs: tuple[int, ...] = (),
        best: Callable[[], int | None] = lambda: None,
        guard: Callable[[], None] | None = None,
    ) -> None:
        """Open the folder, which need not exist yet.

        Args:
            folder: The run's `checkpoints` folder.
            keep_epochs: Epochs whose checkpoints are never removed.
            best: The epoch that is the best so far, if any.
            guard: Given by the one process that may write here; raises where it may
                not any more. Without it nothing in the folder is changed.
        """
        self._folder, self._keep, self._best = folder, keep_epochs, best
        self._guard = guard
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.seconds = 0.0  # that the last checkpoint took to save; inf until it is
        if guard is not None:
            self._remove_drafts()

    def __enter__(self) -> "Checkpoints":
        """Return itself."""
        return self

    def __exit__(self, kind: object, *unused: object) -> None:
        """Wait for what is being written; its failure is raised, unless another is."""
        try:
            self.wait()
        except Exception:
            if kind is None:
                raise

    @property
    def places(self) -> list[Place]:
        """All checkpoints, whole or not, the latest first."""
        try:
            names = [each.name for each in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(f"{self._folder}: unreadable: {error.strerror}") from error
        places = [place for place in map(place_of, names) if place is not None]
        return sorted(places, key=lambda place: place.order, reverse=True)

    @property
    def epochs(self) -> list[int]:
        """Epochs of all checkpoints at the end of one, ascending."""
        return sorted(place.done for place in self.places if place.step is None)

    @property
    def latest_epoch(self) -> int | None:
        """The greatest of them; None where there is none."""
        return max(self.epochs, default=None)

    def save(
        self,
        state: Any,
        epoch: int,
        record: Mapping[str, Any],
        *,
        step: int | None = None,
        within: Mapping[str, Any] | None = None,
    ) -> None:
        """Save in the background.

        Args:
            state: The training state; it is copied to the host first, so that it may
                be donated at once and be restored on any number of devices.
            epoch: Epochs finished.
            record: Plain values.
            step: Steps taken of the epoch after them, see `Place`.
            within: Arrays that its other steps need; they are copied, too.

        Raises:
            UserError: The checkpoint before could not be saved.
        """
        self.wait()
        place = Place(epoch, step)
        if place in self.places:
            return
        assert self._guard is not None
        self._guard()
        begin = time.monotonic()
        arrays = {STATE: serialization.to_state_dict(jax.device_get(state))}
        if within is not None:
            arrays[WITHIN] = dict(jax.device_get(within))
        # Copies: on a CPU a host array may be the memory that the next step takes over.
        arrays = jax.tree.map(np.array, arrays)

        def write() -> None:
            try:
                folder = self._folder / place.name
                stored.write(folder, arrays, record, list(place))
                self._remove_old(place)
                self.seconds = time.monotonic() - begin
            except BaseException as error:
                self._error = error

        self.seconds = math.inf
        self._thread = threading.Thread(target=write, name="save", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise what went wrong in the background.

        Raises:
            UserError: The last checkpoint could not be saved.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def wait(self) -> None:
        """Wait for what is being written.

        Raises:
            UserError: It could not be saved, or not in time.
        """
        if self._thread is not None:
            thread, self._thread = self._thread, None
            thread.join(SAVE_SECONDS)
            if thread.is_alive():
                raise UserError(
                    f"{self._folder}: a checkpoint is not written after "
                    f"{SAVE_SECONDS:.0f} s: the disk does not answer"
                )
        self.check()

    def open(self, epoch: int | None = None) -> Saved:
        """Read a checkpoint and prove it.

        Args:
            epoch: Which; None for the newest whole one, within an epoch or not.

        Returns:
            What it holds.

        Raises:
            UserError: There is none, or none that is whole.
        """
        if epoch is None:
            return self._newest(lambda place: True)
        if epoch not in self.epochs:
            if not self.places:
                raise self._none()
            raise UserError(
                f"{self._folder}: no checkpoint of epoch {epoch}, but of {self.epochs}"
            )
        try:
            return self._read(Place(epoch))
        except stored.DamagedError as error:
            raise UserError(
                f"{self._folder / str(epoch)}: the checkpoint of epoch {epoch} is "
                f"damaged ({error})"
            ) from error

    def newest_epoch(self) -> Saved:
        """The newest whole checkpoint at the end of an epoch.

        Returns:
            What it holds.

        Raises:
            UserError: There is none, or none that is whole.
        """
        return self._newest(lambda place: place.step is None)

    def restore(self, like: Any, epoch: int | None = None) -> Any:
        """The state of a checkpoint.

        Args:
            like: See `Saved.state`.
            epoch: See `open`.

        Returns:
            The state, on the host.

        Raises:
            UserError: See `open` and `Saved.state`.
        """
        return self.open(epoch).state(like)

    def _none(self) -> UserError:
        return UserError(f"{self._folder}: no checkpoint here; train first")

    def _read(self, place: Place) -> Saved:
        folder = self._folder / place.name
        got = stored.read(folder, list(place))
        return Saved(place, got.record, got.arrays, folder)

    def _newest(self, is_meant: Callable[[Place], bool]) -> Saved:
        for _ in range(RETRIES):
            try:
                return self._newest_of(list(filter(is_meant, self.places)))
            except FileNotFoundError:  # the training that writes here was faster
                continue
        raise UserError(f"{self._folder}: its checkpoints change too fast to be read")

    def _newest_of(self, places: list[Place]) -> Saved:
        damaged: list[tuple[Place, str]] = []
        for place in places:
            try:
                got = self._read(place)
            except stored.DamagedError as error:
                if not (self._folder / place.name).exists():
                    raise FileNotFoundError(place.name) from error
                damaged.append((place, str(error)))
                continue
            lines = [self._set_aside(*each, got.place) for each in damaged]
            return dataclasses.replace(got, skipped=tuple(lines))
        if damaged:
            said = "; ".join(f"{place} ({why})" for place, why in damaged)
            raise UserError(
                f"{self._folder}: no checkpoint is whole: {said}. Nothing was deleted; "
                "give another --workdir to train anew"
            )
        raise self._none()

    def check_room(self, state: Any, epochs_left: int) -> None:
        """Refuse to begin what the disk has no room for.

        Args:
            state: The training state.
            epochs_left: Epochs that are still to be trained.

        Raises:
            UserError: Says what is needed and what is free.
        """
        each = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
        # The last two, the ends of stages, the best, one within an epoch, one draft.
        number = min(epochs_left, 2) + len(self._keep) + 3 - len(self.places)
        nearest = next(p for p in (self._folder, *self._folder.parents) if p.exists())
        free = shutil.disk_usage(nearest).free
        if number * each > free:
            raise UserError(
                f"{self._folder}: {number} checkpoints of {each / 1e6:,.0f} MB need "
                f"{number * each / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free there"
            )

    def _set_aside(self, place: Place, reason: str, taken: Place) -> str:
        """Move a damaged checkpoint out of the way, if this process may; say so."""
        folder, moved = self._folder / place.name, ""
        if self._guard is not None:
            self._guard()
            moved = f" and is now {set_aside(folder).name}"
        return (
            f"{folder}: the checkpoint of {place} is damaged ({reason}){moved}; "
            f"that of {taken} was taken"
        )

    def _remove_old(self, newest: Place) -> None:
        """Remove what need not be kept once a checkpoint is there."""
        best = self._best()
        kept = {*self.epochs[-2:], *self._keep} | (
            {best} if best is not None else set()
        )
        for place in self.places:
            is_passed = place.step is not None and place.order < newest.order
            if is_passed or (place.step is None and place.done not in kept):
                self._remove(self._folder / place.name)

    def _remove(self, folder: Path) -> None:
        # Under another name first: half a checkpoint is never taken for one.
        doomed = folder.with_name(f"{folder.name}.removed")
        shutil.rmtree(doomed, ignore_errors=True)
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def _remove_drafts(self) -> None:
        """Remove what a kill while saving or removing has left."""
        for pattern in ("*.orbax-checkpoint-tmp*", "*.removed"):
            for left in self._folder.glob(pattern):
                shutil.rmtree(left, ignore_errors=True)
