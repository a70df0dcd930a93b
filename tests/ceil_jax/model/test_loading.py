"""A model from whatever holds one."""

import json
import subprocess
import sys

import numpy as np
import pytest

from ceil_jax import load, weights
from ceil_jax.checkpoints import stored
from ceil_jax.common.errors import UserError
from ceil_jax.model.info import digest_of
from ceil_jax.pretrained import SYNTHETIC
from tests.ceil_jax.model.conftest import SIZE
from tests.repo import source

UNKNOWN = "these weights do not tell whom they were trained on"


def scaled(variables, scale: float):
    """Other weights of the same architecture."""
    norm = {"scale": np.full(512, scale, np.float32)}
    return {**variables, "params": {**variables["params"], "norm": norm}}


def add_checkpoint(run, variables, epoch: int, selection: str = "last"):
    record = {
        "seed": 5,
        "init_from": "RN50.pt",
        "data": {
            "dataset": "regdb",
            "trial": 2,
            "image_size": list(SIZE),
            "fingerprint": "ab12",
            "value_ranges": {"infrared": [7000.0, 8200.0]},
        },
        "config": {"selection": selection},
        "warnings": ["resumed elsewhere"],
    }
    (run / "checkpoints").mkdir(exist_ok=True, parents=True)
    state = {**scaled(variables, epoch), "opt_state": {"count": np.zeros(1)}}
    place = run / "checkpoints" / str(epoch)
    stored.write(place, {"state": state}, record, [epoch, None])


@pytest.fixture
def run(variables, tmp_path):
    for epoch in (3, 4):
        add_checkpoint(tmp_path / "run", variables, epoch)
    return tmp_path / "run"


def scale_of(model) -> float:
    return float(model.variables["params"]["norm"]["scale"][0])


def test_a_run_s_model_is_its_newest_checkpoint(run, variables):
    model = load(run)
    assert scale_of(model) == 4
    info = model.info
    assert info.source == "run"
    assert (info.epoch, info.trained_on) == (4, "regdb, split 2")
    assert info.image_size == SIZE
    assert info.architecture == ((1, 1, 1, 1), 16)
    assert info.value_ranges == {"infrared": (7000.0, 8200.0)}
    assert info.training
    assert info.training["seed"] == 5
    assert info.training["fingerprint"] == "ab12"
    assert info.warnings == ("resumed elsewhere",)
    assert info.results is None
    assert info.digest == digest_of(scaled(variables, 4), SIZE)
    assert set(model.variables) == {"params", "batch_stats"}


def test_a_checkpoint_of_a_run_by_its_epoch(run):
    assert scale_of(load(run, epoch=3)) == 3
    with pytest.raises(UserError, match=r"no checkpoint of epoch 9, but of \[3, 4\]"):
        load(run, epoch=9)


def test_a_damaged_checkpoint_is_passed_over_and_told(run):
    (run / "checkpoints" / "4" / "digest" / "metadata").write_text("{}")
    model = load(run)
    assert scale_of(model) == 3
    assert "the checkpoint of epoch 4 is damaged" in model.info.warnings[-1]
    assert (run / "checkpoints" / "4").is_dir()  # nothing is changed


@pytest.mark.parametrize("relative", [False, True])
def test_a_damaged_run_s_model_folder_tells_no_path(run, relative, monkeypatch):
    (run / "checkpoints" / "4" / "digest" / "metadata").write_text("{}")
    place = run.rename(run.with_name("my run"))
    monkeypatch.chdir(place.parent)
    folder = load("my run" if relative else place).save("out/model")
    for name in ("README.md", "config.json"):
        text = (folder / name).read_text()
        assert "checkpoints/4: the checkpoint of epoch 4 is damaged" in text
        assert str(place.parent) not in text


def test_the_best_epoch_where_the_run_was_told_so(variables, tmp_path):
    for epoch in (3, 4):
        add_checkpoint(tmp_path, variables, epoch, "best_on_test")
    (tmp_path / "scores.json").write_text(json.dumps({"3": 50.0, "4": 40.0}))
    assert scale_of(load(tmp_path)) == 3
    assert scale_of(load(tmp_path, epoch=4)) == 4
    (tmp_path / "scores.json").write_text("{")
    with pytest.raises(
        UserError, match=r"scores\.json: not readable .*name one by epoc"
    ):
        load(tmp_path)


def test_figures_are_the_run_s_if_they_are_of_this_model(run):
    digest = load(run).info.digest
    record = {
        "protocol": "regdb",
        "engine": {"model": digest},
        "verification": {"a": 1},
    }
    (run / "results.json").write_text(json.dumps(record))
    info = load(run).info
    assert info.results == record
    assert info.calibration == {"a": 1}
    assert load(run, epoch=3).info.results is None
    for text in ("{", "[]", json.dumps({"engine": {}})):
        (run / "results.json").write_text(text)
        assert load(run).info.results is None


def test_weights_of_a_file(tmp_path):
    model = load(SYNTHETIC, image_size=(64, 32))
    assert model.info.image_size == (64, 32)
    assert model.info.training is None
    assert model.info.warnings == (UNKNOWN,)
    guessed = load(SYNTHETIC).info.warnings[0]
    assert "do not tell the size of their images nor whom they were" in guessed
    assert load(SYNTHETIC).info.image_size == (288, 144)
    weights.convert(SYNTHETIC, tmp_path / "converted")
    assert load(tmp_path / "converted").info.digest == load(SYNTHETIC).info.digest


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda p: p / "none", "none: no such file"),
        (lambda p: p, "holds no model: neither checkpoints of a run, nor weights.saf"),
        (lambda p: write(p / "a.pth"), r"a\.pth: weights are read from"),
        (lambda p: folder(p / "checkpoints").parent, "no checkpoint here; train first"),
    ],
)
def test_what_holds_no_model(tmp_path, make, text):
    with pytest.raises(UserError, match=text):
        load(make(tmp_path))


def write(path):
    path.write_text("no weights")
    return path


def folder(path):
    path.mkdir()
    return path


def test_arguments_that_do_not_fit(run, tmp_path):
    with pytest.raises(ValueError, match=r"epoch=3: .* is no folder of a run"):
        load(SYNTHETIC, epoch=3)
    with pytest.raises(ValueError, match="tells the size of its images itself"):
        load(run, image_size=(64, 32))
    saved = load(run).save(tmp_path / "model")
    with pytest.raises(ValueError, match="tells the size of its images itself"):
        load(saved, image_size=(64, 32))


def test_import_is_quick_and_loads_nothing():
    code = (
        "import time, sys; begin = time.process_time(); import ceil_jax\n"
        "seconds = time.process_time() - begin\n"
        "heavy = {'jax', 'numpy', 'flax', 'PIL', 'orbax'} & sys.modules.keys()\n"
        "print(seconds < 0.1, sorted(heavy), callable(ceil_jax.load))\n"
        "try: ceil_jax.lod\n"
        "except AttributeError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=source.ROOT, capture_output=True, text=True
    )
    first, second = done.stdout.splitlines()
    assert first == "True [] True"
    assert second == "module 'ceil_jax' has no attribute 'lod'"
