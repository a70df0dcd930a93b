"""The modes as a user gives them: splits, weights of a file, preparation."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from ceil_jax import main, weights
from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.experiment import build
from ceil_jax.experiment.config import Config, field_names
from ceil_jax.model.export import torch
from ceil_jax.pretrained import SYNTHETIC
from ceil_jax.training.state import variables_of
from configs import regdb
from tests.ceil_jax.datasets.trees import write_regdb
from tests.integration import small
from tests.repo import source

CONFIG = f"--config={source.ROOT / 'configs' / 'regdb.py'}"


def tiny(shared: Path, data: Path) -> Config:
    """RegDB's configuration in small, for a tree of flat images."""
    made = small.config(shared)
    made.dataset, made.data_dir, made.allow_partial = "regdb", str(data), True
    made.stage1_epochs, made.stage2_epochs, made.eval_step = 1, 0, 0
    made.image_size, made.augment.pad = (32, 16), 2
    made.batch.stage1_steps = made.batch.stage2_steps = 1
    made.clustering.k1, made.clustering.k2 = 3, 2
    made.rerank.k1, made.rerank.k2 = 4, 2
    made.optimizer.warmup_epochs = 0
    made.evaluation.baselines = False
    return made


def words(config: Config) -> list[str]:
    """The same as words of a command line that starts from `configs/regdb.py`."""
    start = field_names(regdb.get_config())
    return [
        f"--{name}={value}"
        for name, value in field_names(config).items()
        if value != start[name]
    ]


def read(path: Path):
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_regdb(tmp_path_factory.mktemp("data") / "RegDB", images=6)


@pytest.fixture(scope="module")
def config(shared, data):
    return tiny(shared, data)


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    """The folder of splits 1 and 3, trained."""
    workdir = tmp_path_factory.mktemp("splits") / "run"
    command = ["main", CONFIG, *words(config), f"--workdir={workdir}"]
    assert main.main([*command, "--mode=trials", "--trials=1,3"]) == 0
    return workdir


def test_splits_are_averaged(run):
    record = read(run / "results.json")
    parts = [read(run / f"trial_0{t}" / "results.json") for t in (1, 3)]
    assert [part["split"] for part in parts] == [1, 3]
    assert [part["trained_with"]["trial"] for part in parts] == [1, 3]
    assert [part["evaluated_with"]["trial"] for part in parts] == [1, 3]
    assert record["trials"] == 2
    assert list(record["splits"]) == ["1", "3"]
    for mode in ("visible_to_infrared", "infrared_to_visible"):
        for kind in ("plain", "gcr"):
            values = [part["modes"][mode][kind]["mAP"]["mean"] for part in parts]
            got = record["modes"][mode][kind]["mAP"]
            assert got["mean"] == pytest.approx(sum(values) / 2)
            assert got["std"] == pytest.approx(abs(values[0] - values[1]) / 2)
    names = "checkpoints config.json metrics.jsonl ranked_lists.png rankings.npz"
    for name in names.split():
        assert (run / "trial_03" / name).exists()


def test_a_split_is_not_scored_with_the_model_of_another(run, config, capsys):
    command = ["main", CONFIG, *words(config), f"--workdir={run}/trial_03"]
    assert main.main([*command, "--mode=evaluate"]) == 2
    assert (
        "config.trial is 1, but this run was trained with 3" in capsys.readouterr().err
    )


def test_a_checkpoint_is_scored_without_the_weights_it_started_from(
    run, config, tmp_path
):
    copy = tmp_path / "run"
    copy.mkdir()
    (copy / "checkpoints").symlink_to(run / "trial_01" / "checkpoints")
    command = ["main", CONFIG, *words(config), f"--workdir={copy}", "--mode=evaluate"]
    assert main.main([*command, "--config.init_from=gone.pt"]) == 0
    want = read(run / "trial_01" / "results.json")
    assert read(copy / "results.json")["modes"] == want["modes"]


