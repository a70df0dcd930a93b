"""Learning rates, worked out by hand."""

import math

import pytest

from ceil_jax.training.schedules import warmup_cosine, warmup_multistep


def test_the_released_schedule_by_hand():
    rate = warmup_multistep(1.0)
    got = {epoch: rate(epoch) for epoch in (1, 2, 6, 10, 11, 30, 31, 50, 51, 90)}
    want = {
        1: 0.01,
        2: 0.01 * 0.9 + 0.1,
        6: 0.01 * 0.5 + 0.5,
        10: 0.01 * 0.1 + 0.9,
        11: 1.0,
        30: 1.0,
        31: 0.1,
        50: 0.1,
        51: 0.01,
        90: 0.01,
    }
    assert got == pytest.approx(want)


def test_other_numbers_by_hand():
    rate = warmup_multistep(
        2.0, warmup_epochs=4, warmup_factor=0.2, milestones=(2, 2, 6), gamma=0.5
    )
    # Two milestones at t = 2 fall within the warm-up and count at once.
    factors = [0.2, 0.4, 0.6 / 4, 0.8 / 4, 1 / 4, 1 / 4, 1 / 8, 1 / 8]
    assert [rate(e) for e in range(1, 9)] == pytest.approx([2 * f for f in factors])


def test_constant_warm_up_and_none():
    constant = warmup_multistep(1.0, warmup_epochs=3, warmup="constant")
    assert [constant(e) for e in range(1, 6)] == pytest.approx([0.01] * 3 + [1, 1])
    none = warmup_multistep(3.0, warmup_epochs=0, milestones=())
    assert [none(e) for e in (1, 2, 1000)] == [3, 3, 3]


def test_cosine_by_hand():
    rate = warmup_cosine(4.0, num_epochs=6, warmup_epochs=2)
    ends = [4 / 3, 8 / 3, 4, 2 * (1 + math.sqrt(0.5)), 2, 2 * (1 - math.sqrt(0.5)), 0]
    assert [rate(e) for e in range(1, 8)] == pytest.approx(ends)
    assert rate(20) == pytest.approx(0)
    assert warmup_cosine(4.0, num_epochs=5)(1) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base_rate": 0}, "base_rate=0 must be more than 0"),
        ({"warmup_epochs": -1}, "warmup_epochs=-1 must be at least 0"),
        ({"milestones": [50, 30]}, r"milestones=\(50, 30\) must ascend"),
        ({"warmup": "cubic"}, "warmup='cubic' must be linear or constant"),
    ],
)
def test_multistep_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        warmup_multistep(**{"base_rate": 1.0, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base_rate": -1}, "base_rate=-1 must be more than 0"),
        ({"warmup_epochs": 5}, r"warmup_epochs=5 must be in \[0, num_epochs=5\)"),
        ({"warmup_epochs": -1}, "warmup_epochs=-1 must be in"),
    ],
)
def test_cosine_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        warmup_cosine(**{"base_rate": 1.0, "num_epochs": 5, **change})


@pytest.mark.parametrize(
    "rate", [warmup_multistep(1.0), warmup_cosine(1.0, num_epochs=2)]
)
def test_epochs_count_from_one(rate):
    with pytest.raises(ValueError, match="epoch=0 must be at least 1"):
        rate(0)
