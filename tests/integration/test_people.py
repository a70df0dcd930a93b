"""Real pedestrians, where the environment names a folder of them."""

import json
import os
from pathlib import Path

import pytest

from ceil_jax.experiment.modes import train
from ceil_jax.pretrained import SYNTHETIC
from configs import regdb

PEOPLE = os.environ.get("CEIL_JAX_PEOPLE", "")


@pytest.mark.skipif(
    not (Path(PEOPLE) / "RegDB").is_dir(),
    reason="CEIL_JAX_PEOPLE names no folder that holds RegDB",
)
def test_regdb_trains_and_is_scored_in_both_directions(tmp_path):
    config = regdb.get_config()
    config.data_dir = str(Path(PEOPLE) / "RegDB")
    config.prepared_dir = str(tmp_path / "prepared")
    config.allow_partial = True
    config.image_size = (64, 32)
    config.init_from = str(SYNTHETIC)
    config.stage1_epochs = config.stage2_epochs = 1
    config.eval_step = 0
    config.encoder.stage_sizes, config.encoder.width = (1, 1, 1, 1), 16
    config.batch.stage1_steps = config.batch.stage2_steps = 4
    config.augment.pad = 4
    results = train.train_and_evaluate(config, tmp_path)
    assert results is not None
    assert set(results.modes) == {"visible_to_infrared", "infrared_to_visible"}
    # Neighbouring frames are easy: chance is one in five.
    assert all(m.plain["rank5"].mean > 50 for m in results.modes.values())
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["stage"] for line in lines] == [1, 2]
    assert (tmp_path / "ranked_lists.png").is_file()
