"""A user's mistakes: status 2, one clear line, no traceback, nothing half-written."""

import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.common.errors import DataError, UserError
from ceil_jax.experiment.modes import evaluate, train
from tests.integration import small
from tests.repo import source

SYNTHETIC = "--config=configs/synthetic.py"
REGDB = "--config=configs/regdb.py"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """The command, as a user gives it."""
    return subprocess.run(
        [sys.executable, "-m", "ceil_jax.main", *words],
        cwd=source.ROOT,
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "4"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--config=configs/none.py"], ["configs/none.py", "no such file"]),
        ([], ["--config is missing"]),
        ([SYNTHETIC, "--config.seed=abc"], ["config.seed", "abc"]),
        (
            [SYNTHETIC, "--config.optimizer.rte=1"],
            ["--config.optimizer.rte", "--config.optimizer.rate"],
        ),
        ([SYNTHETIC, "--wrkdir=x"], ["--wrkdir", "--workdir"]),
        ([SYNTHETIC, "--mode=tain"], ["tain", "train"]),
        ([SYNTHETIC, "--config.lr=1"], ["--config.lr", "--config.optimizer.rate"]),
        ([SYNTHETIC, "--config.data_dir=" + "a" * 300], ["data_dir", "255 bytes"]),
        ([SYNTHETIC, "stray"], ["stray"]),
        ([SYNTHETIC, "--config.rerank.k1=0"], ["config.rerank.k1=0", "at least 1"]),
        ([SYNTHETIC, "--config.clustering.eps=1.5"], ["eps=1.5", "between 0 and 1"]),
        ([SYNTHETIC, "--config.objective.update=dcm"], ["dcmu", "momentum"]),
        ([SYNTHETIC, "--config.image_size=(60, 32)"], ["multiples of 16"]),
        ([SYNTHETIC, "--config.image_size=(65536, 65536)"], ["at most 4,096"]),
        ([SYNTHETIC, "--config.encoder.width=1000000"], ["encoder.width=1000000"]),
        ([SYNTHETIC, "--config.stage1_epochs=1000000000000"], ["stage1_epochs=1000"]),
        ([SYNTHETIC, "--config.stage1_epochs=2.5"], ["stage1_epochs='2.5' must be"]),
        ([SYNTHETIC, "--config.optimizer.gamma=-3"], ["optimizer.gamma=-3.0 must be"]),
        ([SYNTHETIC, "--config.optimizer.weight_decay=nan"], ["weight_decay=nan must"]),
        ([SYNTHETIC, "--config.objective.temperature=1e-300"], ["temperature=1e-300"]),
        ([SYNTHETIC, "--config.dataset=reg/db"], ["dataset='reg/db' must be a name"]),
        (
            [SYNTHETIC, "--config.batch.images_per_proxy=5"],
            ["visible_rows=32", "images_per_proxy=5"],
        ),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_line(tmp_path, words, parts):
    folder = tmp_path / "run"
    done = run(*words, f"--workdir={folder}")
    check(done, parts)
    assert not folder.exists()


def check(done: subprocess.CompletedProcess[str], parts: list[str]) -> None:
    """One line on stderr that holds all parts, status 2."""
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    for part in parts:
        assert part in lines[0]


def test_a_workdir_is_needed():
    check(run(SYNTHETIC), ["--workdir is missing"])


def test_no_such_data_folder(tmp_path):
    missing = tmp_path / "RegDB"
    done = run(REGDB, f"--config.data_dir={missing}", f"--workdir={tmp_path}/run")
    check(done, [str(missing)])
    assert not (tmp_path / "run").exists()


def test_help_lists_the_fields_of_the_config():
    done = run("--help", REGDB)
    assert done.returncode == 0
    assert "--config.matching.k1=18" in done.stdout
    assert "--workdir" in done.stdout


@pytest.fixture
def config(shared):
    made = small.config(shared)
    made.stage1_epochs, made.stage2_epochs = 1, 0
    made.optimizer.warmup_epochs = 0
    made.evaluation.baselines = False
    made.evaluation.num_pictured_queries = 0
    return made


def test_a_data_folder_must_be_named(config, tmp_path):
    config.dataset = "regdb"
    with pytest.raises((UserError, DataError), match="data_dir"):
        train.train_and_evaluate(config, tmp_path)


def test_a_batch_that_does_not_divide_names_what_would(config, tmp_path):
    config.num_devices, config.batch.visible_rows = 4, 6
    config.batch.images_per_proxy = 2
    with pytest.raises(UserError, match=r"visible_rows=6 .* 4 devices: 4 or 8 would"):
        train.train_and_evaluate(config, tmp_path)
    assert not list(tmp_path.iterdir())


def test_more_devices_than_there_are(config, tmp_path):
    config.num_devices = 64
    with pytest.raises(UserError, match="num_devices=64"):
        train.train_and_evaluate(config, tmp_path)


def test_weights_that_are_missing_or_others(config, tmp_path):
    config.init_from = str(tmp_path / "none.safetensors")
    with pytest.raises(UserError, match="no such file"):
        train.train_and_evaluate(config, tmp_path)
    path = tmp_path / "other.safetensors"
    save_file({"fc.weight": np.zeros((2, 2), np.float32)}, path)
    config.init_from = str(path)
    with pytest.raises(UserError, match=r"fc\.weight"):
        train.train_and_evaluate(config, tmp_path)
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"other\.safetensors"):
        train.train_and_evaluate(config, tmp_path)


