"""Reading in the background: the next batches are there before they are asked for."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")
# Batches that lie ready. Two hide an even reader; more, one that stumbles.
DEPTH = 4
# How often a reader with nowhere to put its batch looks whether it is still wanted.
_LOOK_SECONDS = 0.1


class _End:
    """What a reader leaves last."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Reader(Generic[T]):
    """A thread that goes through a source and fills a queue of bounded length."""

    def __init__(self, source: Iterable[T], depth: int) -> None:
        self._source = source
        self.items: queue.Queue[T | _End] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="read_ahead", daemon=True
        )
        self._thread.start()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._read()
        except BaseException as caught:  # it is raised again where it is waited for
            error = caught
        self._put(_End(error))

    def _read(self) -> None:
        iterator = iter(self._source)
        try:
            for item in iterator:
                if not self._put(item):
                    return
        finally:
            # In this thread: a generator can only be closed where it does not run.
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    def _put(self, item: T | _End) -> bool:
        """Whether the item was put down, and not stopped before."""
        while not self._stopped.is_set():
            try:
                self.items.put(item, timeout=_LOOK_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def stop(self) -> None:
        """End the thread, whatever it waits for; returns when it has ended."""
        self._stopped.set()
        try:
            while True:  # makes room, so that a waiting reader looks at once
                self.items.get_nowait()
        except queue.Empty:
            pass
        self._thread.join()


def read_ahead(source: Iterable[T], *, depth: int = DEPTH) -> Generator[T, None, None]:
    """Go through a source in a background thread, in its own order.

    The thread begins with the first item that is asked for, and has ended when the
    iterator is used up, closed or has raised.

    Args:
        source: What is read; only the background thread touches it.
        depth: Items that lie ready at most; one more may be in the making.

    Yields:
        The items of the source. What the source raises is raised here, after the items
        before it.

    Raises:
        ValueError: `depth` is below 1.
    """
    if depth < 1:
        raise ValueError(f"{depth=} must be at least 1")
    return _read(source, depth)


def _read(source: Iterable[T], depth: int) -> Generator[T, None, None]:
    reader = _Reader(source, depth)
    try:
        while True:
            item = reader.items.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        reader.stop()
