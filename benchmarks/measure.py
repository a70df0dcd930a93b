"""Measuring on shared machines: medians, ratios in one run, peaks of memory."""

import ctypes
import functools
import multiprocessing
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

LIBRARIES = ("jax", "jaxlib", "numpy", "scipy", "faiss-cpu", "faiss-gpu", "torch")


class Timing(NamedTuple):
    """Seconds of one thing, run several times.

    Attributes:
        median: Of all runs.
        lowest: Of all runs.
        highest: Of all runs.
        runs: How many there were.
    """

    median: float
    lowest: float
    highest: float
    runs: int

    def __str__(self) -> str:
        """Median with its spread."""
        if self.runs == 1:
            return number(self.median)
        low, high = number(self.lowest), number(self.highest)
        return f"{number(self.median)} ({low}-{high})"


class Measured(NamedTuple):
    """What a function of a process of its own cost.

    Attributes:
        result: What it returned.
        seconds: Its time.
        peak_gib: Largest resident memory of its process, in GiB.
        before_gib: The same just before it began, with all modules imported.
    """

    result: Any
    seconds: float
    peak_gib: float
    before_gib: float


def number(value: float) -> str:
    """A number with three figures that count."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def timings(
    functions: Mapping[str, Callable[[], Any]], *, runs: int = 5, warm_up: int = 1
) -> dict[str, Timing]:
    """Time several functions in turns, so that what disturbs one disturbs all.

    Args:
        functions: By name; each does its whole work before it returns.
        runs: Measured turns.
        warm_up: Turns before them that are not measured.

    Returns:
        Timings by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(warm_up + runs):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            passed = time.perf_counter() - start
            if turn >= warm_up:
                seconds[name].append(passed)
    return {name: timing(values) for name, values in seconds.items()}


def timing(seconds: list[float]) -> Timing:
    """Sum up some runs.

    Args:
        seconds: Of each.

    Returns:
        Median and spread.
    """
    return Timing(statistics.median(seconds), min(seconds), max(seconds), len(seconds))


def processor_seconds(act: Callable[[], Any], repeats: int) -> float:
    """Median seconds of the processor, after one run that does not count.

    Args:
        act: What is done.
        repeats: How often.
    """
    act()
    seconds = []
    for _ in range(repeats):
        begin = time.process_time()
        act()
        seconds.append(time.process_time() - begin)
    return statistics.median(seconds)


def peak_gib() -> float:
    """Largest resident memory of this process so far, in GiB."""
    status = Path("/proc/self/status")
    if status.is_file():  # what getrusage says there may be the parent's
        (line,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(line) / 2**20
    import resource  # not on Windows

    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _forget_peak() -> None:
    """Let the peak start again at what is resident now, where the system can."""
    try:
        ctypes.CDLL(None).malloc_trim(0)  # glibc: give freed memory back first
        Path("/proc/self/clear_refs").write_text("5")
    except (AttributeError, OSError, TypeError):
        pass


def _measure(
    function: Callable[..., Any], prepare: Callable[..., Any] | None, args: Any
) -> Measured:
    if prepare is not None:
        args = prepare(*args)
    _forget_peak()
    before = peak_gib()
    start = time.perf_counter()
    result = function(*args)
    return Measured(result, time.perf_counter() - start, peak_gib(), before)


def in_new_process(
    function: Callable[..., Any],
    *args: Any,
    prepare: Callable[..., tuple[Any, ...]] | None = None,
) -> Measured:
    """Call a function in a fresh process, whose memory is its own.

    Args:
        function: A function of a module.
        *args: Its arguments.
        prepare: Makes its arguments of these ones there, before anything is measured.

    Returns:
        Its result and what it cost; the memory of its arguments counts as `before`.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_measure, function, prepare, args).result()


def growth_gib(
    function: Callable[..., Any],
    *args: Any,
    prepare: Callable[..., tuple[Any, ...]] | None = None,
) -> float:
    """Memory that a call takes beside its arguments, in a process of its own, in GiB.

    Args:
        function: As in `in_new_process`.
        *args: Likewise.
        prepare: Likewise.

    Returns:
        The peak of resident memory less what was resident before.
    """
    cost = in_new_process(function, *args, prepare=prepare)
    return cost.peak_gib - cost.before_gib


@functools.cache
def matrix_rate(size: int = 2048, runs: int = 5) -> float:
    """GFLOP/s of NumPy's product of two square float32 matrices, the best of some runs.

    It is measured once in a process, so that all records of one are of one machine.

    Args:
        size: Rows of the matrices.
        runs: How often.

    Returns:
        10^9 floating-point operations per second, a product and a sum counted as two.
    """
    matrix = np.ones((size, size), np.float32)
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        np.matmul(matrix, matrix)
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds) / 1e9


def instruction_sets() -> list[str]:
    """The vector instruction sets that NumPy found on this processor.

    Returns:
        Their names, those that it was built for first.
    """
    found: Any = np.show_config(mode="dicts")
    known = found.get("SIMD Extensions", {})
    return [*known.get("baseline", []), *known.get("found", [])]


def machine() -> dict[str, str]:
    """What the figures were measured on: processor, cores, memory, versions.

    Two processors of one name may differ by a factor of two: family and model tell them
    apart, the matrix rate says what they do, and the list of instruction sets why.
    """
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.is_file() else ""
    if found := re.search(r"model name\s*:\s*(.+)", text):
        name = found[1]
    for key, field in (("family", "cpu family"), ("model", "model")):
        if found := re.search(rf"^{field}\s*:\s*(\d+)", text, re.MULTILINE):
            name = f"{name}, {key} {found[1]}"
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    about = {
        "processor": name,
        "cores": str(cores),
        "float32 matrix rate": f"{matrix_rate():.0f} GFLOP/s",
        "simd": " ".join(instruction_sets()),
        "python": platform.python_version(),
    }
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        about["memory"] = f"{memory / 2**30:.0f} GiB"
    for library in LIBRARIES:
        try:
            about[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return about