def test_weights_of_another_architecture(config, tmp_path):
    from ceil_jax.pretrained import SYNTHETIC as SHIPPED

    config.init_from = str(SHIPPED)
    with pytest.raises(UserError, match=r"is an encoder of width 16, .* of width 4"):
        train.train_and_evaluate(config, tmp_path)


def test_evaluation_needs_a_checkpoint(config, tmp_path):
    with pytest.raises(UserError, match="no checkpoint"):
        evaluate.evaluate_checkpoint(config, tmp_path)


def test_no_cluster_says_what_to_change(config, tmp_path):
    config.clustering.eps = 1e-6
    config.clustering.min_samples = 50
    with pytest.raises(UserError, match=r"eps.*min_samples.*k1"):
        train.train_and_evaluate(config, tmp_path)


def test_a_trained_folder_refuses_what_does_not_fit_it(config, tmp_path):
    # The second epoch's rate is out of all bounds.
    config.optimizer.schedule, config.optimizer.warmup_epochs = "multistep", 0
    config.optimizer.milestones, config.optimizer.gamma = (1,), 1e33
    train.train_and_evaluate(config, tmp_path)
    with Checkpoints(tmp_path / "checkpoints") as saved:
        assert saved.epochs == [1]
    # A loss that is not finite stops the next epoch; the checkpoint stays.
    config.stage1_epochs = 2
    with pytest.raises(UserError, match=r"epoch 2, step \d"):
        train.train_and_evaluate(config, tmp_path)
    with Checkpoints(tmp_path / "checkpoints") as saved:
        assert saved.epochs == [1]
    config.synthetic.seed = 2
    with pytest.raises(UserError, match=r"synthetic is .*'seed': 2.*trained with"):
        evaluate.evaluate_checkpoint(config, tmp_path)
    config.synthetic.seed, config.seed = 0, 77
    with pytest.raises(UserError, match=r"config\.seed was 1 and is now 77"):
        train.train_and_evaluate(config, tmp_path)
    config.seed, config.encoder.width = 1, 6
    with pytest.raises(UserError, match=r"encoder\.width was 4 and is now 6"):
        train.train_and_evaluate(config, tmp_path)


def test_help_ends_quietly_when_nobody_reads_on():
    command = f"'{sys.executable}' -m ceil_jax.main --help | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=source.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 141)
    assert done.stderr == ""
    assert done.stdout.startswith("ceil-jax --config FILE")
