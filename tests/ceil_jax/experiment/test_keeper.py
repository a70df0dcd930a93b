"""What keeps a training's work: when it saves, and what it says where it is stopped."""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import keeper as keeper_module
from ceil_jax.experiment import stopping
from ceil_jax.experiment.keeper import Keeper
from ceil_jax.training.state import BothTables, Memories, Memory, TrainState
from ceil_jax.training.within import Within

RECORD = {"seed": 3}
GO_ON = "the same command goes on from there"


def make_state(value: float) -> TrainState:
    return TrainState({"w": np.full(3, value)}, {}, {}, np.asarray(0))


def make_within(step: int, epoch: int = 3) -> Within:
    memories = Memories(Memory(np.full((2, 2), step), np.zeros((1, 2))), None)
    tables = BothTables(None, None)
    figures = {"seconds": {"fit": 1.5}}
    return Within(epoch, step, memories, tables, (None, None), {"loss": 0.5}, figures)


class Saves:
    """Stands for checkpoints, the writer, the clock and the signals."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[Any] = []  # what happened, in its order
        self.seconds = 0.0
        self.clock = 0.0
        self.error: Exception | None = None
        self.number: int | None = None
        self.is_saving = False
        monkeypatch.setattr(stopping, "current", lambda: self)

    def save(
        self,
        state: Any,
        epoch: Any,
        record: Any,
        *,
        step: Any = None,
        within: Any = None,
    ) -> None:
        value = float(state.params["w"][0])
        self.calls.append(("save", value, epoch, record, step, within, self.is_saving))

    def wait(self) -> None:
        self.calls.append("wait")

    def check(self) -> None:
        if self.error is not None:
            raise self.error

    def check_now_and_then(self) -> None:
        self.calls.append("look")

    @contextlib.contextmanager
    def saving(self) -> Iterator[None]:
        self.is_saving = True
        yield
        self.is_saving = False

    @property
    def saves(self) -> list[Any]:
        return [call for call in self.calls if call[0] == "save"]


@pytest.fixture
def saves(monkeypatch):
    return Saves(monkeypatch)


def make_keeper(saves: Any, save_minutes: float = 10) -> Keeper:
    return Keeper(
        saves, saves, RECORD, save_minutes=save_minutes, now=lambda: saves.clock
    )


def take_steps(keeper: Keeper, saves: Saves, number: int, seconds: float) -> None:
    """Take steps of equal length; only where it saves may it ask for the state."""
    for step in range(1, number + 1):
        saves.clock += seconds
        keeper.at_step(lambda step=step: (make_state(step), make_within(step)))


def times_of_saves(
    keeper: Keeper, saves: Saves, step_seconds: float, save_seconds: float, until: float
) -> list[float]:
    """When it saves within an epoch, where every save takes so long."""
    found = []
    for step in itertools.count(1):
        saves.calls.clear()
        saves.clock += step_seconds
        if saves.clock > until:
            return found
        keeper.at_step(lambda step=step: (make_state(step), make_within(step)))
        if saves.saves:
            found.append(saves.clock)
            saves.seconds = save_seconds
    return found


def test_it_saves_every_so_many_minutes(saves):
    got = times_of_saves(make_keeper(saves, 10), saves, 1.0, 2.0, 3600)
    assert got == [600, 1200, 1800, 2400, 3000, 3600]


@pytest.mark.parametrize("save_seconds", [0.1, 5.0, 30.0, 100.0])
@pytest.mark.parametrize("step_seconds", [2.0, 7.0])
def test_saving_takes_a_fiftieth_of_the_time_at_most(saves, save_seconds, step_seconds):
    got = times_of_saves(
        make_keeper(saves, 1), saves, step_seconds, save_seconds, 50_000
    )
    assert len(got) >= 9
    for before, after in itertools.pairwise(got):
        wait = after - before
        assert wait >= max(60, save_seconds / 0.02)
        # And not much later.
        assert wait < max(60, save_seconds / 0.02) + step_seconds


def test_what_is_being_saved_is_not_waited_for(saves):
    keeper = make_keeper(saves, 1)
    saves.seconds = float("inf")  # what `Checkpoints` says until then
    take_steps(keeper, saves, 1000, 5.0)
    assert saves.saves == []


def test_without_minutes_it_never_saves_on_the_way(saves):
    take_steps(make_keeper(saves, 0), saves, 1000, 5.0)
    assert saves.saves == []


def test_what_is_saved_within_an_epoch(saves):
    keeper = make_keeper(saves)
    saves.clock = 601
    keeper.at_step(lambda: (make_state(4), make_within(4)))
    within = make_within(4)
    record = RECORD | {"within": within.facts()}
    [(_, value, epoch, got, step, arrays, _)] = saves.saves
    assert (value, epoch, got, step) == (4.0, 2, record, 4)
    assert arrays == within.arrays()
    assert keeper.stopped() == f"saved at epoch 3, step 4; {GO_ON}"
    assert len(saves.saves) == 1


def test_the_state_is_asked_for_only_where_it_is_saved(saves):
    def take() -> Any:
        raise AssertionError("a step was waited for")

    keeper = make_keeper(saves)
    for _ in range(100):
        saves.clock += 5
        keeper.at_step(take)
    assert saves.calls == ["look"] * 100


def test_told_to_stop_it_saves_at_the_next_step(saves):
    keeper = make_keeper(saves, 0)
    take_steps(keeper, saves, 3, 1.0)
    saves.calls.clear()
    saves.number = 15
    with pytest.raises(stopping.Stopped) as caught:
        keeper.at_step(lambda: (make_state(4), make_within(4)))
    assert caught.value.number == 15
    assert caught.value.saved == f"saved at epoch 3, step 4; {GO_ON}"
    [save, wait] = saves.calls
    assert save[1:5] == (4.0, 2, RECORD | {"within": make_within(4).facts()}, 4)
    assert save[-1]  # with all the time that there is
    assert wait == "wait"


def test_what_went_wrong_in_the_background_is_raised_at_the_next_step(saves):
    keeper = make_keeper(saves)
    saves.error = UserError("disk full")
    with pytest.raises(UserError, match="disk full"):
        take_steps(keeper, saves, 1, 1.0)
    assert saves.saves == []


def test_the_folder_is_looked_at_between_steps(saves):
    keeper = make_keeper(saves)

    def refuse() -> None:
        raise UserError("taken over")

    saves.check_now_and_then = refuse
    saves.clock = 1000
    with pytest.raises(UserError, match="taken over"):
        keeper.at_step(lambda: (make_state(1), make_within(1)))
    assert saves.saves == []


def test_before_anything_is_done_nothing_is_said(saves):
    keeper = make_keeper(saves)
    assert keeper.stopped() == ""
    keeper.hold(make_state(0), 0, is_saved=False)
    assert keeper.stopped() == ""
    take_steps(keeper, saves, 3, 1.0)
    assert keeper.stopped() == ""
    assert saves.saves == []


def test_an_epoch_that_is_saved_is_not_saved_again(saves):
    keeper = make_keeper(saves)
    keeper.hold(make_state(5), 5, is_saved=True)
    assert keeper.stopped() == f"saved at epoch 5; {GO_ON}"
    assert saves.calls == ["wait"]  # it may be on its way
    take_steps(keeper, saves, 3, 1.0)
    assert keeper.stopped() == f"saved at epoch 5; {GO_ON}"
    assert saves.saves == []


def test_an_epoch_that_is_not_saved_is_saved_where_it_is_stopped(saves):
    keeper = make_keeper(saves)
    keeper.hold(make_state(4), 4, is_saved=True)
    keeper.hold(make_state(5), 5, is_saved=False)
    for _ in range(2):
        assert keeper.stopped() == f"saved at epoch 5; {GO_ON}"
    assert saves.saves == [("save", 5.0, 5, RECORD, 0, None, False)]


def test_an_epoch_that_a_step_took_over_is_not_there_any_more(saves):
    keeper = make_keeper(saves)
    keeper.hold(make_state(4), 4, is_saved=True)
    keeper.hold(make_state(5), 5, is_saved=False)
    take_steps(keeper, saves, 1, 1.0)
    assert keeper.stopped() == f"saved at epoch 4; {GO_ON}"
    assert saves.saves == []


def test_what_it_went_on_from_is_said(saves):
    keeper = make_keeper(saves)
    keeper.went_on_from("epoch 3, step 7")
    assert keeper.stopped() == f"saved at epoch 3, step 7; {GO_ON}"
    take_steps(keeper, saves, 2, 1.0)
    assert keeper.stopped() == f"saved at epoch 3, step 7; {GO_ON}"
    assert saves.saves == []


def test_of_slow_steps_a_copy_is_held(saves):
    keeper = make_keeper(saves)
    keeper.hold(make_state(2), 2, is_saved=True)
    state, within = make_state(4), make_within(4)
    saves.clock += keeper_module.SLOW_STEP_SECONDS + 1
    keeper.at_step(lambda: (state, within))
    # The next step takes over the memory of both, and is stuck.
    state.params["w"][:] = -1
    within.memories.visible.proxies[:] = -1
    assert saves.saves == []
    for _ in range(2):
        assert keeper.stopped() == f"saved at epoch 3, step 4; {GO_ON}"
    [(_, value, epoch, record, step, *_)] = saves.saves
    assert (value, epoch, step) == (4.0, 2, 4)
    assert record["within"] == within.facts()


def test_the_copy_of_the_last_slow_step_counts(saves):
    keeper = make_keeper(saves)
    take_steps(keeper, saves, 3, keeper_module.SLOW_STEP_SECONDS + 1)
    take_steps(keeper, saves, 1, 1.0)
    assert keeper.stopped() == f"saved at epoch 3, step 3; {GO_ON}"
    assert [save[4] for save in saves.saves] == [3]


def test_a_copy_is_forgotten_once_a_later_step_is_saved(saves):
    keeper = make_keeper(saves, 1)
    take_steps(keeper, saves, 1, keeper_module.SLOW_STEP_SECONDS + 1)
    take_steps(keeper, saves, 60, 1.0)
    [save] = saves.saves
    assert keeper.stopped() == f"saved at epoch 3, step {save[4]}; {GO_ON}"
    assert saves.saves == [save]


def test_a_copy_is_forgotten_at_the_end_of_the_epoch(saves):
    keeper = make_keeper(saves)
    take_steps(keeper, saves, 1, keeper_module.SLOW_STEP_SECONDS + 1)
    keeper.hold(make_state(3), 3, is_saved=True)
    assert keeper.stopped() == f"saved at epoch 3; {GO_ON}"
    assert saves.saves == []


def test_time_between_epochs_is_no_slow_step(saves):
    keeper = make_keeper(saves)
    saves.clock += 500
    keeper.hold(make_state(2), 2, is_saved=False)
    saves.clock += 1
    keeper.at_step(lambda: pytest.fail("a step was waited for"))
