"""The benchmark of the training step, in small."""

import numpy as np
import pytest

from benchmarks import measure, train_step, train_work, whole_step
from benchmarks.train_work import Size

SMALL = Size((1, 1, 1, 1), 4, (32, 16), 8)


@pytest.mark.parametrize(
    "what", ["forward", pytest.param("training", marks=pytest.mark.slow)]
)
def test_both_libraries_do_the_same_work(what):
    ours = train_work.ours(SMALL, what)
    theirs = train_work.pytorch(SMALL, what, channels_last=False)
    if what == "forward":
        assert ours().shape == tuple(theirs().shape) == (8, 128)
        return
    # The first loss is that of random rows against a random memory: near the
    # logarithm of its rows. Training on one batch then brings both down.
    first, second = ours(), theirs()
    assert np.isfinite([first, second]).all()
    assert abs(first - second) < 3
    for run, before in ((ours, first), (theirs, second)):
        assert [run() for _ in range(20)][-1] < before


@pytest.mark.slow
def test_the_whole_step_learns_and_goes_on():
    run = whole_step.whole_step(SMALL)
    losses = [run() for _ in range(3)]
    assert np.isfinite(losses).all()
    assert len(set(losses)) == 3


def test_a_worker_does_its_work_in_a_process_of_its_own():
    # Only the second of two is timed.
    with train_work.Worker(_made, 0.05) as worker:
        assert 0.05 <= worker() < 5
        assert 0.05 <= worker() < 5


def _made(seconds):
    import time

    return lambda: time.sleep(seconds)


def test_rates_by_hand():
    assert train_step._rate(10, measure.timing([0.1, 0.2, 0.4])) == "50 (25-100)"