def test_one_model_on_all_splits_says_so(run, config, tmp_path, capsys):
    copy = tmp_path / "run"
    copy.mkdir()
    (copy / "checkpoints").symlink_to(run / "trial_01" / "checkpoints")
    command = ["main", CONFIG, *words(config), f"--workdir={copy}", "--mode=evaluate"]
    assert main.main([*command, "--config.evaluation.protocol=regdb_released"]) == 0
    out = capsys.readouterr().out
    assert "one model on all splits: leaks training identities" in out
    (path,) = (copy / "results").glob("*.json")
    assert path.name == "regdb_released-none-1-epoch_1.json"
    record = read(path)
    assert (record["protocol"], record["trials"]) == ("regdb_released", 10)
    assert record["split"] is None


@pytest.fixture(scope="module")
def file(run, config, tmp_path_factory):
    """The weights of split 1's model under PyTorch's names."""
    with Checkpoints(run / "trial_01" / "checkpoints") as saved:
        state = saved.restore(build.initial_state(config))
    path = tmp_path_factory.mktemp("weights") / "ceil_regdb.safetensors"
    save_file(weights.to_torch(variables_of(state)), path)
    return path


def test_weights_of_a_file_are_scored(run, config, file, tmp_path, capsys):
    folder = tmp_path / "converted"
    convert = ["main", "--mode=convert", f"--weights={file}", f"--output={folder}"]
    assert main.main(convert) == 0
    assert str(folder) in capsys.readouterr().out
    assert main.main(convert) == 2
    assert "not empty" in capsys.readouterr().err
    want = read(run / "trial_01" / "results.json")
    for path in (file, folder):
        workdir = tmp_path / f"scored_{path.stem}"
        command = ["main", CONFIG, *words(config), f"--workdir={workdir}"]
        assert main.main([*command, "--mode=evaluate", f"--weights={path}"]) == 0
        got = read(workdir / "results.json")
        assert got["modes"] == want["modes"]
        assert got["checkpoint"] == f"weights {path.name}"
        assert (got["seed"], got["split"]) == (None, 1)
        out, error = capsys.readouterr()
        for text in (out, error):
            assert "do not tell which people they were trained on" in text
        assert not (workdir / "checkpoints").exists()


