"""Which epoch is the model, and what is left where scoring goes wrong."""

import json

import pytest

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.common.errors import UserError
from ceil_jax.experiment import score
from ceil_jax.experiment.modes import evaluate, train
from tests.integration import small


@pytest.fixture
def config(shared):
    made = small.config(shared)
    made.stage1_epochs, made.stage2_epochs, made.save_epoch = 4, 0, 4
    made.selection, made.eval_step = "best_on_test", 1
    made.batch.stage1_steps = 1
    made.evaluation.baselines = False
    made.evaluation.num_trials = 1
    made.evaluation.num_pictured_queries = 0
    made.optimizer.warmup_epochs = 1
    return made


@pytest.fixture
def ranks(monkeypatch):
    """Scores by checkpoint: the first epoch is the best, whatever was learnt."""
    given = {"epoch 1": 40.0, "epoch 2": 30.0, "epoch 3": 20.0, "epoch 4": 10.0}
    monkeypatch.setattr(score, "mean_rank1", lambda results: given[results.checkpoint])
    return given


class StoppedError(Exception):
    """Something that goes wrong while an epoch is scored."""


def stop_at(monkeypatch, name):
    """Let the scoring of one epoch fail."""
    once = score.Scorer.score

    def fail(self, sides, checkpoint, *more):
        if checkpoint == name:
            raise StoppedError
        return once(self, sides, checkpoint, *more)

    monkeypatch.setattr(score.Scorer, "score", fail)


def epochs(folder):
    with Checkpoints(folder / "checkpoints") as saved:
        return saved.epochs


@pytest.mark.slow
def test_the_best_epoch_is_kept_and_reported(config, ranks, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, "epoch 3")
        with pytest.raises(StoppedError):
            train.train_and_evaluate(config, tmp_path)
    # Saved before it was scored, and the best beside the last two.
    assert epochs(tmp_path) == [1, 2, 3]
    with monkeypatch.context() as patch:
        stop_at(patch, "epoch 4")
        with pytest.raises(StoppedError):
            train.train_and_evaluate(config, tmp_path)
    assert epochs(tmp_path) == [1, 3, 4]
    assert not (tmp_path / "results.json").exists()
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores == {"1": 40.0, "2": 30.0, "3": 20.0}
    results = train.train_and_evaluate(config, tmp_path)
    assert results is not None
    assert (results.checkpoint, results.selection) == ("epoch 1", "best_on_test")
    assert json.loads((tmp_path / "scores.json").read_text())["4"] == 10.0
    record = json.loads((tmp_path / "results.json").read_text())
    assert (record["checkpoint"], record["selection"]) == ("epoch 1", "best_on_test")
    assert record["seed"] == 1
    (tmp_path / "results.json").unlink()
    evaluate.evaluate_checkpoint(config, tmp_path)
    assert json.loads((tmp_path / "results.json").read_text()) == record
    # The same folder still tells the figures of the last epoch.
    config.selection = "last"
    last = evaluate.evaluate_checkpoint(config, tmp_path)
    assert (last.checkpoint, last.selection) == ("epoch 4", "last")


def test_the_table_says_so(config, ranks, tmp_path, capsys):
    config.stage1_epochs = 2
    train.train_and_evaluate(config, tmp_path)
    out = capsys.readouterr().out
    assert (
        "checkpoint epoch 1; epoch chosen on the test set; trained with seed 1" in out
    )
    (tmp_path / "scores.json").unlink()
    with pytest.raises(UserError, match="no epoch of this run was scored"):
        evaluate.evaluate_checkpoint(config, tmp_path)
    (tmp_path / "scores.json").write_text('{"7": 50.0}')
    with pytest.raises(UserError, match=r"epoch 7 scored best .* \(kept are 1, 2\)"):
        evaluate.evaluate_checkpoint(config, tmp_path)
