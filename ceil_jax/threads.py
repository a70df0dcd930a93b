"""Work on several cores, for what lets go of Python's lock: SciPy, NumPy, faiss."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    num_threads: int | None = None,
) -> Generator[Result, None, None]:
    """Results of a function for each item, in the order of the items.

    Only a few results wait at a time, so that memory does not grow with the number of
    items.

    Args:
        function: What is called, from several threads at once.
        items: Its arguments.
        num_threads: Threads; None for one per core.

    Yields:
        What the function returned, or raises what it raised.
    """
    num_threads = num_threads or num_cores()
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(num_threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > num_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def for_each(function: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Call a function that returns nothing for each item, from several threads.

    Args:
        function: What is called; what it raises is raised.
        items: Its arguments.
    """
    for _ in in_order(function, items):
        pass
