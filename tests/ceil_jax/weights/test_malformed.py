"""Checkpoints as people have them: the encoder, or an error that names the file."""

import argparse
import collections
import datetime
import decimal
import json
import pathlib
import struct
import types
import uuid

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from ceil_jax import weights
from ceil_jax.weights import files, tensors
from tests.ceil_jax.weights import small
from tests.ceil_jax.weights.small import assert_same


class CfgNode(dict[str, object]):
    """As yacs and EasyDict have them: a dict with attributes."""


class Values(list[int]):
    """As configurations have them."""


class Arguments:
    """Any object with attributes."""

    def __init__(self) -> None:
        self.rate = 0.1


Pair = collections.namedtuple("Pair", "a b")


def cfg_node() -> CfgNode:
    made = CfgNode(a=CfgNode(b=[1, 2]))
    vars(made)["frozen"] = True
    return made


def as_torch(arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {k: torch.from_numpy(np.array(v)) for k, v in arrays.items()}


BESIDE = {
    "defaultdict of lists": collections.defaultdict(list, a=[1]),
    "defaultdict of floats": collections.defaultdict(float, a=1.0),
    "defaultdict of dicts": collections.defaultdict(dict),
    "defaultdict of none": collections.defaultdict(None),
    "OrderedDict": collections.OrderedDict(a=1),
    "Counter": collections.Counter([30, 50]),
    "deque": collections.deque([1.0, 2.0], maxlen=3),
    "path": pathlib.Path("runs/1"),
    "pure path": pathlib.PurePosixPath("/a"),
    "Windows path": pathlib.PureWindowsPath("C:/a"),
    "paths in a namespace": argparse.Namespace(out=pathlib.Path("/x"), lr=0.1),
    "SimpleNamespace": types.SimpleNamespace(a=1),
    "datetime": datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC),
    "date": datetime.date(2025, 1, 1),
    "duration": datetime.timedelta(seconds=3),
    "decimal": decimal.Decimal("0.1"),
    "uuid": uuid.UUID(int=3),
    "complex": 1j,
    "range": range(3),
    "slice": slice(1, 2),
    "set": {1, 2},
    "frozenset": frozenset({1}),
    "bytearray": bytearray(b"a"),
    "a type": float,
    "dict subclass": cfg_node(),
    "list subclass": Values([1, 2]),
    "object": Arguments(),
    "named tuple": Pair(1, 2),
    "random state": np.random.RandomState(0).get_state(),
}


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("name", BESIDE)
def test_harmless_objects_beside_the_weights(tmp_path, name, is_zip):
    path = tmp_path / "a.pth"
    checkpoint = {"extra": BESIDE[name], "state_dict": as_torch(small.tower())}
    torch.save(checkpoint, path, _use_new_zipfile_serialization=is_zip)
    assert_same(weights.load(path), small.of_clip())


@pytest.mark.parametrize(
    "kind",
    [
        dict,
        CfgNode,
        collections.OrderedDict,
        lambda x: collections.defaultdict(list, x),
    ],
)
def test_the_weights_in_any_kind_of_dict(tmp_path, kind):
    torch.save(kind({"model": kind(as_torch(small.tower()))}), tmp_path / "a.pth")
    assert_same(weights.load(tmp_path / "a.pth"), small.of_clip())


@pytest.mark.parametrize(
    "prefix",
    [
        *("module.", "model.", "visual.", "trunk.", "_orig_mod.", "image_encoder."),
        *("backbone.", "base.", "ema.", "encoder.", "net.", "module.image_encoder."),
        *("ema_model.module.", "clip_model.visual.", "module.base.", "model_ema."),
    ],
)
def test_wrappers_names_are_dropped(tmp_path, prefix):
    arrays = {f"{prefix}{k}": v for k, v in small.tower().items()}
    save_file(arrays, tmp_path / "a.safetensors")
    assert_same(weights.load(tmp_path / "a.safetensors"), small.of_clip())


@pytest.mark.parametrize("prefix", ["ema.", "ema_model.module.", "model_ema."])
@pytest.mark.parametrize("own", ["", "model.", "backbone."])
def test_a_model_comes_before_its_running_average(tmp_path, prefix, own):
    arrays = {f"{prefix}{k}": v + 1 for k, v in small.tower().items()}
    arrays |= {f"{own}{k}": v for k, v in small.tower().items()}
    save_file(arrays, tmp_path / "a.safetensors")
    assert_same(weights.load(tmp_path / "a.safetensors"), small.of_clip())


@pytest.mark.parametrize(
    "name", ["a.SAFETENSORS", "a.bin", "a.pt", "a.ckpt", "a", "a.SafeTensors"]
)
def test_safetensors_are_told_by_their_content(tmp_path, name):
    save_file(small.tower(), tmp_path / name)
    assert_same(weights.load(tmp_path / name), small.of_clip())


