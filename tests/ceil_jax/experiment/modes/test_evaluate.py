"""Scoring weights of a file: what is refused, and what must be told."""

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes import evaluate


@pytest.mark.parametrize("name", ["checkpoints", "metrics.jsonl"])
def test_the_folder_of_a_training_is_refused_first(name, tmp_path):
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=rf"--workdir=.* holds a training \({name}\): "):
        evaluate.evaluate_weights(Config(), tmp_path, "x.pt")


def test_a_folder_without_checkpoints_is_refused_first(tmp_path):
    with pytest.raises(UserError, match="no checkpoint here; train first"):
        evaluate.evaluate_checkpoint(Config(), tmp_path)
