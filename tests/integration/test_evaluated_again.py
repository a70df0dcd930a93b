"""A run scored before is scored again: by another engine, by a later version."""

import json
import shutil

import pytest

from ceil_jax import load, main


@pytest.fixture
def run(whole, tmp_path):
    """A copy of a finished run."""
    return shutil.copytree(whole[0], tmp_path / "run")


def evaluate(run, *words: str) -> None:
    command = ["main", "--mode=evaluate", f"--workdir={run}", *words]
    assert main.main(command) == 0


def figures(record) -> list[float]:
    return [
        spread["mean"]
        for mode in record["modes"].values()
        for kind in ("plain", "gcr")
        for spread in mode[kind].values()
    ]


def test_what_an_earlier_version_did_not_measure_is_added(run, capsys):
    path = run / "results.json"
    whole = json.loads(path.read_text())
    earlier = {k: whole[k] for k in whole if k not in ("verification", "embedded_by")}
    del earlier["evaluated_with"]["evaluation.engine"]
    mode = next(iter(earlier["modes"].values()))
    mode["plain"]["mAP"]["mean"] = 12.5  # it stays, whatever is measured now
    path.write_text(json.dumps(earlier))
    assert load(run).info.calibration is None
    evaluate(run)
    told = "measured before, and what was missing (embedded_by, verification) added now"
    assert f"{told}, see {path}" in capsys.readouterr().out
    record = json.loads(path.read_text())
    completed_by = record.pop("completed_by")
    assert record == {
        **earlier,
        "verification": whole["verification"],
        "embedded_by": "jax",
    }
    assert completed_by == dict.fromkeys(
        ("embedded_by", "verification"), whole["engine"]
    )
    assert load(run).info.calibration == whole["verification"]
    assert not (run / "results").exists()


def test_another_engine_finds_the_same_people(run, capsys):
    own = json.loads((run / "results.json").read_text())
    assert own["embedded_by"] == "jax"
    assert "embedded by" not in capsys.readouterr().out
    evaluate(run, "--config.evaluation.engine=onnxruntime")
    assert "; embedded by onnxruntime\n" in capsys.readouterr().out
    [path] = (run / "results").glob("*.json")
    record = json.loads(path.read_text())
    assert record["embedded_by"] == "onnxruntime"
    assert record["evaluated_with"]["evaluation.engine"] == "onnxruntime"
    assert record["engine"]["model"] == own["engine"]["model"]
    assert figures(record) == pytest.approx(figures(own), abs=0.1)
    assert json.loads((run / "results.json").read_text()) == own