def test_weights_for_images_of_another_size_are_not_scored(config, tmp_path, capsys):
    path = tmp_path / "other.safetensors"
    torch.write_torch(path, weights.load(SYNTHETIC), image_size=(96, 48))
    command = ["main", CONFIG, *words(config), f"--workdir={tmp_path / 'scored'}"]
    assert main.main([*command, "--mode=evaluate", f"--weights={path}"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert "was made for images of 96 x 48 pixels" in error
    assert not (tmp_path / "scored").exists()


@pytest.mark.parametrize(
    ("change", "weights_file", "parts"),
    [
        ([], "none.pt", ["--weights", "none.pt: no such file"]),
        (["--config.encoder.width=8"], "", ["--weights=", "of width 4", "of width 8"]),
    ],
)
def test_weights_that_do_not_fit(
    config, file, change, weights_file, parts, tmp_path, capsys
):
    command = ["main", CONFIG, *words(config), *change, "--mode=evaluate"]
    path = tmp_path / weights_file if weights_file else file
    workdir = tmp_path / "run"
    assert main.main([*command, f"--workdir={workdir}", f"--weights={path}"]) == 2
    error = capsys.readouterr().err
    assert [line for line in error.splitlines() if line.startswith("error: ")]
    assert all(part in error for part in parts)
    assert not workdir.exists()


def test_the_folder_of_a_training_takes_no_other_weights(run, config, file, capsys):
    workdir = run / "trial_01"
    before = (workdir / "results.json").read_bytes()
    command = ["main", CONFIG, *words(config), f"--workdir={workdir}"]
    assert main.main([*command, "--mode=evaluate", f"--weights={file}"]) == 2
    assert "holds a training (checkpoints)" in capsys.readouterr().err
    assert (workdir / "results.json").read_bytes() == before


@pytest.mark.parametrize("mode", ["train", "evaluate"])
def test_the_folder_of_all_splits_takes_no_single_run(run, config, file, mode, capsys):
    before = (run / "results.json").read_bytes()
    command = ["main", CONFIG, *words(config), f"--workdir={run}", f"--mode={mode}"]
    command += [f"--weights={file}"] if mode == "evaluate" else []
    assert main.main(command) == 2
    assert "holds the splits of --mode trials" in capsys.readouterr().err
    assert (run / "results.json").read_bytes() == before


def test_exports_of_the_splits_are_scored_to_the_last_bit(
    run, config, tmp_path, capsys
):
    """Each split's export, scored by name, gives the table of the trained models."""
    for split in ("trial_01", "trial_03"):
        folder = tmp_path / split
        folder.mkdir()
        for name in ("checkpoints", "config.json", "trained_on.npz"):
            (folder / name).symlink_to(run / split / name)
        assert main.main(["main", "--mode=export", f"--workdir={folder}"]) == 0
    files = tmp_path / "trial_{split:02d}" / "embeddings.npz"
    command = ["main", CONFIG, *words(config), f"--workdir={tmp_path / 'out'}"]
    command += ["--mode=score", f"--features={files}", "--trials=1,3"]
    assert main.main(command) == 0
    wanted, got = read(run / "results.json"), read(tmp_path / "out" / "results.json")
    assert got["modes"] == wanted["modes"]
    assert got["splits"] == wanted["splits"]
    assert got["features"]["splits"]["3"]["scaled"] is False
    assert not any("equal features" in line for line in got["warnings"])
    rows = [tmp_path / name / "embeddings.npz" for name in ("trial_01", "trial_03")]
    rows[0].rename(tmp_path / "moved.npz")
    rows[1].rename(rows[0])
    (tmp_path / "moved.npz").rename(rows[1])
    capsys.readouterr()
    assert main.main(command) == 2
    assert "error: split 1: " in (error := capsys.readouterr().err)
    assert "its model was trained on" in error


def test_images_are_prepared_once(config, data, tmp_path, capsys):
    command = ["main", CONFIG, *words(config), "--mode=prepare"]
    command.append(f"--config.prepared_dir={tmp_path}")
    for _ in range(2):
        assert main.main(command) == 0
        out, error = capsys.readouterr()
        assert out.startswith(f"regdb: 48 images of 32x16 pixels in {tmp_path}")
        assert "is not whole" in error
    places = [path.parent for path in tmp_path.rglob("dataset_info.json")]
    assert len(places) == 1


def test_a_start_from_random_weights_is_told(run, config, tmp_path, capsys):
    record = read(run / "trial_01" / "results.json")
    assert any("--config.init_from=RN50.pt" in line for line in record["warnings"])


@pytest.mark.slow
def test_a_killed_run_goes_on(shared, config, tmp_path, capsys):
    workdir = tmp_path / "run"
    command = [CONFIG, *words(config), f"--workdir={workdir}", "--mode=trials"]
    command.append("--trials=2,5")
    process = subprocess.Popen(
        [sys.executable, "-m", "ceil_jax.main", *command],
        cwd=source.ROOT,
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "4"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while not (workdir / "trial_05" / "config.json").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (workdir / "results.json").exists()
    before = (workdir / "trial_02" / "results.json").stat().st_mtime_ns
    assert main.main(["main", *command]) == 0
    out = capsys.readouterr().out
    assert "split 2 (1 of 2): finished before" in out
    assert "split 5 (2 of 2): training" in out
    assert (workdir / "trial_02" / "results.json").stat().st_mtime_ns == before
    assert list(read(workdir / "results.json")["splits"]) == ["2", "5"]
