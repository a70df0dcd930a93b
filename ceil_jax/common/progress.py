"""What long work says on the way: a bar on a terminal, else a line now and then."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")
EVERY_SECONDS = 30.0
"""Longest silence of long work where no terminal shows a bar."""
_CHECK_SECONDS = 1.0


def duration(seconds: float) -> str:
    """A time as people say it.

    Args:
        seconds: How long.

    Returns:
        Its two largest units, such as "35 s", "2 min 10 s" or "1 h 5 min".
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _many(unit: str) -> str:
    """The plural of what is counted; bars on a terminal take the singular."""
    return {"": "", "img": "images", "query": "queries"}.get(unit, f"{unit}s")


class Part(Generic[T]):
    """A part of the work, which reports itself in lines; used as tqdm's bars are.

    Attributes:
        desc: What is going on.
        unit: What is counted.
        total: Number of units; None where nothing is counted.
        n: Units done.
    """

    def __init__(
        self,
        watch: "Watch",
        iterable: Iterable[T] | None = None,
        *,
        total: int | None = None,
        desc: str = "",
        unit: str = "",
    ) -> None:
        """Open the part.

        Args:
            watch: Decides when a line is due.
            iterable: What to walk through.
            total: Number of units.
            desc: What is going on.
            unit: What is counted.
        """
        if total is None and iterable is not None:
            total = len(iterable) if hasattr(iterable, "__len__") else None  # type: ignore[arg-type]
        self.desc, self.unit, self.total, self.n = desc, unit, total, 0
        self._iterable, self._watch = iterable, watch
        self._start = watch.now()
        watch.open(self)

    def __enter__(self) -> "Part[T]":
        """Return itself."""
        return self

    def __exit__(self, *unused: object) -> None:
        """Close the part."""
        self.close()

    def __iter__(self) -> Iterator[T]:
        """Walk through the iterable and count."""
        assert self._iterable is not None
        try:
            for item in self._iterable:
                yield item
                self.update()
        finally:
            self.close()

    def update(self, n: int = 1) -> None:
        """Count units that are done.

        Args:
            n: How many.
        """
        self.n += n
        self._watch.tell()

    def refresh(self) -> None:
        """Print a line, if it is time for one."""
        self._watch.tell()

    def close(self) -> None:
        """End the part; again does nothing."""
        self._watch.close(self)

    def line(self, now: float) -> str:
        """What is done, the time it took and the time it will still take.

        Args:
            now: Reading of the watch's clock.

        Returns:
            One line.
        """
        passed = now - self._start
        words = [duration(passed)]
        if self.total:
            words = [
                f"{self.n:,} of {self.total:,} {_many(self.unit)}".rstrip(),
                *words,
            ]
            if 0 < self.n < self.total:
                left = passed / self.n * (self.total - self.n)
                words.append(f"{duration(left)} left")
        elif self.n:
            words = [f"{self.n:,} {_many(self.unit)}".rstrip(), *words]
        return f"{self.desc or 'working'}: {', '.join(words)}"


class Watch:
    """The open parts, innermost last, and when the last line was printed.

    A line tells of the innermost part. The time runs from when the first part opens:
    short work says nothing, however often it is done.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        *,
        pause: Callable[[threading.Event], bool] = lambda end: end.wait(_CHECK_SECONDS),
        every: float = EVERY_SECONDS,
    ) -> None:
        """Begin with no part.

        Args:
            now: The clock, in seconds.
            pause: Waits between two looks at the clock; true once the event is set.
            every: Seconds between two lines.
        """
        self.now, self._pause, self._every = now, pause, every
        self._lock = threading.RLock()
        self._parts: list[Part[Any]] = []
        self._last = 0.0
        self._end = threading.Event()

    def open(self, part: Part[Any]) -> None:
        """Add a part; the first one starts a thread that looks at the clock.

        Args:
            part: Now the innermost.
        """
        with self._lock:
            self._parts.append(part)
            if len(self._parts) > 1:
                return
            self._last = self.now()
            self._end = threading.Event()
            thread = threading.Thread(
                target=self.look, args=(self._end,), name="progress", daemon=True
            )
        thread.start()

    def close(self, part: Part[Any]) -> None:
        """Take a part away; the last one ends the thread.

        Args:
            part: One that may be closed already.
        """
        with self._lock:
            if part in self._parts:
                self._parts.remove(part)
                if not self._parts:
                    self._end.set()

    def look(self, end: threading.Event) -> None:
        """Look at the clock until the event is set: work that counts nothing is told.

        Args:
            end: Set when there is no part any more.
        """
        while not self._pause(end):
            self.tell()

    def tell(self) -> None:
        """Print a line about the innermost part, if it is time for one."""
        with self._lock:
            now = self.now()
            if not self._parts or now - self._last < self._every:
                return
            self._last = now
            try:
                print(self._parts[-1].line(now), file=sys.stderr, flush=True)
            except (OSError, ValueError):  # nobody reads it: the work goes on
                return


_WATCH = Watch()


def bar(
    iterable: Iterable[T] | None = None,
    *,
    total: int | None = None,
    desc: str = "",
    unit: str = "it",
    shown: bool = True,
) -> "tqdm[Any] | Part[T]":
    """Progress with the time left: a bar on a terminal, else a line every 30 s.

    Args:
        iterable: What to walk through, or None to call `update` by hand.
        total: Number of units; taken from `iterable` where it has a length.
        desc: What is going on, in one or two words.
        unit: What is counted, e.g. "image".
        shown: Whether it may show at all.

    Returns:
        The bar; also a context manager.
    """
    if shown and not sys.stderr.isatty():
        return Part(_WATCH, iterable, total=total, desc=desc, unit=unit)
    # Only here: what shows no bar does without it.
    from tqdm import tqdm

    return tqdm(
        iterable,
        total=total,
        desc=desc,
        unit=unit,
        leave=False,
        dynamic_ncols=True,
        disable=not shown,
    )


@contextmanager
def heartbeat(desc: str) -> Iterator[None]:
    """Say every 30 s that work without a count goes on, unless on a terminal.

    Args:
        desc: What is going on, e.g. "compiling".

    Yields:
        Nothing.
    """
    if sys.stderr.isatty():
        yield
        return
    with Part(_WATCH, desc=desc):
        yield
