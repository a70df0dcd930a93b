"""The epoch's records: the line, the object, the curves."""

import json
import time

import pytest
from tensorboardX.proto import event_pb2

from ceil_jax.experiment import logs

SIDE = {"clusters": 3, "proxies": 7, "kept": 20, "images": 24}
RECORD = {
    "epoch": 2,
    "stage": 2,
    "right_matches": 0.255,
    "cdl_visible": 1.25,
    "cross_id_visible": 0.5,
    "loss": 1.75,
    "learning_rate": 3.5e-4,
    "visible": SIDE,
    "infrared": SIDE | {"clusters": 5},
    "seconds": {"embed": 0.44, "fit": 12.0},
    "compilations": 30,
}


def lines(folder):
    return [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]


def curves(folder):
    """Every point of the event files: (name, step) -> value.

    As TensorBoard reads them: where a session starts, what earlier ones wrote of its
    first step and of later ones is dropped.
    """
    points = {}
    for path in sorted((folder / "tensorboard").glob("events*")):
        rest = path.read_bytes()
        while rest:  # a record is its length, a checksum, the event, a checksum
            size = int.from_bytes(rest[:8], "little")
            event = event_pb2.Event.FromString(  # type: ignore[attr-defined]
                rest[12 : 12 + size]
            )
            rest = rest[16 + size :]
            if event.session_log.status == event_pb2.SessionLog.START:  # type: ignore[attr-defined]
                points = {at: y for at, y in points.items() if at[1] < event.step}
            for value in event.summary.value:
                points[value.tag, event.step] = value.simple_value
    return points


def test_the_line_says_it_all():
    line = logs.epoch_line(RECORD, 18)
    assert line == (
        "epoch 2/18 stage 2 | visible 3 clusters 7 proxies 20/24 kept, "
        "infrared 5 clusters 7 proxies 20/24 kept | 26% of matches right | "
        "loss 1.750 (cdl_visible 1.250 cross_id_visible 0.500) | rate 3.50e-04 | "
        "s: embed 0.4 fit 12.0"
    )


def test_the_line_ends_with_the_time_left():
    line = logs.epoch_line(RECORD, 18, "about 35 s left")
    assert line == f"{logs.epoch_line(RECORD, 18)} | about 35 s left"


def test_matches_are_told_where_people_are_known():
    record = {k: v for k, v in RECORD.items() if k != "right_matches"}
    assert "matches" not in logs.epoch_line(record, 18)


def test_records_and_curves_are_written(tmp_path):
    with logs.EpochLog(tmp_path, epochs_done=0) as log:
        log.write(RECORD)
        log.write_scores({"all/plain/rank1": 42.5}, 2)
    assert lines(tmp_path) == [RECORD]
    points = curves(tmp_path)
    assert points["training/loss", 2] == 1.75
    assert points["training/compilations", 2] == 30
    assert points["visible/clusters", 2] == 3
    assert points["infrared/clusters", 2] == 5
    assert points["seconds/embed", 2] == pytest.approx(0.44)
    assert points["evaluation/all/plain/rank1", 2] == 42.5
    assert not any("epoch" in name or "stage" in name for name, _ in points)


def test_a_record_can_be_read_as_soon_as_it_is_written(tmp_path):
    with logs.EpochLog(tmp_path, epochs_done=0) as log:
        log.write(RECORD)
        assert lines(tmp_path) == [RECORD]


def test_a_resumed_log_drops_what_will_be_done_again(tmp_path):
    with logs.EpochLog(tmp_path, epochs_done=0) as log:
        for epoch in (1, 2, 3):
            log.write(RECORD | {"epoch": epoch})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 4, "loss"')  # cut short by a kill
    with logs.EpochLog(tmp_path, epochs_done=2) as log:
        assert [record["epoch"] for record in lines(tmp_path)] == [1, 2]
        log.write(RECORD | {"epoch": 3, "loss": 9.0})
    assert [record["epoch"] for record in lines(tmp_path)] == [1, 2, 3]
    assert lines(tmp_path)[2]["loss"] == 9.0


def test_a_new_run_in_a_used_folder_starts_a_new_log(tmp_path):
    with logs.EpochLog(tmp_path, epochs_done=0) as log:
        log.write(RECORD)
    with logs.EpochLog(tmp_path, epochs_done=0):
        assert lines(tmp_path) == []


def test_the_curves_of_a_resumed_run_have_every_epoch_once(tmp_path, monkeypatch):
    with logs.EpochLog(tmp_path, epochs_done=0) as log:
        for epoch in (1, 2, 3):
            log.write(RECORD | {"epoch": epoch, "loss": float(epoch)})
            log.write_scores({"all/plain/rank1": 10.0 * epoch}, epoch)
    now = time.time
    # Event files are named by the second: this one is the later one.
    monkeypatch.setattr(time, "time", lambda: now() + 10)
    with logs.EpochLog(tmp_path, epochs_done=2):
        pass
    points = curves(tmp_path)
    assert {at: y for at, y in points.items() if at[0] == "training/loss"} == {
        ("training/loss", 1): 1.0,
        ("training/loss", 2): 2.0,
    }
    assert ("evaluation/all/plain/rank1", 2) in points
    monkeypatch.setattr(time, "time", lambda: now() + 20)
    with logs.EpochLog(tmp_path, epochs_done=2) as log:
        log.write(RECORD | {"epoch": 3, "loss": 9.0})
    assert curves(tmp_path)["training/loss", 3] == 9.0
    assert curves(tmp_path)["training/loss", 2] == 2.0
