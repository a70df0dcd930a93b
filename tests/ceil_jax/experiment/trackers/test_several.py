"""Curves in each tracker's own local store, read back without our code."""

import contextlib
import importlib
import itertools
import json
import os
import sqlite3
import struct
import subprocess
import sys
import time

import pytest
from PIL import Image

from ceil_jax.experiment import logs
from ceil_jax.experiment.trackers import names, several
from ceil_jax.experiment.trackers.tracker import Start
from tests.ceil_jax.experiment.test_logs import RECORD, curves

LOSSES = {1: 1.0, 2: 2.0, 3: 3.0}
SETTINGS = {"seed": 3, "rerank": {"k1": 28}}


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "ranked_lists.png"
    Image.new("RGB", (12, 8), "red").save(path)
    return path


def track(name, workdir, picture):
    """Two epochs, then the run is resumed after the first and ends with a picture."""
    workdir.mkdir()
    for done, epochs in ((0, (1, 2)), (1, (2, 3))):
        with logs.EpochLog(
            workdir, epochs_done=done, trackers=(name,), settings=SETTINGS
        ) as log:
            for epoch in epochs:
                log.write(RECORD | {"epoch": epoch, "loss": float(epoch)})
            log.write_scores({"all/plain/rank1": 42.5}, epochs[-1])
            log.add_picture(picture, epochs[-1])
            log.add_picture(workdir / "missing.png", epochs[-1])


def test_tensorboard(tmp_path, picture, monkeypatch):
    # Event files are named by the second: the later session's is another one.
    times = itertools.count(1_700_000_000, 10)
    monkeypatch.setattr(time, "time", lambda: next(times))
    track(names.TENSORBOARD, tmp_path / "run", picture)
    points = curves(tmp_path / "run")
    losses = {step: y for (name, step), y in points.items() if name == "training/loss"}
    assert losses == LOSSES
    assert ("evaluation/ranked_lists", 3) in points
    content = b"".join(
        path.read_bytes() for path in (tmp_path / "run" / "tensorboard").iterdir()
    )
    assert picture.read_bytes() in content
    assert not (tmp_path / "run" / several.FILE).exists()


def test_wandb(tmp_path, picture, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    track(names.WANDB, tmp_path / "run", picture)
    identity = json.loads((tmp_path / "run" / several.FILE).read_text())["identity"]
    files = sorted((tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert {file.name for file in files} == {f"run-{identity}.wandb"}
    # Its own process writes what is left of a finished run a moment later.
    end = time.monotonic() + 30
    while ("evaluation/all/plain/rank1", 3) not in (found := history(files)):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert {s: y for (k, s), y in found.items() if k == "training/loss"} == LOSSES
    assert found["evaluation/all/plain/rank1", 3] == 42.5
    media = [*(tmp_path / "run" / "wandb").rglob("*.png")]
    assert picture.read_bytes() in [file.read_bytes() for file in media]


def history(files):
    """The values in W&B's files by name and step."""
    proto = importlib.import_module("wandb.proto.wandb_internal_pb2")
    found = {}
    for file in files:
        for content in log_records(file.read_bytes()):
            record = proto.Record.FromString(content)
            for item in record.history.item:
                key = item.key or "/".join(item.nested_key)
                found[key, record.history.step.num] = json.loads(item.value_json)
    return found


def log_records(content):
    """The records of W&B's file: LevelDB's log format behind a header of its own."""
    assert content[:4] == b":W&B"
    at, record = 7, b""
    while at + 7 <= len(content):
        if 32_768 - at % 32_768 < 7:  # a block's end holds no record
            at += 32_768 - at % 32_768
            continue
        size, kind = struct.unpack_from("<HB", content, at + 4)
        record += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last piece
            yield record
            record = b""


def test_mlflow(tmp_path, picture, monkeypatch):
    tracking = pytest.importorskip("mlflow.tracking")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    track(names.MLFLOW, tmp_path / "run", picture)
    client = tracking.MlflowClient((tmp_path / "run" / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("ceil-jax")
    [run] = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["rerank.k1"] == "28"
    history = client.get_metric_history(run.info.run_id, "training/loss")
    assert {(m.step, m.value) for m in history} == {(1, 1.0), (2, 2.0), (3, 3.0)}
    assert run.data.metrics["evaluation/all/plain/rank1"] == 42.5
    [kept] = (tmp_path / "run" / "mlruns").rglob("*.png")
    assert kept.read_bytes() == picture.read_bytes()


def test_trackio(tmp_path, picture):
    pytest.importorskip("trackio")
    program = (
        "import sys, pathlib\n"
        f"from {__name__} import names, track\n"
        "track(names.TRACKIO, *map(pathlib.Path, sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "run", picture],
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if k != "TRACKIO_DIR"},
    )
    assert done.stdout == ""
    [database] = (tmp_path / "run" / "trackio").glob("*.db")
    with contextlib.closing(sqlite3.connect(database)) as store:
        rows = store.execute("SELECT step, metrics FROM metrics").fetchall()
    found = {}
    for step, text in rows:
        found |= {(name, step): y for name, y in json.loads(text).items()}
    assert {s: y for (k, s), y in found.items() if k == "training/loss"} == LOSSES
    assert found["evaluation/all/plain/rank1", 3] == 42.5


def test_a_tracker_that_fails_is_told_once_and_dropped(tmp_path, capsys, monkeypatch):
    class Fails:
        def __init__(self, start):
            assert start.first_epoch == 5

        def add(self, values, epoch):
            raise RuntimeError("no\nroom")

    monkeypatch.setattr(several, "_made", lambda name, start: Fails(start))
    both = several.Trackers(("tensorboard",), Start(tmp_path, 5))
    both.add({"a": 1.0}, 5)
    both.add({"a": 1.0}, 6)
    both.close()
    assert capsys.readouterr().err.splitlines() == [
        "warning: the curves of tensorboard end here: RuntimeError: no room"
    ]


def test_a_run_keeps_its_identity_until_it_begins_anew(tmp_path):
    def identity(first_epoch):
        return several._identity(Start(tmp_path, first_epoch))

    first = identity(1)
    assert identity(2) == first
    assert identity(1) != first
    (tmp_path / several.FILE).write_text("{")
    assert identity(3).isalnum()


def test_each_tracker_has_a_command(tmp_path):
    commands = names.how_to_open(names.NAMES, tmp_path)
    assert len(commands) == len(names.NAMES)
    assert all(str(tmp_path) in command for command in commands)


@pytest.mark.parametrize("is_there", [True, False])
def test_what_shows_tensorboards_curves_is_installed_first(
    is_there, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        names.importlib.util, "find_spec", lambda name: name if is_there else None
    )
    (command,) = names.how_to_open([names.TENSORBOARD], tmp_path)
    shows = f"tensorboard --logdir {tmp_path}/tensorboard"
    assert command == (shows if is_there else f"pip install tensorboard && {shows}")
