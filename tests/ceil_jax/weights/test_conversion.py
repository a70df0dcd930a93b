"""Weights to Orbax checkpoints."""

import hashlib
import itertools
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import orbax.checkpoint as ocp
import pytest
import torch

from ceil_jax import weights
from ceil_jax.weights import conversion
from ceil_jax.weights.converted import write
from tests.ceil_jax.weights import small
from tests.ceil_jax.weights.small import assert_same

ROOT = Path(__file__).parents[3]


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


def test_folders_of_before_are_read_with_a_warning(converted, tmp_path):
    """Those that have no digest, or lost their manifest."""
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "old", small.of_clip())
    shutil.copytree(converted[1], tmp_path / "lost")
    (tmp_path / "lost" / "manifest.json").unlink()
    for name in ("old", "lost"):
        with pytest.warns(UserWarning, match=rf"{name}: converted before digests were"):
            assert_same(weights.load(tmp_path / name), small.of_clip())


def test_other_arrays_are_found_without_the_manifest(converted, tmp_path):
    """Whole files of another conversion, but the metadata of this one."""
    tree = small.of_clip()
    tree["params"]["norm"]["scale"][0] += 1
    other = tmp_path / "other"
    write(other, tree, {"source": "x"})
    assert_same(weights.load(other), tree)
    shutil.copy(converted[1] / "_CHECKPOINT_METADATA", other)
    (other / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"other: damaged \(its weights are not those"):
        weights.load(other)


def flip(content: bytes, part: float) -> bytes:
    changed = bytearray(content)
    changed[round(part * (len(content) - 1))] ^= 16
    return bytes(changed)


DAMAGES = {
    "lost": None,
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "longer": lambda content: content + b"\0",
    "zeros": lambda content: bytes(len(content)),
    "first bit": lambda content: flip(content, 0.0),
    "some bit": lambda content: flip(content, 0.6),
    "last bit": lambda content: flip(content, 1.0),
}


def test_damaged_folders_are_refused(converted, tmp_path, capfd):
    """Whatever file of it is lost or changed: one line, and nothing else is said."""
    files = [
        path.relative_to(converted[1])
        for path in sorted(converted[1].rglob("*"))
        if path.is_file()
    ]
    outcomes = Counter()
    for path, how in itertools.product(files, DAMAGES):
        folder = tmp_path / "copy"
        shutil.copytree(converted[1], folder)
        content = (folder / path).read_bytes()
        (folder / path).unlink()
        if DAMAGES[how] is not None:
            (folder / path).write_bytes(DAMAGES[how](content))
        if (str(path), how) == ("manifest.json", "lost"):
            shutil.rmtree(folder)
            continue
        with pytest.raises(ValueError, match=f"^{folder}: ") as caught:
            weights.load(folder)
        assert "\n" not in str(caught.value)
        outcomes["damaged" if ": damaged (" in str(caught.value) else how] += 1
        shutil.rmtree(folder)
    # Without Orbax's own file it is no such folder at all.
    assert outcomes == {"damaged": len(files) * len(DAMAGES) - 2, "lost": 1}
    assert outcomes.total() >= 68
    assert capfd.readouterr() == ("", "")


def test_parts_of_another_conversion_are_refused(converted, tmp_path):
    other = tmp_path / "other"
    tree = small.of_clip()
    tree["params"]["norm"]["scale"][0] += 1
    write(other, tree, {"source": "RN50.pt"})
    for part in ("d", "ocdbt.process_0", "_METADATA", "_CHECKPOINT_METADATA"):
        folder = tmp_path / part
        shutil.copytree(converted[1], folder)
        if (folder / part).is_dir():
            shutil.rmtree(folder / part)
            shutil.copytree(other / part, folder / part)
        else:
            shutil.copy(other / part, folder / part)
        if part == "_METADATA":  # names and shapes, which are the same
            assert_same(weights.load(folder), small.of_clip())
            continue
        with pytest.raises(ValueError, match=rf"{part}: damaged \("):
            weights.load(folder)


FAILING = """
import resource, sys
from ceil_jax import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
words = ["--mode", "convert", "--weights", sys.argv[1], "--output", sys.argv[2]]
sys.exit(main.main(["ceil-jax", *words]))
"""


@pytest.mark.parametrize(
    ("place", "limit", "said"),
    [
        (
            "full/conv",
            20_000,
            r"full: 0\.\d MiB are needed, .* free \(File too large\)",
        ),
        ("/proc/conv", -1, r"/proc/conv: /proc cannot be written to"),
        ("/sys/kernel/conv", -1, r"/sys/kernel cannot be written to"),
    ],
)
def test_a_place_that_cannot_be_written_ends_at_once(
    source, tmp_path, place, limit, said
):
    words = [sys.executable, "-c", FAILING, source, tmp_path / place, str(limit)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert re.search(said, done.stderr)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert not list(tmp_path.iterdir())
