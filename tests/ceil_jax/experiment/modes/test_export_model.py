"""Models written by the command line, from weights of a file."""

import resource

import numpy as np
import onnx
import onnxruntime
import pytest

from ceil_jax import main, weights
from ceil_jax.experiment import compilation
from ceil_jax.experiment.modes import export, export_model, opened
from ceil_jax.model.export import torch
from ceil_jax.pretrained import SYNTHETIC
from tests.ceil_jax.model.export import given
from tests.repo import source

CONFIG = f"--config={source.ROOT / 'configs' / 'synthetic.py'}"


@pytest.fixture(scope="module")
def variables():
    return weights.load(SYNTHETIC)


@pytest.fixture
def command(monkeypatch, tmp_path):
    """The command that exports the shipped weights, and what it answers."""
    monkeypatch.setattr(compilation, "use_cache", lambda folder: None)

    def run(*words: str) -> int:
        start = ["main", CONFIG, "--mode=export", f"--weights={SYNTHETIC}"]
        return main.main([*start, f"--workdir={tmp_path / 'run'}", *words])

    return run


def sizes(path):
    return f"{path.stat().st_size / 1e6:.2f} MB"


def test_both_modalities_by_default(command, variables, tmp_path, capsys):
    assert command("--format=onnx") == 0
    folder = tmp_path / "run"
    files = [folder / f"model_{modality}.onnx" for modality in given.MODALITIES]
    assert sorted(folder.iterdir()) == sorted(files)
    assert capsys.readouterr().out.splitlines() == [
        f"the encoder of {modality} images, 64x32, {sizes(path)}, written to {path}"
        for modality, path in zip(given.MODALITIES, files, strict=True)
    ]
    for modality, path in zip(given.MODALITIES, files, strict=True):
        images = given.read(modality, (64, 32))[:3]
        (rows,) = onnxruntime.InferenceSession(path).run(None, {"images": images})
        want = given.rows(variables, modality, images)
        np.testing.assert_allclose(np.asarray(rows), want, atol=1e-5)


def test_a_target_says_so_in_the_name_and_tells_what_stands_beside(
    command, tmp_path, capsys
):
    words = ("--format=onnx", "--target=boxmot", "--modality=infrared")
    assert command(*words) == 0
    path = tmp_path / "run" / "model_infrared_boxmot.onnx"
    beside = path.with_name("model_infrared_boxmot.onnx.metadata.json")
    assert sorted(path.parent.iterdir()) == [path, beside]
    told, last = capsys.readouterr().out.splitlines()
    assert told == f"beside it, written to {beside}"
    assert last.endswith(f"written to {path}")
    properties = {p.key: p.value for p in onnx.load(path).metadata_props}
    assert properties["ceil.size"] == "[64, 32]"
    assert properties["ceil.modality"] == "infrared"


def test_a_file_of_one_s_own(command, tmp_path):
    path = tmp_path / "new" / "mine.onnx"
    words = ("--format=onnx", "--modality=visible", f"--output={path}")
    assert command(*words) == 0
    assert path.is_file()
    assert not (tmp_path / "run").exists()


def test_stablehlo(command, tmp_path, capsys):
    assert command("--format=stablehlo", "--modality=visible") == 0
    (path,) = (tmp_path / "run").iterdir()
    assert path.name == "model_visible.stablehlo"
    assert f"{sizes(path)}, written to {path}" in capsys.readouterr().out


@pytest.mark.parametrize("has_torch", [True, False])
def test_weights_for_pytorch(command, tmp_path, monkeypatch, has_torch, capsys):
    monkeypatch.setattr(torch, "has_torch", lambda: has_torch)
    assert command("--format=torch") == 0
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"model.safetensors"} | ({"model.pth"} if has_torch else set())
    told = capsys.readouterr().out.splitlines()
    assert all(line.startswith("both encoders, 64x32, ") for line in told)
    assert len(told) == len(names)


def test_a_full_disk_is_one_line_and_leaves_nothing(command, tmp_path, capsys):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        assert command("--format=onnx") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    path = tmp_path / "run" / "model_visible.onnx"
    assert error.startswith(f"error: {path} cannot be written: ")
    assert "MiB are needed" in error
    assert not path.parent.exists()


def test_weights_of_another_architecture_are_one_line(command, capsys, tmp_path):
    assert command("--format=onnx", "--config.encoder.width=8") == 2
    error = capsys.readouterr().err
    assert "--weights=" in error
    assert "of width 16" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_folder_without_a_run_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(compilation, "use_cache", lambda folder: None)
    words = [CONFIG, "--mode=export", f"--workdir={tmp_path}", "--format=onnx"]
    assert main.main(["main", *words]) == 2
    assert "no checkpoint here; train first" in capsys.readouterr().err


def test_both_kinds_of_export_open_the_model_alike():
    assert export.opened is export_model.opened is opened.opened


def test_weights_that_tell_another_size_are_refused(command, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    torch.write_torch(path, weights.load(SYNTHETIC), image_size=(32, 16))
    assert command("--format=onnx", f"--weights={path}") == 2
    error = capsys.readouterr().err
    assert f"image_size=(64, 32): {path} was made for images of 32 x 16" in error
    assert error.count("\n") == 1
    words = ("--config.image_size=32,16", "--modality=visible")
    assert command("--format=onnx", f"--weights={path}", *words) == 0
