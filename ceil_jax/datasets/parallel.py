"""Doing the same to many things at once, with the results in their order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 8  # results per worker that may wait for their turn


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], *, num_workers: int
) -> Generator[R, None, None]:
    """Apply a function to items in threads, and yield the results in their order.

    Few results exist at any time, so that memory does not grow with the items. An
    exception arrives where its result would have. When the caller stops early, be it by
    Ctrl-C, what has not begun is not begun any more.

    Threads serve here because Pillow holds no lock while it decodes and resizes; they
    start at once, need no copies between processes, and are the same on every system.

    Args:
        function: What to apply; called from several threads.
        items: The items, taken from the calling thread.
        num_workers: Number of threads.

    Yields:
        The results.
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(num_workers, thread_name_prefix="images") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= num_workers * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
