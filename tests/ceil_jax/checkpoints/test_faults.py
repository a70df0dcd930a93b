"""Checkpoints that are damaged, that cannot be written, or that are within an epoch."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ceil_jax.checkpoints import folder as checkpoint
from ceil_jax.checkpoints import stored
from ceil_jax.checkpoints.folder import Checkpoints, Place
from ceil_jax.common.errors import UserError
from ceil_jax.training.state import TrainState
from tests.repo import source


def make_state(value: float) -> TrainState:
    params = {"kernel": np.full((30, 20), value, np.float32)}
    return TrainState(params, {}, {}, np.asarray(round(10 * value), np.int32))


def value_of(saved: checkpoint.Saved) -> float:
    """What the state was made of, from all of it."""
    state = saved.state(make_state(-1))
    [value] = set(np.ravel(state.params["kernel"]).tolist())
    assert int(state.step) == round(10 * value)
    return value


def writing(folder: Path, **options: Any) -> Checkpoints:
    return Checkpoints(folder, guard=lambda: None, **options)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def damage(folder: Path) -> None:
    """Change a value of the record."""
    path = folder / "record" / "metadata"
    path.write_text(path.read_text().replace("{", '{"more": 1, ', 1))


@pytest.fixture
def three(tmp_path) -> Path:
    """Checkpoints of two epochs, and of a state within the third."""
    folder = tmp_path / "checkpoints"
    with writing(folder) as saved:
        saved.save(make_state(1), 1, {"n": 1})
        saved.save(make_state(2), 2, {"n": 2})
        within = {"kept": np.arange(4)}
        saved.save(make_state(2.5), 2, {"n": 2}, step=7, within=within)
    assert names(folder) == ["1", "2", "3.step7"]
    return folder


def test_the_newest_is_the_one_within_the_next_epoch(three):
    got = Checkpoints(three).open()
    assert (got.place, got.epoch, value_of(got)) == (Place(2, 7), 2, 2.5)
    assert str(got.place) == "epoch 3, step 7"
    assert got.within is not None
    assert got.within["kept"].tolist() == [0, 1, 2, 3]
    last = Checkpoints(three).newest_epoch()
    assert (last.place, last.within, value_of(last)) == (Place(2), None, 2)


def test_a_reader_passes_over_what_is_damaged_and_changes_nothing(three):
    damage(three / "3.step7")
    damage(three / "2")
    before = contents(three)
    got = Checkpoints(three).open()
    assert (got.place, value_of(got), got.record) == (Place(1), 1, {"n": 1})
    reason = "its record is not the one that was written here"
    assert got.skipped == (
        f"{three}/3.step7: the checkpoint of epoch 3, step 7 is damaged ({reason}); "
        "that of epoch 1 was taken",
        f"{three}/2: the checkpoint of epoch 2 is damaged ({reason}); "
        "that of epoch 1 was taken",
    )
    assert contents(three) == before


def test_the_writer_sets_aside_what_is_damaged(three):
    damage(three / "3.step7")
    (three / "3.step7.damaged").mkdir()
    before = contents(three / "3.step7")
    with writing(three) as saved:
        got = saved.open()
        [line] = got.skipped
        assert "is damaged" in line
        assert "and is now 3.step7.damaged-2; that of epoch 2 was taken" in line
        assert value_of(got) == 2
        assert names(three) == ["1", "2", "3.step7.damaged", "3.step7.damaged-2"]
        assert contents(three / "3.step7.damaged-2") == before
        # The same place can be saved anew, and damaged ones are never removed.
        saved.save(make_state(2.5), 2, {}, step=7)
        saved.save(make_state(3), 3, {})
        saved.save(make_state(4), 4, {})
    assert names(three) == ["3", "3.step7.damaged", "3.step7.damaged-2", "4"]


def test_where_none_is_whole_each_is_told_and_nothing_is_lost(three):
    for name in ("1", "2", "3.step7"):
        damage(three / name)
    before = contents(three)
    for saved in (Checkpoints(three), writing(three)):
        with pytest.raises(UserError) as caught:
            saved.open()
        [line] = str(caught.value).splitlines()
        for said in ("no checkpoint is whole", "epoch 3, step 7 (", "epoch 2 (its re"):
            assert said in line
        assert "epoch 1 (its record" in line
        assert "--workdir" in line
        assert contents(three) == before


def test_a_certain_epoch_that_is_damaged_is_refused(three):
    damage(three / "1")
    before = contents(three)
    with pytest.raises(UserError, match=r"checkpoint of epoch 1 is damaged \(its rec"):
        writing(three).open(1)
    assert value_of(writing(three).open(2)) == 2
    assert contents(three) == before


def test_a_folder_under_another_name_is_damaged(three):
    (three / "3.step7").rename(three / "3")
    (three / "2").rename(three / "4.step2")
    got = Checkpoints(three).open()
    assert (value_of(got), len(got.skipped)) == (1, 2)


@pytest.mark.parametrize("name", ["0", "01", "1.step", "x.step2", "1.step02", "-1"])
def test_other_names_are_no_checkpoints(three, name):
    (three / name).mkdir()
    places = [Place(2, 7), Place(2), Place(1)]
    assert Checkpoints(three).places == places


def test_who_may_not_write_any_more_changes_nothing(three):
    def refuse() -> None:
        raise UserError("taken over")

    damage(three / "3.step7")
    before = contents(three)
    saved = Checkpoints(three, guard=refuse)
    for act in (saved.open, lambda: saved.save(make_state(3), 3, {})):
        with pytest.raises(UserError, match="taken over"):
            act()
    saved.wait()
    assert contents(three) == before


def test_a_state_within_an_epoch_is_kept_until_a_later_one_is_there(tmp_path):
    with writing(tmp_path) as saved:

        def after(*place: int | None) -> list[str]:
            saved.save(make_state(1), place[0] or 0, {}, step=place[1])
            saved.wait()
            return names(tmp_path)

        assert after(0, 3) == ["1.step3"]
        assert after(0, 9) == ["1.step9"]
        assert after(1, None) == ["1"]
        assert after(1, 0) == ["1", "2.step0"]
        assert after(1, 4) == ["1", "2.step4"]
        assert after(2, None) == ["1", "2"]
        # An epoch whose end is not saved.
        assert after(2, 5) == ["1", "2", "3.step5"]
        assert after(3, 1) == ["1", "2", "4.step1"]
        assert after(4, None) == ["2", "4"]
        assert after(4, 2) == ["2", "4", "5.step2"]
        assert saved.epochs == [2, 4]
        assert saved.latest_epoch == 4


def test_a_disk_that_does_not_answer_is_told(tmp_path, monkeypatch):
    answer = threading.Event()
    monkeypatch.setattr(stored, "write", lambda *unused: answer.wait(60))
    monkeypatch.setattr(checkpoint, "SAVE_SECONDS", 0.1)
    saved = writing(tmp_path)
    saved.save(make_state(1), 1, {})
    with pytest.raises(UserError, match="the disk does not answer"):
        saved.wait()
    answer.set()
    monkeypatch.setattr(checkpoint, "SAVE_SECONDS", 60)
    saved.wait()


FAILING = """
import json, os, resource, shutil, sys, tempfile, time
from pathlib import Path
import numpy as np
from ceil_jax.common.errors import UserError
from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.training.state import TrainState

