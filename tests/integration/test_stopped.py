"""A training that is told to stop and begun again ends like one that never was."""

import contextlib
import copy
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import pytest

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.common import digest
from ceil_jax.experiment import stopping
from ceil_jax.experiment.keeper import Keeper
from ceil_jax.experiment.modes import train
from tests.integration import small
from tests.repo import source

# Epoch and step after which a signal comes: in either stage, beside both its ends.
MOMENTS = [(1, 1), (1, 2), (2, 1), (2, 2)]


@pytest.fixture
def config(shared):
    return small.config(shared)


def figures(folder: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl` without what no two runs have in common."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [
        {k: v for k, v in json.loads(line).items() if k not in _OF_A_RUN}
        for line in lines
    ]


_OF_A_RUN = ("seconds", "compilations")


def assert_same_run(got: Path, want: Path) -> None:
    """Weights, moments, figures and results of two folders, to the last bit."""
    assert figures(got) == figures(want)
    for name in ("results.json", "comparison.json"):
        assert (got / name).read_text() == (want / name).read_text()
    model = json.loads((got / "results.json").read_text())["engine"]["model"]
    assert len(model) == 64
    states = [Checkpoints(folder / "checkpoints").open() for folder in (got, want)]
    assert states[0].place == states[1].place
    first, second = (digest.of_arrays(state.arrays) for state in states)
    assert first == second


ALONE = "CEIL_JAX_TEST_ALONE"


def passed_alone(request: pytest.FixtureRequest) -> bool:
    """Whether the test has passed in a process of its own; there it is false.

    XLA has been seen to end a process that had run thousands of other tests, while
    it stored or read a compiled program.
    """
    if ALONE in os.environ:
        return False
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, request.node.nodeid],
        cwd=source.ROOT,
        env=kept | {ALONE: "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "1 passed" in done.stdout
    return True


@pytest.mark.slow
def test_a_training_stopped_within_epochs_ends_like_an_uninterrupted_one(
    request, tmp_path, monkeypatch, capsys
):
    if passed_alone(request):
        return
    config = small.config(request.getfixturevalue("shared"))
    config.stage1_epochs = config.stage2_epochs = 1
    config.optimizer.warmup_epochs = 0
    uninterrupted, folder = tmp_path / "uninterrupted", tmp_path / "stopped"
    train.train_and_evaluate(copy.deepcopy(config), uninterrupted)
    once = Keeper.at_step
    moments = list(MOMENTS)

    def at_step(self: Keeper, take: Callable[[], Any]) -> None:
        place = take()[1]
        if moments and (place.epoch, place.step) == moments[0]:
            moments.pop(0)
            signal.raise_signal(signal.SIGTERM)
        once(self, take)

    monkeypatch.setattr(Keeper, "at_step", at_step)
    for epoch, step in MOMENTS:
        with pytest.raises(stopping.Stopped) as caught, stopping.Stopping():
            train.train_and_evaluate(copy.deepcopy(config), folder)
        assert caught.value.status == 143
        said = f"saved at epoch {epoch}, step {step}; the same command goes on"
        assert said in str(caught.value)
        assert (folder / "checkpoints" / f"{epoch}.step{step}").is_dir()
        assert not (folder / "writer.json").exists()
        capsys.readouterr()
    assert not moments
    with stopping.Stopping():
        train.train_and_evaluate(copy.deepcopy(config), folder)
    assert "resumed from the checkpoint of epoch 2, step 2" in capsys.readouterr().out
    assert_same_run(folder, uninterrupted)
    # No state within an epoch is left over.
    assert {place.step for place in Checkpoints(folder / "checkpoints").places} == {
        None
    }


def start(folder: Path, config: Any) -> Any:
    """The program, as a user runs it."""
    # Whatever these tests run under may ignore some signals.
    plain = ("env", "--default-signal=TERM,INT,HUP")
    command = [*plain, sys.executable, "-m", "ceil_jax.main", f"--workdir={folder}"]
    return subprocess.Popen(
        [*command, "--config=configs/synthetic.py", *small.words(config)],
        cwd=source.ROOT,
        env=os.environ | {"JAX_NUM_CPU_DEVICES": str(len(jax.devices()))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(is_there: Callable[[], bool], process: Any) -> None:
    while not is_there():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def epochs_logged(folder: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return len((folder / "metrics.jsonl").read_text().splitlines())
    return 0


def told(err: str) -> list[str]:
    """What stderr has beside warnings and lines about progress."""
    lines = [line for line in err.splitlines() if line.strip()]
    return [line for line in lines if line.startswith(("error: ", "stopped by "))]


@pytest.mark.slow
def test_the_program_goes_on_where_it_was_stopped_and_lets_no_second_one_in(
    whole, config, tmp_path
):
    folder = tmp_path / "run"
    rng = random.Random(7)
    for number, epochs in ((signal.SIGTERM, 1), (signal.SIGINT, 3), (None, 0)):
        process = start(folder, config)
        wait_for((folder / "writer.json").exists, process)
        if number == signal.SIGTERM:
            second = start(folder, config)
            _, err = second.communicate()
            assert second.returncode == 2
            [line] = err.splitlines()
            assert line.startswith(f"error: {folder} is in use: process {process.pid} ")
        if number is not None:
            wait_for(lambda epochs=epochs: epochs_logged(folder) >= epochs, process)
            time.sleep(rng.uniform(0, 1))
            process.send_signal(number)
        out, err = process.communicate()
        assert "Traceback" not in err
        if number is None:
            assert process.returncode == 0, err
            assert "resumed from the checkpoint of epoch" in out
            break
        assert process.returncode == 128 + number, err
        [line] = told(err)
        assert line.startswith(f"stopped by {number.name}: saved at epoch ")
        assert line.endswith("; the same command goes on from there")
        assert not (folder / "results.json").exists()
    assert_same_run(folder, whole[0])
