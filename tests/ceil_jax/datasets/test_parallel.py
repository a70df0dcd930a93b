import threading
import time

import pytest

from ceil_jax.datasets.parallel import AHEAD, ordered_map


def workers() -> set[threading.Thread]:
    """The threads that read images; another test's may still be there."""
    return {t for t in threading.enumerate() if t.name.startswith("images")}


def test_results_come_in_order_whatever_ends_first():
    def slow_first(n: int) -> int:
        time.sleep(0.02 if n % 3 == 0 else 0)
        return n * n

    got = list(ordered_map(slow_first, range(50), num_workers=4))
    assert got == [n * n for n in range(50)]
    assert list(ordered_map(slow_first, [], num_workers=2)) == []


def test_several_run_at_once():
    both = threading.Barrier(2, timeout=10)
    assert len(list(ordered_map(lambda n: both.wait(), range(4), num_workers=2))) == 4


def test_few_results_wait():
    taken = []
    items = (taken.append(n) or n for n in range(10_000))
    results = ordered_map(lambda n: n, items, num_workers=2)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(taken) <= 5 + 2 * AHEAD
    results.close()


def test_an_exception_comes_in_its_place_and_ends_the_work():
    begun = []

    def fails_at_three(n: int) -> int:
        begun.append(n)
        if n == 3:
            raise OSError("three")
        time.sleep(0.005)
        return n

    before = workers()
    results = ordered_map(fails_at_three, range(1000), num_workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="three"):
        next(results)
    assert len(begun) < 100
    assert workers() <= before


def test_an_interrupted_caller_leaves_no_thread():
    before = workers()
    results = ordered_map(lambda n: time.sleep(0.001), range(1000), num_workers=2)

    def use() -> None:
        for number, _ in enumerate(results):
            if number == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use()
    results.close()
    assert workers() <= before
