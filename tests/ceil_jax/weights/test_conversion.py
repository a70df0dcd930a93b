"""Weights to Orbax checkpoints."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import orbax.checkpoint as ocp
import pytest
import torch

from ceil_jax import weights
from ceil_jax.weights import conversion
from tests.ceil_jax.weights import small
from tests.ceil_jax.weights.small import assert_same


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "RN50.pt"
    torch.save(
        {k: torch.from_numpy(np.array(v)) for k, v in small.clip().items()}, path
    )
    return path


@pytest.fixture(scope="module")
def converted(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("converted") / "a" / "clip"
    return weights.convert(source, folder), folder


def test_what_was_converted_is_told(source, converted):
    summary, folder = converted
    num_taken = len(small.CLIP)
    assert summary == weights.Summary(
        source="RN50.pt",
        output=str(folder),
        sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        naming="OpenAI CLIP",
        place="",
        sizes=weights.Architecture((2, 1, 1, 1), 4),
        num_tensors=num_taken,
        num_others=len(small.clip()) - num_taken,
        num_parameters=sum(
            leaf.size
            for module in small.variables()["params"].values()
            for layer in ([module] if "scale" in module else module.values())
            for leaf in layer.values()
        ),
        is_openai=False,
    )
    assert summary.sha256 in str(summary)
    assert "width 4, stage sizes (2, 1, 1, 1)" in str(summary)
    assert "OpenAI publishes" not in str(summary)


def test_load_reads_the_folder(converted):
    assert_same(weights.load(converted[1]), small.of_clip())
    assert_same(weights.load(str(converted[1])), small.of_clip())


def test_orbax_reads_the_folder(converted):
    summary, folder = converted
    with ocp.StandardCheckpointer() as checkpointer:
        assert_same(checkpointer.restore(folder), small.of_clip())
        metadata = checkpointer.metadata(folder).custom_metadata
    assert metadata is not None
    assert metadata["sha256"] == summary.sha256
    assert metadata["source"] == "RN50.pt"
    assert (metadata["stage_sizes"], metadata["width"]) == ([2, 1, 1, 1], 4)
    assert str(folder) not in str(metadata)


def test_openais_own_file_is_recognised(source, tmp_path, monkeypatch):
    """By its SHA-256, which is also the folder of its address."""
    assert f"/{weights.OPENAI_SHA256}/RN50.pt" in weights.OPENAI_URL
    assert weights.OPENAI_URL in weights.HOW_TO_GET
    assert "\n" not in weights.HOW_TO_GET
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    monkeypatch.setattr(conversion, "OPENAI_SHA256", sha256)
    summary = weights.convert(source, tmp_path / "out")
    assert summary.is_openai
    assert "the file that OpenAI publishes" in str(summary)


def test_an_empty_folder_is_filled(source, tmp_path):
    weights.convert(source, tmp_path)
    assert_same(weights.load(tmp_path), small.of_clip())


@pytest.mark.parametrize("name", ["folder", "file"])
def test_nothing_is_overwritten(source, tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("precious")
    (tmp_path / "file").write_text("precious")
    message = rf"{name}: is there already and not empty; name another folder"
    with pytest.raises(ValueError, match=message):
        weights.convert(source, tmp_path / name)
    assert (tmp_path / "folder" / "mine").read_text() == "precious"
    assert (tmp_path / "file").read_text() == "precious"


def test_nothing_is_left_of_a_file_that_cannot_be_used(tmp_path):
    torch.save({"conv1.weight": torch.ones(2, 3, 3, 3)}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt: it lacks bn1\.bias of shape \(2,\)"):
        weights.convert(tmp_path / "a.pt", tmp_path / "out")
    with pytest.raises(FileNotFoundError, match=r"b\.pt: no such file"):
        weights.convert(tmp_path / "b.pt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folders_are_not_converted(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(ValueError, match="in: a folder; give the file"):
        weights.convert(tmp_path / "in", tmp_path / "out")


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no folder of converted weights"):
        weights.load(tmp_path)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "other", {"a": np.ones(2)})
    with pytest.raises(ValueError, match=r"other: a checkpoint, but not of converted"):
        weights.load(tmp_path / "other")
    tree = small.variables()
    del tree["params"]["stage2_block0"]["conv2"]
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "part", tree)
    message = r"part: params/stage2_block0/conv2/kernel is missing, of \(3, 3, 8, 8\)"
    with pytest.raises(ValueError, match=message):
        weights.load(tmp_path / "part")


READ_EACH = """
import json, sys
from ceil_jax import weights
from tests.ceil_jax.weights import small
said = {}
for folder in sys.argv[1:]:
    try:
        small.assert_same(weights.load(folder), small.of_clip())
    except ValueError as error:
        said[folder] = str(error)
print(json.dumps(said))
"""


def test_damaged_folders_are_refused(converted, tmp_path):
    """Whatever file of it is lost or cut: an error, or what was written.

    In a process of its own: what Orbax still had under way when it failed complains
    later, out of its threads, and would disturb another test.
    """
    paths = [
        p.relative_to(converted[1]) for p in converted[1].rglob("*") if p.is_file()
    ]
    folders = []
    for i, path in enumerate(paths):
        for how in ("lost", "cut"):
            folder = tmp_path / f"{i}{how}"
            shutil.copytree(converted[1], folder)
            content = (folder / path).read_bytes()
            (folder / path).unlink()
            if how == "cut":
                (folder / path).write_bytes(content[: len(content) // 2])
            folders.append(str(folder))
    done = subprocess.run(
        [sys.executable, "-c", READ_EACH, *folders],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    refusals = json.loads(done.stdout)
    assert len(refusals) >= 4
    for folder, message in refusals.items():
        assert message.startswith(folder)
        assert "\n" not in message