@pytest.mark.parametrize("name", ["a.PTH", "a.Pt", "a.ckpt", "a", "a.safetensors"])
@pytest.mark.parametrize("is_zip", [True, False])
def test_pytorchs_files_are_told_by_their_content(tmp_path, name, is_zip):
    path = tmp_path / name
    torch.save(as_torch(small.tower()), path, _use_new_zipfile_serialization=is_zip)
    assert_same(weights.load(path), small.of_clip())


@pytest.mark.parametrize("kind", ["float8_e4m3fn", "float8_e5m2"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_float8_is_named(tmp_path, kind, suffix):
    arrays = as_torch(small.tower())
    arrays["conv2.weight"] = arrays["conv2.weight"].to(getattr(torch, kind))
    path = tmp_path / f"a{suffix}"
    if suffix == ".pt":
        torch.save(arrays, path)
    else:
        import safetensors.torch

        safetensors.torch.save_file(arrays, path)
    message = rf"a\{suffix}: .*conv2\.weight.* type (float8_e|F8_E)[0-9mM]+.*float32"
    with pytest.raises(ValueError, match=message):
        weights.load(path)


def test_float8_that_nobody_asks_for_does_no_harm(tmp_path):
    other = torch.ones(4).to(torch.float8_e4m3fn)
    torch.save({**as_torch(small.tower()), "other": other}, tmp_path / "a.pt")
    assert_same(weights.load(tmp_path / "a.pt"), small.of_clip())


def header(content: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(content) if length is None else length) + content


ONE = {"conv1.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}


@pytest.mark.parametrize(
    "content",
    [
        header(b"{}", 10**12),
        header(b"{"),
        header(b"[]"),
        header(b"{}") + b"more",
        header(json.dumps(ONE).encode()),
        header(json.dumps(ONE).replace("4]", "8]").encode()) + bytes(8),
        header(json.dumps(ONE).replace("[0", "[-1").encode()) + bytes(4),
        header(json.dumps(ONE).replace("F32", "F31").encode()) + bytes(4),
        header(json.dumps(ONE).replace("[1]", "[2]").encode()) + bytes(4),
        header(json.dumps(ONE).encode()) + bytes(4),
        header(b"{}"),
        b"\x80",
        b"\x80\x02}.",
        b"PK\x03\x04",
        b"PK\x05\x06" + bytes(18),
        b"\x1f\x8b\x08" + bytes(20),
        b"<html>",
        b"",
    ],
    ids=range(18),
)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".bin"])
def test_damaged_files_are_named(tmp_path, content, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\{suffix}: ") as caught:
        weights.load(path)
    assert "\n" not in str(caught.value)


def test_a_whole_model_in_a_checkpoint_is_named(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    checkpoint = {"model": model, "net": as_torch(small.tower())}
    torch.save(checkpoint, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"refers to 'torch\.nn\.modules\.container"):
        weights.load(tmp_path / "a.pt")


def test_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save_file(small.tower(), tmp_path / "a.safetensors")
    assert_same(weights.load("~/a.safetensors"), small.of_clip())
    summary = weights.convert("~/a.safetensors", "~/out")
    assert summary.output == str(tmp_path / "out")
    assert_same(weights.load("~/out"), small.of_clip())
    for path in ("~nobody-here/a.pt", "a\0.pt"):
        with pytest.raises(ValueError, match=r"nobody-here|null character"):
            weights.load(path)


@pytest.mark.parametrize(
    ("offset", "shape", "strides", "fits"),
    [
        (0, (3,), (1,), True),
        (1, (2,), (1,), True),
        (1, (3,), (1,), False),
        (3, (1,), (1,), False),
        (2, (1,), (9,), True),
        (0, (2,), (2,), True),
        (0, (2,), (3,), False),
        (0, (2, 2), (1, 1), False),
        (3, (0,), (1,), True),
    ],
)
def test_a_tensor_lies_within_its_storage(offset, shape, strides, fits):
    numbers = np.array([5, 6, 7], np.float32)
    storage = tensors.Storage("0", numbers.dtype, 3, lambda _: numbers)
    tensor = tensors.Tensor(storage, offset, shape, strides)
    if not fits:
        with pytest.raises(ValueError, match="does not fit its storage of 3 numbers"):
            np.asarray(tensor)
        return
    places = np.indices(shape).reshape(len(shape), -1)
    want = numbers[offset + np.array(strides) @ places] if places.size else []
    np.testing.assert_array_equal(np.asarray(tensor).ravel(), want)


def test_what_is_found_in_a_wrapped_file_is_told(tmp_path):
    arrays = {f"image_encoder.{k}": v for k, v in small.tower().items()}
    arrays["classifier.weight"] = np.ones((3, 3), np.float32)
    save_file(arrays, tmp_path / "a.bin")
    found = files.find(tmp_path / "a.bin")
    assert found[1:] == ("OpenAI CLIP", "", len(small.CLIP), 1, {})
