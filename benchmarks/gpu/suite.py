"""The parts of the suite, in their order: a wrong result ends it."""

import time
from collections.abc import Callable, Iterator

from benchmarks.gpu import kernels, rerank, timing, training
from benchmarks.gpu.checking import WrongResultError
from benchmarks.record import Table

__all__ = ["WrongResultError", "run"]

Found = Iterator[Table | str]


def run(*, small: bool, deadline: float) -> Iterator[tuple[str, Found]]:
    """Check, then measure.

    Args:
        small: The smallest sizes.
        deadline: What is not begun by then, on the monotonic clock, is left out.

    Yields:
        Names of parts, and what each finds: tables and sentences.
    """

    def has_time(what: str, seconds: float = 30) -> bool:
        left = deadline - time.monotonic()
        if left < seconds and not small:
            print(f"left out: {what}, {left:.0f} s are left", flush=True)
            return False
        return True

    peaks = timing.peaks(size=256 if small else 8192)
    yield "kernels", iter([f"This device's peaks, measured: {peaks.shown()}."])
    yield "kernels", kernels.run(peaks, small=small, has_time=has_time)
    yield "gcr", rerank.run(small=small, has_time=has_time)
    yield "training", _training(small=small, has_time=has_time)


def _training(*, small: bool, has_time: Callable[..., bool]) -> Found:
    works = (training.SMALL,) if small else training.MEASURED
    rates = []
    for rate in training.all_rates(works, small=small, has_time=has_time):
        rates.append(rate)
        print(rate, flush=True)
    yield training.rates_table(rates)
    yield training.hours_table((*works, *training.ESTIMATED), rates)
