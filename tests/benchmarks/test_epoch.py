"""The watch on the device, with steps of known length."""

import time

import pytest

from benchmarks import epoch


class Output:
    """What is there at a given time."""

    def __init__(self, at: float) -> None:
        self.at = at

    def block_until_ready(self) -> "Output":
        time.sleep(max(0.0, self.at - time.perf_counter()))
        return self


def test_time_between_steps_is_not_busy():
    watch = epoch.Watch()
    step = watch.steps("fit", lambda: Output(time.perf_counter() + 0.1), lambda x: x)
    for _ in range(3):
        step().block_until_ready()
        time.sleep(0.1)
    assert watch.busy()["fit"] == pytest.approx(0.3, abs=0.05)


def test_steps_in_flight_are_counted_once():
    """Three are issued at once and done after 0.1, 0.2 and 0.3 seconds."""
    watch = epoch.Watch()
    start = time.perf_counter()
    step = watch.steps("fit", lambda n: Output(start + 0.1 * n), lambda x: x)
    for n in (1, 2, 3):
        step(n)
    busy = watch.busy()
    assert busy["fit"] == pytest.approx(0.3, abs=0.05)
