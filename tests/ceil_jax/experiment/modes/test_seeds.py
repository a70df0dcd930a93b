"""Training seeds one after another: which, their mean and spread, and what resumes."""

import json

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import several, workdir
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes import seeds
from tests.ceil_jax.experiment.modes.trained import Trained


@pytest.fixture
def training(monkeypatch):
    return Trained(monkeypatch, lambda config: config.seed)


@pytest.fixture
def config():
    return Config(dataset="regdb", stage1_epochs=1, stage2_epochs=1, seed=99)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1-6", [1, 2, 3, 4, 5, 6]), ("7,2-3,3", [2, 3, 7]), ("0", [0])],
)
def test_numbers_and_ranges(text, wanted):
    assert seeds.parse_seeds(text) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("all", "--seeds=all must be numbers such as 1,3-5"),
        ("", "must be numbers"),
        ("3-1", "3-1 ends before it begins"),
        ("1-1001", "1-1001 are more than 1,000 seeds"),
    ],
)
def test_other_words(text, said):
    with pytest.raises(UserError, match=said):
        seeds.parse_seeds(text)


def test_each_seed_is_trained_and_all_are_averaged(training, config, tmp_path, capsys):
    results = seeds.run_seeds(config, tmp_path, "1,4-5")
    assert training.done == [1, 4, 5]
    assert list(results) == [1, 4, 5]
    assert config.seed == 99
    names = sorted(path.name for path in tmp_path.glob("[!.]*"))
    assert names == [
        *("config.json", "runs.html", "seed-1", "seed-4", "seed-5", "seeds.json"),
    ]
    record = json.loads((tmp_path / "seeds.json").read_text())
    assert record["seeds"] == [1, 4, 5]
    found = record["modes"]["visible_to_infrared"]["gcr"]["mAP"]
    assert found["by_seed"] == {"1": 10, "4": 40, "5": 50}
    assert (found["low"], found["high"]) == (10, 50)
    # Deviations of -70/3, 20/3 and 50/3, their squares divided by two.
    assert found["std"] == pytest.approx((1300 / 3) ** 0.5)
    assert found["mean"] == pytest.approx(100 / 3)
    out = capsys.readouterr().out
    for text in ("seed 4 (2 of 3): training", "33.33 ± 20.82", "sample standard"):
        assert text in out


def test_more_seeds_later_do_not_train_the_first_again(training, config, tmp_path):
    training.stop_at = 2
    with pytest.raises(KeyboardInterrupt):
        seeds.run_seeds(config, tmp_path, "1-3")
    assert not (tmp_path / "seeds.json").exists()
    training.stop_at = 0
    seeds.run_seeds(config, tmp_path, "1-3")
    seeds.run_seeds(config, tmp_path, "1-4")
    assert training.done == [1, 2, 3, 4]
    assert list(workdir.seeds_in(tmp_path)) == [1, 2, 3, 4]
    config.optimizer.rate = 1.0
    with pytest.raises(UserError, match=r"seed-1 was trained with config.optimizer"):
        seeds.run_seeds(config, tmp_path, "1")


def test_without_test_images_there_are_no_figures(config, tmp_path, monkeypatch):
    monkeypatch.setattr(several, "train_and_evaluate", lambda *args, **how: None)
    assert seeds.run_seeds(config, tmp_path, "3") == {}
    record = json.loads((tmp_path / "seeds.json").read_text())
    assert record == {"seeds": [], "modes": {}}


def test_one_seed_has_no_spread(training, config, tmp_path, capsys):
    seeds.run_seeds(config, tmp_path, "3")
    out = capsys.readouterr().out
    assert "30.00" in out
    assert "±" not in out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("checkpoints", "holds a run of one seed: give another to --seeds"),
        ("trial_01", "holds the splits of --mode trials: give another to --seeds"),
        ("sweep.json", "holds the overrides of --mode sweep"),
    ],
)
def test_other_folders_are_refused(training, config, tmp_path, name, said):
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=said):
        seeds.run_seeds(config, tmp_path, "1")


def test_a_run_of_one_seed_is_not_put_among_several(training, config, tmp_path):
    seeds.run_seeds(config, tmp_path, "1")
    with pytest.raises(UserError, match="holds the seeds of --seeds: give the folder"):
        workdir.check_one_split(tmp_path)
    workdir.check_one_split(tmp_path / "seed-1")
