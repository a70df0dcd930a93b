"""The page over the runs of a folder: which, while they go on, and afterwards."""

import json

import pytest

from ceil_jax import main
from ceil_jax.common import extras
from ceil_jax.common.errors import UserError
from ceil_jax.experiment import runs_page
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.modes import seeds, trials
from tests.ceil_jax.experiment.modes.trained import Trained, figures


def write(folder, rank1=None, epochs=0):
    folder.mkdir(parents=True)
    config = Config(dataset="regdb", stage1_epochs=2, stage2_epochs=3)
    (folder / "config.json").write_text(json.dumps(to_dict(config)))
    lines = [
        json.dumps({"epoch": e, "right_matches": 0.5}) for e in range(1, epochs + 1)
    ]
    (folder / "metrics.jsonl").write_text("\n".join([*lines, '{"epoch": 9']))
    if rank1 is not None:
        (folder / "results.json").write_text(json.dumps(figures(rank1).to_json()))
        (folder / "report.html").write_text("x")


def test_seeds_finished_and_not(tmp_path, capsys):
    write(tmp_path / "seed-1", 30.0, epochs=5)
    write(tmp_path / "seed-2", epochs=3)
    (tmp_path / "seed-10").mkdir()
    path = runs_page.write(tmp_path)
    text = path.read_text()
    assert path == tmp_path / "runs.html"
    assert '<a href="seed-1/report.html">seed 1</a>' in text
    assert "seed 2: epoch 3 of 5" in text
    assert "seed 10: not begun" in text
    assert text.index("seed 2") < text.index("seed 10")
    assert capsys.readouterr().err == ""


def test_settings_of_a_sweep_with_seeds(tmp_path):
    write(tmp_path / "rate=0.1,k1=2" / "seed-1", 30.0)
    write(tmp_path / "rate=0.1,k1=2" / "seed-2", 40.0)
    (tmp_path / "rate=0.1,k1=2" / "runs.html").write_text("x")
    write(tmp_path / "a b" / "seed-1")
    record = [
        {"folder": "rate=0.1,k1=2", "overrides": {"rate": "0.1", "k1": "2"}},
        {"folder": "a b", "overrides": {"name": "a b"}},
    ]
    (tmp_path / "sweep.json").write_text(json.dumps({"runs": record}))
    text = runs_page.write(tmp_path).read_text()
    assert '<a href="rate%3D0.1%2Ck1%3D2/runs.html">rate=0.1, k1=2</a>' in text
    assert "35.0" in text
    assert "±7.1" in text  # of 30 and 40, divided by one
    assert "name=a b: 0 of 1 seeds have figures" in text


def test_damaged_files_are_named_and_left_out(tmp_path, capsys):
    write(tmp_path / "trial_01", 30.0)
    write(tmp_path / "trial_02", 50.0)
    (tmp_path / "trial_01" / "results.json").write_text("{")
    text = runs_page.write(tmp_path).read_text()
    assert "by split 2" in text
    assert "trial_01/results.json is left out" in capsys.readouterr().err
    (tmp_path / "trial_02").rename(tmp_path / "x")
    (tmp_path / "trial_01").rename(tmp_path / "y")
    (tmp_path / "sweep.json").write_text('{"runs": 3}')
    with pytest.raises(UserError, match=r"sweep\.json: not readable"):
        runs_page.write(tmp_path)
    with pytest.raises(UserError, match="holds no runs"):
        runs_page.write(tmp_path / "x")


def test_the_page_grows_while_seeds_are_trained(tmp_path, monkeypatch):
    training = Trained(monkeypatch, lambda config: config.seed)
    training.stop_at = 3
    config = Config(dataset="regdb", stage1_epochs=1, stage2_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        seeds.run_seeds(config, tmp_path, "1-3")
    text = (tmp_path / "runs.html").read_text()
    assert "2 of 2 have figures" in text
    training.stop_at = 0
    seeds.run_seeds(config, tmp_path, "1-3")
    assert "3 of 3 have figures" in (tmp_path / "runs.html").read_text()


def test_by_the_mode_that_reads(tmp_path, monkeypatch, capsys):
    Trained(monkeypatch, lambda config: config.trial)
    config = Config(dataset="regdb", stage1_epochs=1, stage2_epochs=1)
    trials.run_trials(config, tmp_path / "splits", "1-2")
    capsys.readouterr()
    for name in ("runs.html", "report.html"):
        (tmp_path / "splits" / name).unlink()
    assert main.main(["x", "--mode=report", f"--workdir={tmp_path / 'splits'}"]) == 0
    assert capsys.readouterr().out == "".join(
        f"written to {tmp_path / 'splits' / name}\n"
        for name in ("report.html", "runs.html")
    )
    text = (tmp_path / "splits" / "runs.html").read_text()
    assert '<a href="report.html">its own page</a>' in text
    write(tmp_path / "seeds" / "seed-4", 20.0)
    assert main.main(["x", "--mode=report", f"--workdir={tmp_path / 'seeds'}"]) == 0
    assert capsys.readouterr().out.endswith("seeds/runs.html\n")


def test_without_what_draws_pages_it_is_left_out(tmp_path, monkeypatch, capsys):
    Trained(monkeypatch, lambda config: config.seed)
    real = extras.missing
    monkeypatch.setattr(
        extras, "missing", lambda extra: ["jinja2"] if extra == "pages" else real(extra)
    )
    config = Config(dataset="regdb", stage1_epochs=1, stage2_epochs=1)
    seeds.run_seeds(config, tmp_path, "1-2")
    assert not (tmp_path / "runs.html").exists()
    error = capsys.readouterr().err
    assert error.count("runs.html is not written: it needs jinja2") == 1


def test_what_goes_wrong_stops_no_training(tmp_path, monkeypatch, capsys):
    training = Trained(monkeypatch, lambda config: config.seed)
    (tmp_path / "runs.html").mkdir()
    config = Config(dataset="regdb", stage1_epochs=1, stage2_epochs=1)
    seeds.run_seeds(config, tmp_path, "1-2")
    assert training.done == [1, 2]
    assert "warning: runs.html is not written" in capsys.readouterr().err
