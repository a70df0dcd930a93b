"""Scoring weights of a file: what is refused, and what must be told."""

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes import evaluate


def test_whom_the_weights_know_is_left_open():
    config = Config(dataset="regdb", trial=4)
    text = evaluate.unknown_people(config)
    assert "do not tell which people they were trained on" in text
    assert "split 4, as in every other split than their own" in text
    config.evaluation.protocol = "regdb_released"
    assert "split 4" not in evaluate.unknown_people(config)
    assert "split" not in evaluate.unknown_people(Config(dataset="llcm"))


@pytest.mark.parametrize("name", ["checkpoints", "metrics.jsonl"])
def test_the_folder_of_a_training_is_refused_first(name, tmp_path):
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=rf"--workdir=.* holds a training \({name}\): "):
        evaluate.evaluate_weights(Config(), tmp_path, "x.pt")


def test_a_folder_without_checkpoints_is_refused_first(tmp_path):
    with pytest.raises(UserError, match="no checkpoint here; train first"):
        evaluate.evaluate_checkpoint(Config(), tmp_path)
