"""Files of every kind, told apart, and what a user reads who gives the wrong one."""

import itertools
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from ceil_jax import weights
from ceil_jax.weights import files
from tests.ceil_jax.weights import small
from tests.ceil_jax.weights.small import assert_same


def torch_save(arrays, path):
    torch.save({k: torch.from_numpy(np.array(v)) for k, v in arrays.items()}, path)


@pytest.mark.parametrize(
    ("naming", "want"),
    [
        ("released", small.variables),
        ("clip", small.of_clip),
        ("tower", small.of_clip),
        ("timm", small.of_clip),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth", ".bin"])
def test_every_naming_in_every_kind(tmp_path, naming, want, suffix):
    arrays = getattr(small, naming)()
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(arrays, path)
    else:
        torch_save(arrays, path)
    assert_same(weights.load(path), want())
    assert_same(weights.load(str(path)), want())


def test_what_is_found_is_told(tmp_path):
    clip = small.clip()
    torch.save(
        {
            "epoch": 3,
            "teacher": {k: torch.from_numpy(np.array(v)) for k, v in clip.items()},
            "head": {"weight": torch.ones(3, 3)},
        },
        tmp_path / "a.pt",
    )
    found = files.find(tmp_path / "a.pt")
    num_taken = len(small.CLIP)
    num_others = len(clip) - num_taken
    assert found[1:] == ("OpenAI CLIP", "teacher", num_taken, num_others, {})


def test_the_usual_places_come_first(tmp_path):
    """A running average beside a model has the same names."""
    own = {k: torch.from_numpy(v) for k, v in small.released().items()}
    other = {k: v + 1 for k, v in own.items()}
    places = ("net", "state_dict", "model_state_dict", "model")
    for first, second in itertools.pairwise(places):
        for entries in ({first: own, second: other}, {second: other, first: own}):
            torch.save(entries, tmp_path / "a.pt")
            assert_same(weights.load(tmp_path / "a.pt"), small.variables())
    for place in places:
        torch.save({"average": other, place: own}, tmp_path / "a.pt")
        assert_same(weights.load(tmp_path / "a.pt"), small.variables())
        assert files.find(tmp_path / "a.pt").place == place


def test_bfloat16_in_safetensors(tmp_path):
    """Written by hand: the upper halves of float32, one after the other."""
    header, data = {}, b""
    want = {}
    for name, value in small.released().items():
        bits = np.ascontiguousarray(value).view(np.uint32) & 0xFFFF0000
        want[name] = bits.view(np.float32)
        raw = (bits >> 16).astype("<u2").tobytes()
        place = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "BF16", "shape": value.shape, "data_offsets": place}
        data += raw
    start = json.dumps(header).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(start)) + start + data)
    assert_same(weights.load(path), weights.from_torch(want))


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_missing_file_is_named(tmp_path, suffix):
    path = tmp_path / f"none{suffix}"
    with pytest.raises(FileNotFoundError, match=rf"none{suffix}: no such file"):
        weights.load(path)


@pytest.mark.parametrize("content", [b"", b"not a header", b"\xff" * 64, "cut"])
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "broken.safetensors"
    if content == "cut":
        save_file(small.released(), path)
        content = path.read_bytes()[:-100]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken.safetensors: not a readable"):
        weights.load(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("encoder.h5", b""),
        ("encoder.h5", b"\x89HDF\r\n"),
        ("RN50.pt", b"<!DOCTYPE html><title>404</title>"),
        ("RN50.pt", b"version https://git-lfs.github.com/spec/v1\n"),
    ],
)
def test_other_kinds_of_files_are_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    message = rf"{name}: weights are read from \.pt, .*; this {len(content)}-byte file"
    with pytest.raises(ValueError, match=message):
        weights.load(path)


def test_a_zip_of_something_else(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.ones(2))
    with pytest.raises(ValueError, match=r"a\.npz: a zip archive, but not PyTorch's"):
        weights.load(tmp_path / "a.npz")


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        # A ResNet of torchvision: one 7x7 convolution before the stages.
        (
            {"conv1.weight": (4, 3, 7, 7), "conv2.weight": None, "bn2.weight": None},
            r"conv1\.weight has shape \(4, 3, 7, 7\), not \(2, 3, 3, 3\) \(width 4",
        ),
        ({"layer3.0.conv2.weight": None}, r"lacks layer3\.0\.conv2\.weight of shape"),
        (
            {"layer3.0.bn3.weight": (63,)},
            r"layer3\.0\.bn3\.weight has shape \(63,\), not \(64,\)",
        ),
    ],
)
def test_other_architectures_are_refused(tmp_path, suffix, change, message):
    arrays = small.tower()
    for name, shape in change.items():
        del arrays[name]
        if shape:
            arrays[name] = np.ones(shape, np.float32)
    path = tmp_path / f"other{suffix}"
    save = save_file if suffix == ".safetensors" else torch_save
    save(arrays, path)
    with pytest.raises(ValueError, match=rf"other{suffix}: .*{message}"):
        weights.load(path)


WITHOUT = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "pickle_torch", "torchvision"):
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Blocker())
import numpy as np
from ceil_jax import weights
try:
    import torch
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("the blocker does not block")
for i, path in enumerate(sys.argv[2:]):
    tree = weights.load(path)
    weights.convert(path, f"{sys.argv[1]}/{i}")
    tensors = weights.to_torch(tree)
    np.savez(f"{sys.argv[1]}/{i}.npz", **tensors)
assert "torch" not in sys.modules
"""


def test_pytorch_need_not_be_there(tmp_path):
    """Every kind of file is read and converted where `import torch` fails."""
    arrays = {k: torch.from_numpy(v) for k, v in small.released().items()}
    paths = [tmp_path / f"{i}.pt" for i in range(2)] + [tmp_path / "2.safetensors"]
    torch.save(arrays, paths[0])
    torch.save({"net": arrays}, paths[1], _use_new_zipfile_serialization=False)
    save_file(small.released(), paths[2])
    command = [sys.executable, "-W", "error", "-c", WITHOUT, tmp_path, *paths]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[3], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for i in range(3):
        with np.load(tmp_path / f"{i}.npz") as got:
            assert set(got) == set(small.released())
            for name, value in small.released().items():
                np.testing.assert_array_equal(got[name], value)
        assert_same(weights.load(tmp_path / str(i)), small.variables())
