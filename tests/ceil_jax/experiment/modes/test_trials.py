"""Splits one after another: which, what is done already, and their mean."""

import json

import pytest

from ceil_jax.common.errors import DataError, UserError
from ceil_jax.experiment import numbered, several
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes import trials
from tests.ceil_jax.experiment.modes.trained import Trained


class TestParse:
    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("all", [1, 2, 3, 4, 5]),
            ("3", [3]),
            ("1,3-5", [1, 3, 4, 5]),
            ("5, 1 - 2,2", [1, 2, 5]),
            ("4-4", [4]),
        ],
    )
    def test_numbers_and_ranges(self, text, wanted):
        assert numbered.parse_trials(text, 5, "regdb") == wanted

    @pytest.mark.parametrize("text", ["", "one", "1;2", "1,", "-1", "1-", "1.5"])
    def test_other_words(self, text):
        with pytest.raises(UserError, match="must be all, or numbers such as 1,3-5"):
            numbered.parse_trials(text, 5, "regdb")

    @pytest.mark.parametrize(
        ("text", "wrong"), [("0", "0"), ("6", "6"), ("1,4-6", "4-6"), ("3-2", "3-2")]
    )
    def test_splits_that_there_are_not(self, text, wrong):
        with pytest.raises(
            UserError, match=f"regdb has splits 1 to 5, {wrong} is none"
        ):
            numbered.parse_trials(text, 5, "regdb")


@pytest.fixture
def training(monkeypatch):
    return Trained(monkeypatch, lambda config: config.trial)


@pytest.fixture
def config():
    return Config(dataset="regdb", stage1_epochs=1, stage2_epochs=1)


class TestRunTrials:
    def test_each_split_is_trained_and_all_are_averaged(
        self, training, config, tmp_path, capsys
    ):
        mean = trials.run_trials(config, tmp_path, "1,4-5")
        assert training.done == [1, 4, 5]
        assert config.trial == 1
        names = sorted(path.name for path in tmp_path.glob("[!.]*"))
        assert names == [
            *("config.json", "report.html", "results.json", "runs.html"),
            *(f"trial_0{t}" for t in (1, 4, 5)),
        ]
        record = json.loads((tmp_path / "results.json").read_text())
        assert record == mean.to_json()
        assert record["trials"] == 3
        assert record["checkpoint"] == "epoch 2 of each split's model"
        plain = record["modes"]["visible_to_infrared"]["plain"]["rank1"]
        # 10, 40 and 50: deviations of -70/3, 20/3 and 50/3.
        assert plain["mean"] == pytest.approx(100 / 3)
        assert plain["std"] == pytest.approx((7800 / 27) ** 0.5)
        assert record["splits"]["4"]["visible_to_infrared"]["gcr"]["mAP"]["mean"] == 40
        out = capsys.readouterr().out
        for text in ("split 4 (2 of 3): training", "split 5", "33.33 ± 17.00"):
            assert text in out

    def test_what_is_finished_is_not_done_again(
        self, training, config, tmp_path, capsys
    ):
        training.stop_at = 3
        with pytest.raises(KeyboardInterrupt):
            trials.run_trials(config, tmp_path)
        assert training.done == [1, 2]
        assert not (tmp_path / "results.json").exists()
        training.stop_at = 0
        mean = trials.run_trials(config, tmp_path)
        assert training.done == list(range(1, 11))
        assert "split 2 (2 of 10): finished before" in capsys.readouterr().out
        assert mean.modes["visible_to_infrared"].plain["rank1"].mean == 55
        assert trials.run_trials(config, tmp_path).to_json() == mean.to_json()
        assert len(training.done) == 10

    @pytest.mark.parametrize("kind", [UserError, DataError])
    def test_what_goes_wrong_names_the_split(self, config, tmp_path, monkeypatch, kind):
        def fail(config, folder, **options):
            raise kind("1 cluster among 50 infrared images")

        monkeypatch.setattr(several, "train_and_evaluate", fail)
        with pytest.raises(UserError, match=r"^split 7: 1 cluster among 50"):
            trials.run_trials(config, tmp_path, "7-8")

    @pytest.mark.parametrize("lost", ["results.json", "checkpoints"])
    def test_without_results_or_the_last_checkpoint_it_is_not_finished(
        self, training, config, tmp_path, lost
    ):
        trials.run_trials(config, tmp_path, "1-2")
        if lost == "checkpoints":
            training.latest[tmp_path / "trial_01" / "checkpoints"] = 1
        else:
            (tmp_path / "trial_01" / lost).write_text("{")
        trials.run_trials(config, tmp_path, "1-2")
        assert training.done == [1, 2, 1]

    def test_another_evaluation_is_done_anew(self, training, config, tmp_path):
        trials.run_trials(config, tmp_path, "1")
        config.rerank.k1 = 3
        trials.run_trials(config, tmp_path, "1-2")
        assert training.done == [1, 1, 2]

    def test_another_training_is_refused_before_anything_is_done(
        self, training, config, tmp_path
    ):
        trials.run_trials(config, tmp_path, "2")
        config.optimizer.rate = 1.0
        with pytest.raises(
            UserError,
            match=r"trial_02 was trained with config\.optimizer\.rate=0\.00035, "
            r"now it is 1\.0: give the same, or another --workdir",
        ):
            trials.run_trials(config, tmp_path)
        assert training.done == [2]

    def test_other_places_are_not_another_training(self, training, config, tmp_path):
        trials.run_trials(config, tmp_path, "2")
        config.data_dir, config.num_devices = "/elsewhere", 1
        trials.run_trials(config, tmp_path, "2")
        assert training.done == [2]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"dataset": "synthetic"}, "--mode trials: synthetic has one split"),
            ({"trial": 3}, "config.trial=3 is for one split: .* say --trials=3"),
        ],
    )
    def test_what_has_no_splits_to_run(self, training, change, message, tmp_path):
        options = {"dataset": "regdb", "stage1_epochs": 1} | change
        with pytest.raises(UserError, match=message):
            trials.run_trials(Config(**options), tmp_path)

    def test_one_model_on_all_splits_is_another_thing(self, training, config, tmp_path):
        config.evaluation.protocol = "regdb_released"
        with pytest.raises(UserError, match="scores one model on all splits"):
            trials.run_trials(config, tmp_path)

    def test_the_folder_of_one_run_is_refused(self, training, config, tmp_path):
        (tmp_path / "checkpoints").mkdir()
        with pytest.raises(UserError, match="holds a run of one split"):
            trials.run_trials(config, tmp_path)

    def test_a_broken_record_is_named(self, training, config, tmp_path):
        (tmp_path / "trial_01").mkdir()
        (tmp_path / "trial_01" / "config.json").write_text("{")
        with pytest.raises(UserError, match=r"trial_01/config\.json: not readable"):
            trials.run_trials(config, tmp_path)
