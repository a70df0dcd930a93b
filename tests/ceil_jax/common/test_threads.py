import threading
import time

import pytest

from ceil_jax.common import threads


def test_results_are_in_the_order_of_the_items():
    def slow_first(item: int) -> int:
        time.sleep(0.01 if item == 0 else 0)
        return item * item

    got = list(threads.in_order(slow_first, range(20), num_threads=3))
    assert got == [item * item for item in range(20)]


def test_no_more_than_a_few_results_wait():
    started, lock = [], threading.Lock()

    def start(item: int) -> int:
        with lock:
            started.append(item)
        return item

    results = threads.in_order(start, range(1000), num_threads=2)
    assert next(results) == 0
    results.close()
    assert len(started) <= 3


def test_each_item_is_taken_once():
    taken = []
    threads.for_each(taken.append, range(50))
    assert sorted(taken) == [*range(50)]
    with pytest.raises(ZeroDivisionError):
        threads.for_each(lambda item: 1 // item, [1, 0, 1])


def test_errors_come_through():
    with pytest.raises(ZeroDivisionError):
        list(threads.in_order(lambda item: 1 // item, [1, 0, 1]))


def test_no_items_are_no_results():
    assert list(threads.in_order(str, [])) == []


def test_cores():
    assert threads.num_cores() >= 1
