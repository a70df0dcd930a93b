"""A run that is known by its folder alone, and cannot be made to claim another."""

import json
import shutil

import pytest

from ceil_jax import main
from ceil_jax.experiment.config import field_names
from configs import folder
from tests.integration import cameras, small
from tests.repo import source

CONFIG = f"--config={source.ROOT / 'configs' / 'folder.py'}"


def read(path):
    return json.loads(path.read_text())


def content(workdir):
    """Every file of a run but for event files, which TensorBoard names by the time."""
    return {
        path.relative_to(workdir).as_posix(): path.read_bytes()
        for path in workdir.rglob("*")
        if path.is_file() and "tensorboard" not in path.parts
    }


def said(capsys):
    out, error = capsys.readouterr()
    (line,) = [line for line in error.splitlines() if line.startswith("error: ")]
    return line, out


@pytest.fixture
def run(whole, tmp_path):
    """A copy of the whole run, its figures among them."""
    workdir = tmp_path / "run"
    shutil.copytree(whole[0], workdir)
    return workdir


def test_results_say_what_they_are_of(whole):
    record = read(whole[0] / "results.json")
    assert record["trained_with"] == read(whole[0] / "config.json")
    assert record["evaluated_with"]["rerank.k1"] == 28
    assert record["engine"]["search"] == "exact"
    assert len(record["engine"]["model"]) == 64


def test_the_folder_alone_is_evaluated(run, capsys):
    before = content(run)
    assert main.main(["main", "--mode=evaluate", f"--workdir={run}"]) == 0
    assert "measured before, see" in capsys.readouterr().out
    assert content(run) == before


def test_overrides_apply_on_top_and_go_to_a_file_of_their_own(run, capsys):
    before = content(run)
    words = ["main", f"--workdir={run}", "--config.rerank.k1=5"]
    for mode in ("evaluate", "train"):
        assert main.main([*words, f"--mode={mode}"]) == 0
    after = content(run)
    assert {name: after[name] for name in before} == before
    (name,) = [n for n in after.keys() - before.keys() if n.endswith(".json")]
    assert name == "results/sysu_mm01-ceil-1-epoch_6.json"
    record = read(run / name)
    assert record["evaluated_with"]["rerank.k1"] == 5
    assert (
        record["modes"]["all"]["plain"]
        == read(run / "results.json")["modes"]["all"]["plain"]
    )


def test_its_config_can_be_named(run, tmp_path):
    words = [
        "main",
        f"--config={run}/config.json",
        f"--workdir={run}",
        "--mode=evaluate",
    ]
    assert main.main(words) == 0


def test_a_changed_training_field_is_refused_and_nothing_is_written(run, capsys):
    before = content(run)
    words = ["--config.optimizer.rate=0.01", "--config.clustering.eps=0.3"]
    assert main.main(["main", f"--workdir={run}", *words]) == 2
    line, _ = said(capsys)
    for part in ("config.optimizer.rate was 0.001 and is now 0.01", "eps was 0.6"):
        assert part in line
    assert content(run) == before


def test_a_cosine_run_is_not_made_longer(run, capsys):
    assert main.main(["main", f"--workdir={run}", "--config.stage2_epochs=9"]) == 2
    assert "the rate of every epoch depends on their number" in said(capsys)[0]


def test_other_generated_people_are_another_data_set(run, tmp_path, capsys):
    words = ["main", "--mode=evaluate", f"--workdir={run}", "--config.synthetic.seed=3"]
    assert main.main(words) == 2
    assert "--mode evaluate --output DIR" in said(capsys)[0]
    before, output = content(run), tmp_path / "other"
    assert main.main([*words, f"--output={output}"]) == 0
    record = read(output / "results.json")
    assert any("overlap of people unknown" in line for line in record["warnings"])
    assert "overlap of people unknown" in capsys.readouterr().out
    assert record["trained_with"]["synthetic"]["seed"] == 0
    assert record["evaluated_with"]["synthetic.seed"] == 3
    assert content(run) == before


@pytest.fixture(scope="module")
def places(shared, tmp_path_factory):
    base = tmp_path_factory.mktemp("folders")
    data = cameras.write(base / "a")
    made = small.config(shared)
    made.dataset, made.data_dir = "folder", str(data)
    made.stage1_epochs, made.stage2_epochs, made.eval_step = 1, 0, 0
    made.optimizer.schedule, made.optimizer.warmup_epochs = "multistep", 0
    made.evaluation.baselines = False
    start = field_names(folder.get_config())
    words = [
        f"--{name}={value}"
        for name, value in field_names(made).items()
        if value != start[name]
    ]
    workdir = base / "run"
    assert main.main(["main", CONFIG, *words, f"--workdir={workdir}"]) == 0
    return data, workdir


class TestFolders:
    """One's own images, where only their pixels can tell."""

    def test_the_folder_may_move(self, places, tmp_path):
        data, workdir = places
        moved = tmp_path / "moved"
        shutil.copytree(data, moved)
        words = [f"--workdir={workdir}", f"--config.data_dir={moved}"]
        assert main.main(["main", "--mode=evaluate", *words]) == 0

    def test_other_images_are_refused(self, places, tmp_path, capsys):
        data, workdir = places
        other = tmp_path / "b"
        shutil.copytree(data, other)
        next((other / "visible").rglob("*.png")).unlink()
        words = ["main", f"--workdir={workdir}", f"--config.data_dir={other}"]
        for more in ([], ["--mode=evaluate"], ["--config.stage1_epochs=2"]):
            assert main.main([*words, *more]) == 2
            assert "holds other training images" in said(capsys)[0]

    def test_people_of_the_training_are_not_tested_on(self, places, tmp_path, capsys):
        data, workdir = places
        other = tmp_path / "b"
        shutil.copytree(data, other)
        image = next((data / "visible").rglob("*.png"))
        person = next((other / "gallery" / "visible").rglob("*.png"))
        shutil.copy(image, person)
        words = ["main", "--mode=evaluate", f"--workdir={workdir}"]
        words += [f"--config.data_dir={other}", f"--output={tmp_path / 'out'}"]
        assert main.main(words) == 2
        assert "test images are images that the model was trained on" in said(capsys)[0]
        assert not (tmp_path / "out").exists()
