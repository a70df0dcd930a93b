"""A sweep: each combination in its folder, what resumes, the table at the end."""

import json

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import several
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes import sweep
from ceil_jax.experiment.sweeps import Variant
from tests.ceil_jax.experiment.modes.trained import Trained


def variants(*values):
    found = []
    for k1 in values:
        config = Config(dataset="regdb", stage1_epochs=1, stage2_epochs=1)
        config.clustering.k1 = k1
        found.append(Variant.of((f"--config.clustering.k1={k1}",), config))
    return found


@pytest.fixture
def training(monkeypatch):
    return Trained(monkeypatch, lambda config: config.clustering.k1 / 10 + config.seed)


def test_each_is_trained_once_and_all_are_in_one_table(training, tmp_path, capsys):
    training.stop_at = 4.0
    with pytest.raises(KeyboardInterrupt):
        sweep.run_sweep(variants(20, 30, 10), tmp_path)
    assert training.done == [3.0]
    assert not json.loads((tmp_path / "sweep.json").read_text())["is_finished"]
    training.stop_at = 0
    sweep.run_sweep(variants(20, 30, 10), tmp_path)
    assert training.done == [3.0, 4.0, 2.0]
    out = capsys.readouterr().out
    table = out[out.index("visible to infrared search") :].splitlines()
    assert [line.split()[:2] for line in table[3:6]] == [
        ["clustering.k1=20", "30.00"],
        ["clustering.k1=30", "40.00"],
        ["clustering.k1=10", "20.00"],
    ]
    for text in ("chosen on the test set", "one training seed each", "--mode compare"):
        assert text in out
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == [
        f"clustering.k1={k1}" for k1 in (10, 20, 30)
    ]
    record = json.loads((tmp_path / "sweep.json").read_text())
    assert record["is_finished"]
    assert record["runs"][1]["overrides"] == {"clustering.k1": "30"}
    modes = record["runs"][1]["modes_by_seed"]["1"]
    assert modes["visible_to_infrared"]["plain"]["rank1"]["mean"] == 40


def test_with_seeds_each_has_mean_and_spread(training, tmp_path, capsys):
    results = sweep.run_sweep(variants(10, 20), tmp_path, "1,3")
    assert training.done == [2.0, 4.0, 3.0, 5.0]
    assert {name: len(found) for name, found in results.items()} == {
        "clustering.k1=10": 2,
        "clustering.k1=20": 2,
    }
    out = capsys.readouterr().out
    # 20 and 40: deviations of 10, their squares 200 divided by one.
    assert "30.00 ± 14.14" in out
    assert "sample standard deviation over 2 training seeds" in out
    assert (tmp_path / "clustering.k1=20" / "seed-3" / "results.json").exists()


def test_without_test_images(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(several, "train_and_evaluate", lambda *args, **how: None)
    sweep.run_sweep(variants(10), tmp_path)
    assert "no test images: nothing was scored" in capsys.readouterr().out


def test_mistakes_name_the_combination(tmp_path, monkeypatch):
    def fail(config, folder, **options):
        raise UserError("1 cluster among 50 infrared images")

    monkeypatch.setattr(several, "train_and_evaluate", fail)
    with pytest.raises(UserError, match=r"^clustering\.k1=10: 1 cluster among 50"):
        sweep.run_sweep(variants(10), tmp_path)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    with pytest.raises(UserError, match="holds a run of one override: give another"):
        sweep.run_sweep(variants(10), tmp_path / "run")