def state(n):
    rng = np.random.default_rng(n)
    params = {f"w{i}": rng.normal(size=(100, 50)) for i in range(8)}
    return TrainState(params, {}, {}, np.asarray(n))

def limited(folder):
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    return lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

def read_only(folder):
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)
    def undo():
        os.seteuid(os.getuid())
        folder.chmod(0o755)
    return undo

def replaced(folder):
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.write_text("a file")
    def undo():
        folder.unlink()
        aside.rename(folder)
    return undo

def until_told(saved):
    for _ in range(600):
        saved.check()
        time.sleep(0.1)

HOW = {
    "check": until_told,
    "wait": lambda saved: saved.wait(),
    "save": lambda saved: saved.save(state(3), 3, {}),
    "exit": lambda saved: saved.__exit__(None, None, None),
}
top = Path(tempfile.mkdtemp())
top.chmod(0o755)
for fail in (limited, read_only, replaced):
    for how, act in HOW.items():
        folder = top / f"{fail.__name__}.{how}"
        undo = []
        with Checkpoints(folder, guard=lambda: None) as first:
            first.save(state(1), 1, {})
        saved = Checkpoints(folder, guard=lambda: undo or undo.append(fail(folder)))
        saved.save(state(2), 2, {}, within={"x": np.arange(9)})
        try:
            act(saved)
            said = "nothing"
        except UserError as error:
            said = str(error)
        undo[0]()
        got = Checkpoints(folder).open()
        kept = sorted(each.name for each in folder.iterdir())
        whole = all((got.arrays["state"]["params"][name] == value).all()
                    for name, value in state(1).params.items())
        row = [fail.__name__, how, said, kept, got.epoch, whole]
        print(json.dumps(row), flush=True)
shutil.rmtree(top)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="sets limits of the system")
def test_what_cannot_be_saved_is_told_in_a_line_and_leaves_nothing():
    done = subprocess.run(
        [sys.executable, "-c", FAILING],
        cwd=source.ROOT,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 12
    reasons = {
        "limited": "File too large",
        "read_only": "you have no permission",
        "replaced": "a file stands where one of its folders should",
    }
    for fail, how, said, kept, epoch, whole in rows:
        assert said.startswith("cannot save checkpoint 2 of "), (fail, how, said)
        assert f"{fail}.{how}: {reasons[fail]}" in said
        assert len(said.splitlines()) == 1
        assert (kept, epoch, whole) == (["1"], 1, True), (fail, how)
