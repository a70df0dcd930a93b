"""Signals that end the program: what is asked for, and that it happens in time.

Python's handlers run in the main thread between two of its instructions, so not while a
program is compiled or a library searches. A thread of its own watches, too: it ends the
process where the main thread does not come to it.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from ceil_jax.experiment import interrupting

NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1")
MAIN_SECONDS = 8.0
"""Time for the main thread to come to a place where it can stop."""
ALL_SECONDS = 18.0
"""Time until the process ends, whatever it is doing."""
REPEAT_SECONDS = 0.2
"""Launchers may send a signal twice at once; it is one request."""
LOOK_SECONDS = 0.1
"""How often the watching thread looks at the clock, once it was asked for."""


class Stopped(BaseException):
    """The user, or what runs the program, asks it to end.

    Attributes:
        number: The signal.
        saved: What was saved and how to go on, a few words; "" where nothing was.
    """

    def __init__(self, number: int, saved: str = "") -> None:
        """Name the signal.

        Args:
            number: The signal.
            saved: See the class.
        """
        super().__init__(number, saved)
        self.number, self.saved = number, saved

    @property
    def status(self) -> int:
        """Exit status by the shell's rule: 143 for SIGTERM, 130, 129."""
        return 128 + self.number

    def __str__(self) -> str:
        """One line for the user."""
        return line(self.number, self.saved)


NOTHING = "nothing half-done was kept; the same command does the rest"
TOO_LONG = "what was being saved took too long; the checkpoint before is whole"


def line(number: int, saved: str = "") -> str:
    """What is said at the end.

    Args:
        number: The signal.
        saved: What was saved and how to go on; "" where nothing was.

    Returns:
        One line.
    """
    return f"stopped by {signal.Signals(number).name}: {saved or NOTHING}"


class Stopping:
    """Answers signals while the program works; a context manager of the main thread.

    A signal that was ignored before, as under `nohup`, stays ignored.
    """

    def __init__(
        self,
        *,
        main_seconds: float = MAIN_SECONDS,
        all_seconds: float = ALL_SECONDS,
    ) -> None:
        """Nothing is changed yet.

        Args:
            main_seconds: See `MAIN_SECONDS`.
            all_seconds: See `ALL_SECONDS`.
        """
        self.number: int | None = None
        self._main_seconds, self._all_seconds = main_seconds, all_seconds
        self._deferrals = 0
        self._is_saving = False
        self._last_resort: Callable[[], str] | None = None
        self._earlier: dict[int, Any] = {}
        self._thread: threading.Thread | None = None  # only in the main thread
        self._swallowed = interrupting.swallowed(Stopped, self._due)

    def __enter__(self) -> "Stopping":
        """Answer signals from now on."""
        global _current
        if threading.current_thread() is not threading.main_thread():
            return self
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        for name in NAMES:
            number = getattr(signal, name, None)  # Windows lacks some
            if number is None or signal.getsignal(number) in (signal.SIG_IGN, None):
                continue
            self._earlier[number] = signal.signal(number, self._handle)
        self._earlier_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._watch, name="stop", daemon=True)
        self._thread.start()
        self._swallowed.__enter__()
        _current = self
        return self

    def __exit__(self, *unused: object) -> None:
        """Leave signals to whoever had them before."""
        global _current
        if self._thread is None:
            return
        interrupting.disarm()
        self._swallowed.__exit__(None, None, None)
        signal.set_wakeup_fd(self._earlier_fd)
        for number, earlier in self._earlier.items():
            signal.signal(number, earlier)
        os.close(self._write)
        self._thread.join()
        os.close(self._read)
        _current = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """In the main thread: stop here, or where it is next allowed."""
        if self.number is None:
            self.number = number
            if not self._deferrals:
                interrupting.interrupt(frame, self._due)

    def _due(self) -> Stopped | None:
        """What is to be raised; nothing in a part that is not left half-way."""
        if self._deferrals or self.number is None:
            return None
        return Stopped(self.number)

    def _watch(self) -> None:
        """In a thread: see to it that the process ends in time."""
        first = self._next_signal(None)
        if first is None:
            return
        begin = time.monotonic()
        said: list[str] = []
        helper = threading.Thread(
            target=lambda: said.append(self._saved_at_last()), name="save", daemon=True
        )
        while not said and (passed := time.monotonic() - begin) < self._all_seconds:
            is_stuck = passed >= self._main_seconds and not self._is_saving
            if is_stuck and helper.ident is None:
                helper.start()  # it may be stuck as well
            number = self._next_signal(LOOK_SECONDS)
            if number is None:
                return
            if number and time.monotonic() - begin > REPEAT_SECONDS:
                self._leave(number, "at once, at the second signal")
        self._leave(first, said[0] if said else TOO_LONG)

    def _saved_at_last(self) -> str:
        """What could be saved without the main thread, in words."""
        if self._last_resort is None:
            return NOTHING
        try:
            return self._last_resort()
        except BaseException as error:
            return f"not saved ({error}); the checkpoint before is whole"

    def _next_signal(self, seconds: float | None) -> int | None:
        """The next of our signals; 0 where none came in time, None at the end."""
        ready, _, _ = select.select([self._read], [], [], seconds)
        if not ready:
            return 0
        got = os.read(self._read, 1)
        if not got:
            return None
        if got[0] in self._earlier:
            return got[0]
        return 0 if seconds is not None else self._next_signal(None)

    def _leave(self, number: int, how: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            os.write(2, f"\n{line(number, how)}\n".encode())
        os._exit(128 + number)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """A part that is not left half-way; a signal is answered at its end.

        Yields:
            Nothing.
        """
        self._deferrals += 1
        try:
            yield
        finally:
            self._deferrals -= 1
        if self.number is not None and not self._deferrals:
            raise Stopped(self.number)

    @contextlib.contextmanager
    def saving(self) -> Iterator[None]:
        """The last part, which saves: it gets all the time that there is.

        Yields:
            Nothing.
        """
        self._deferrals += 1
        self._is_saving = True  # for good: what follows tells what was saved
        try:
            yield
        finally:
            self._deferrals -= 1

    @contextlib.contextmanager
    def last_resort(self, save: Callable[[], str]) -> Iterator[None]:
        """A part in which the watching thread can save, if the main thread is stuck.

        Args:
            save: Saves, and says what.

        Yields:
            Nothing.
        """
        earlier, self._last_resort = self._last_resort, save
        try:
            yield
        finally:
            self._last_resort = earlier


_current: Stopping | None = None


def current() -> Stopping:
    """What answers signals now.

    Returns:
        The one of the program; outside of one, one that changes nothing.
    """
    return _current or Stopping()


def leave(status: int) -> None:
    """End the process without waiting for any thread of a library.

    Args:
        status: The exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
