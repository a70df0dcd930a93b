"""Schedules by the configuration, and the parts of an epoch's time."""

import time

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment.build import schedule_of
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.epoch import Timer


def test_the_released_schedule():
    rate = schedule_of(Config())
    base = 3.5e-4
    want = {1: 0.01, 6: 0.505, 11: 1, 30: 1, 31: 0.1, 50: 0.1, 51: 0.01, 90: 0.01}
    for epoch, factor in want.items():
        assert rate(epoch) == pytest.approx(base * factor)


def test_the_demos_schedule():
    config = Config(stage1_epochs=2, stage2_epochs=2)
    config.optimizer.schedule, config.optimizer.warmup_epochs = "cosine", 0
    config.optimizer.rate = 1.0
    rates = [schedule_of(config)(epoch) for epoch in (1, 2, 3, 4)]
    assert rates == pytest.approx([1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2])


@pytest.mark.parametrize(
    ("schedule", "field", "value", "message"),
    [
        ("cosine", "warmup_epochs", 90, "warmup_epochs=90"),
        ("multistep", "milestones", (50, 30), "milestones"),
    ],
)
def test_schedules_that_do_not_fit(schedule, field, value, message):
    config = Config()
    config.optimizer.schedule = schedule
    setattr(config.optimizer, field, value)
    with pytest.raises(UserError, match=rf"config\.optimizer: .*{message}"):
        schedule_of(config)


def test_times_of_parts_add_up(monkeypatch):
    moments = iter([10.0, 12.5, 20.0, 21.0, 30.0, 30.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    timer = Timer()
    for name in ("embed", "fit", "embed"):
        with timer.part(name):
            pass
    assert timer.seconds == {"embed": 3.0, "fit": 1.0}
