"""Reading in the background: order, errors, and no thread that stays."""

import threading
import time
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceil_jax.datasets.read_ahead import read_ahead


@pytest.fixture(autouse=True)
def no_thread_stays():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@given(st.lists(st.integers()), st.integers(1, 5))
def test_order_and_number_are_the_sources(items, depth):
    assert list(read_ahead(items, depth=depth)) == items


def test_the_source_is_read_in_another_thread():
    def source():
        yield threading.get_ident()

    [reader] = read_ahead(source())
    assert reader != threading.get_ident()


@pytest.mark.parametrize("depth", [1, 3])
def test_no_more_is_read_than_fits(depth):
    read = []

    def source():
        for i in range(100):
            read.append(i)
            yield i

    with closing(read_ahead(source(), depth=depth)) as ready:
        assert read == []  # nothing before the first is asked for
        assert next(ready) == 0
        deadline = time.monotonic() + 5
        while len(read) < depth + 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.05)
        # One is taken, `depth` lie ready and one waits for room.
        assert len(read) == depth + 2


def test_it_is_read_while_the_last_is_worked_on():
    """The source gives its second item only while the first one is being used."""
    in_use = threading.Event()

    def source():
        yield 1
        assert in_use.wait(5), "nobody used the first item"
        yield 2

    ready = read_ahead(source())
    assert next(ready) == 1
    in_use.set()
    assert list(ready) == [2]


@pytest.mark.parametrize("bad", [0, 1, 7])
def test_an_error_comes_after_what_was_read_before_it(bad):
    def source():
        for i in range(10):
            if i == bad:
                raise OSError(f"cannot read image {i}")
            yield i

    got = []
    with pytest.raises(OSError, match=f"cannot read image {bad}"):
        collect(read_ahead(source()), got)
    assert got == list(range(bad))


def collect(items, got):
    """Append one by one: what came before an error stays."""
    for item in items:
        got.append(item)


def test_a_source_that_cannot_be_begun():
    with pytest.raises(TypeError, match="not iterable"):
        list(read_ahead(7))  # type: ignore[arg-type]


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_a_stopped_reader_ends_at_once(taken):
    closed = []

    def source():
        try:
            while True:
                yield 0
        finally:
            closed.append(threading.get_ident())

    start = time.monotonic()
    with closing(read_ahead(source(), depth=2)) as ready:
        for _ in range(taken):
            next(ready)
    assert time.monotonic() - start < 2
    # The source is closed by the thread that read it; unread, there is nothing to.
    assert len(closed) == (taken > 0)
    assert threading.get_ident() not in closed


def test_the_users_exception_stops_the_reader():
    def endless():
        while True:
            yield 0

    def diverge():
        with closing(read_ahead(endless())) as ready:
            for _ in ready:
                raise RuntimeError("diverged")

    with pytest.raises(RuntimeError, match="diverged"):
        diverge()


def test_a_depth_of_none_is_refused():
    with pytest.raises(ValueError, match="depth=0 must be at least 1"):
        read_ahead([], depth=0)


class CannotClose:
    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration

    def close(self):
        raise OSError("cannot close")


@pytest.mark.timeout(30)
def test_a_source_that_cannot_be_closed_is_an_error_and_no_wait():
    with pytest.raises(OSError, match="cannot close"):
        list(read_ahead(CannotClose()))
