"""What is compiled before it is needed is what is then called."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ceil_jax.common import parallel
from ceil_jax.training import pseudo_labels
from tests.ceil_jax.experiment.test_epoch import NOBODY, VISIBLE
from tests.integration.programs import Programs


def tripled(rate, rows):
    """Its name is looked for among what is compiled."""
    return {"rows": parallel.gather(rows["x"]) * rate * 3}


@pytest.fixture
def step():
    return parallel.over_devices(tripled, num_shared=1, num_split=1)


def rows(number):
    return {"x": np.arange(number * 2.0, dtype=np.float32).reshape(number, 2)}


RATE = np.asarray(0.5, np.float32)


def test_what_is_compiled_ahead_is_not_compiled_again(step):
    programs = Programs()
    with ThreadPoolExecutor(1) as pool:
        step.compile_ahead(pool, lambda: (RATE, rows(8)))
        found = step(RATE, rows(8))
    np.testing.assert_array_equal(found["rows"], rows(8)["x"] * 1.5)
    assert len(programs.elsewhere) == 1
    assert programs.here == []


def test_other_shapes_compile_at_their_call(step):
    programs = Programs()
    with ThreadPoolExecutor(1) as pool:
        step.compile_ahead(pool, lambda: (RATE, rows(8)))
        found = step(RATE, rows(16))
    np.testing.assert_array_equal(found["rows"], rows(16)["x"] * 1.5)
    assert len(programs.here) == 1


@pytest.mark.parametrize("error", [RuntimeError("no room"), KeyboardInterrupt()])
def test_what_goes_wrong_ahead_is_done_again_where_it_is_seen(step, error):
    def fails():
        raise error

    with ThreadPoolExecutor(1) as pool:
        step.compile_ahead(pool, fails)
        found = step(RATE, rows(8))
    np.testing.assert_array_equal(found["rows"], rows(8)["x"] * 1.5)


def test_what_was_called_off_is_compiled_at_its_call(step):
    begun, go = threading.Event(), threading.Event()

    def busy():
        begun.set()
        assert go.wait(60)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(busy)
        assert begun.wait(60)
        step.compile_ahead(pool, lambda: (RATE, rows(8)))
        pool.shutdown(wait=False, cancel_futures=True)
        found = step(RATE, rows(8))
        go.set()
    np.testing.assert_array_equal(found["rows"], rows(8)["x"] * 1.5)


def test_the_stand_in_cluster_is_of_one_camera():
    labels = pseudo_labels.stand_in(VISIBLE)
    assert labels is not None
    assert (labels.num_clusters, labels.num_proxies) == (1, 1)
    assert pseudo_labels.stand_in(NOBODY) is None
