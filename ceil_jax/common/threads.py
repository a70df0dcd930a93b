"""Work on several cores, for what lets go of Python's lock: SciPy, NumPy, faiss."""

import functools
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

KEPT_BYTES = 24 * 2**20
"""Arrays of up to so many bytes are made of memory that others have left."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def keep_freed_memory() -> None:
    """Let glibc keep what is freed, up to twice `KEPT_BYTES` for each thread.

    It would hand it back to the system, and the faults on new pages would take as long
    as sparse products do. Its rule, the "dynamic mmap threshold" of mallopt(3), follows
    the largest block below 32 MiB that has been freed.
    """
    np.empty(KEPT_BYTES, np.uint8)


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
    keep_freed_memory()
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
