"""Files that PyTorch itself writes, read without it."""

import argparse
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from ceil_jax import weights
from ceil_jax.weights import archive
from tests.ceil_jax.weights import small
from tests.ceil_jax.weights.small import assert_same


@pytest.fixture(params=["zip", "legacy"])
def save(request, tmp_path):
    """Saves by torch.save in one of its two formats and returns the path."""

    def write(value, **options) -> Path:
        path = tmp_path / "weights.pth"
        is_zip = request.param == "zip"
        torch.save(value, path, _use_new_zipfile_serialization=is_zip, **options)
        return path

    return write


def tensors(arrays):
    return OrderedDict((k, torch.from_numpy(np.array(v))) for k, v in arrays.items())


def read(path):
    """All tensors of a saved dict, as arrays."""
    with archive.opened(path) as root:
        return {name: np.asarray(value) for name, value in root.items()}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_bare_state_dict(save, protocol):
    path = save(tensors(small.released()), pickle_protocol=protocol)
    assert_same(weights.load(path), small.variables())
    assert_same(weights.load(str(path)), small.variables())


def test_a_checkpoint_with_more_in_it(save):
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    checkpoint = {
        "net": OrderedDict(
            (f"module.{k}", v) for k, v in tensors(small.released()).items()
        ),
        "optimizer": optimizer.state_dict(),
        "memory": torch.ones(7, 128),
        "mAP": np.float64(0.5),
        "cmc": np.ones(3, np.float32),
        "args": argparse.Namespace(lr=0.1, dataset="regdb"),
        "cameras": {1, 2},
        "dtype": torch.float32,
        "shape": torch.Size([2, 3]),
        "epoch": 50,
        "note": b"bytes",
    }
    assert_same(weights.load(save(checkpoint)), small.variables())


def test_parameters_and_a_whole_state_with_metadata(save):
    """`state_dict` keeps versions beside its entries; parameters wrap tensors."""
    module = torch.nn.BatchNorm1d(3)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
    state = module.state_dict(keep_vars=True)
    assert "_metadata" in vars(state)
    assert isinstance(state["weight"], torch.nn.Parameter)
    got = read(save(state))
    np.testing.assert_array_equal(got["weight"], [1, 2, 3])
    assert got["num_batches_tracked"].shape == ()


def test_parameters_with_attributes(save):
    parameter = torch.nn.Parameter(torch.arange(3.0))
    vars(parameter)["note"] = "kept by PyTorch since 1.13"
    np.testing.assert_array_equal(read(save({"a": parameter}))["a"], [0, 1, 2])


def test_views_of_shared_storages(save):
    base = torch.arange(24.0)
    saved = {
        "rows": base.reshape(4, 6),
        "transposed": base.reshape(4, 6).t(),
        "part": base.reshape(4, 6)[1:3, ::2],
        "channels_last": base.reshape(1, 2, 3, 4).to(memory_format=torch.channels_last),
        "scalar": base[7],
        "empty": base[:0],
        "none": base.reshape(4, 6)[:, :0],
    }
    got = read(save(saved))
    for name, value in saved.items():
        np.testing.assert_array_equal(got[name], value.numpy(), err_msg=name)
        assert got[name].shape == tuple(value.shape)


@pytest.mark.parametrize(
    "dtype",
    [
        *("float16", "bfloat16", "float32", "float64"),
        *("int8", "uint8", "int16", "int32", "int64", "bool"),
    ],
)
def test_types(save, dtype):
    value = torch.tensor([0.0, 1.0, 3.0, 100.0]).to(getattr(torch, dtype))
    got = read(save({"a": value}))["a"]
    assert got.dtype.name == dtype
    np.testing.assert_array_equal(got.astype(np.float64), value.double().numpy())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "int64"])
def test_numbers_of_a_big_endian_machine(tmp_path, dtype):
    """The bytes of every storage are turned round by hand, and the record says so."""
    value = torch.tensor([1.0, -2.5, 300.0]).to(getattr(torch, dtype))
    torch.save({"a": value}, tmp_path / "little.pth")
    with (
        zipfile.ZipFile(tmp_path / "little.pth") as little,
        zipfile.ZipFile(tmp_path / "big.pth", "w") as big,
    ):
        for name in little.namelist():
            content = little.read(name)
            if name.endswith("/byteorder"):
                assert content == b"little"
                content = b"big"
            elif "/data/" in name:
                width = value.element_size()
                items = [content[i : i + width] for i in range(0, len(content), width)]
                content = b"".join(item[::-1] for item in items)
            big.writestr(name, content)
    got = read(tmp_path / "big.pth")["a"]
    np.testing.assert_array_equal(got.astype(np.float64), value.double().numpy())


def test_complex_numbers_are_refused(save):
    path = save({"a": torch.ones(2, dtype=torch.complex64)})
    with pytest.raises(ValueError, match="complex"):
        read(path)


def test_only_what_is_asked_for_is_read(tmp_path):
    """A storage that is damaged, but of no tensor of the encoder, harms nothing."""
    torch.save(
        {**tensors(small.released()), "other": torch.full((64,), 7.0)},
        tmp_path / "a.pth",
    )
    content = (tmp_path / "a.pth").read_bytes()
    sevens = torch.full((64,), 7.0).numpy().tobytes()
    assert content.count(sevens) == 1
    (tmp_path / "a.pth").write_bytes(content.replace(sevens, bytes(len(sevens))))
    assert_same(weights.load(tmp_path / "a.pth"), small.variables())


def test_damage_is_noticed(tmp_path):
    """A zip has check sums."""
    torch.save(tensors(small.released()), tmp_path / "a.pth")
    content = bytearray((tmp_path / "a.pth").read_bytes())
    number = small.released()["base_resnet.layer3.0.conv2.weight"].tobytes()[40:80]
    place = content.index(number)
    content[place] ^= 1
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.pth: cut short or damaged \(\d+ bytes"):
        weights.load(tmp_path / "a.pth")


def test_every_length_short_of_the_whole_is_refused(save):
    path = save(tensors(small.released()))
    content = path.read_bytes()
    lengths = np.linspace(0, len(content) - 1, 60).astype(int)
    for length in {1, 2, 5, *lengths[1:].tolist()}:
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"weights\.pth: "):
            weights.load(path)


def test_a_whole_model_is_refused_with_advice(save):
    path = save(torch.nn.Sequential(torch.nn.Linear(2, 2)))
    message = r"torch\.nn\.modules\.container\.Sequential.*save its state_dict"
    with pytest.raises(ValueError, match=message):
        weights.load(path)


def test_no_tensor_at_all(save):
    with pytest.raises(ValueError, match="no tensors with names"):
        weights.load(save([torch.ones(2), {"epoch": 3}]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data.pkl": None}, "a zip archive, but not PyTorch's"),
        ({"data/0": None}, r"conv1\.weight: its part 'data/0' is missing"),
        ({"data/0": b"\0" * 4}, r"storage '0' holds 4 bytes, not"),
        ({"data/0": b"\0" * 999999}, r"'data/0' has 999999 bytes, more than"),
        ({"data.pkl": b"\0" * (16 * 2**20 + 1)}, r"'data\.pkl' has 16777217 bytes"),
        ({"data.pkl": b""}, "pickle is damaged|no end"),
        ({"byteorder": b"middle"}, "byte order 'middle'"),
    ],
)
def test_archives_with_other_parts(tmp_path, change, message):
    torch.save(tensors(small.released()), tmp_path / "good.pth")
    with (
        zipfile.ZipFile(tmp_path / "good.pth") as good,
        zipfile.ZipFile(tmp_path / "bad.pth", "w") as bad,
    ):
        for name in good.namelist():
            content = change.get(name.split("/", 1)[1], good.read(name))
            if content is not None:
                bad.writestr(name, content)
    with pytest.raises(ValueError, match=rf"bad\.pth: .*{message}"):
        weights.load(tmp_path / "bad.pth")


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused(tmp_path, how):
    with zipfile.ZipFile(tmp_path / "bad.pth", "w", how) as bad:
        bad.writestr("archive/data.pkl", b"\x80\x02}.")
    with pytest.raises(
        ValueError, match=r"'data\.pkl' is compressed in an unusual way"
    ):
        weights.load(tmp_path / "bad.pth")


def test_encryption_is_refused(tmp_path):
    """Its flag is set by hand, in both places of a zip."""
    torch.save({"conv1.weight": torch.ones(2)}, tmp_path / "a.pth")
    content = bytearray((tmp_path / "a.pth").read_bytes())
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + place] |= 1
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"its part 'data\.pkl' is encrypted"):
        weights.load(tmp_path / "a.pth")


def test_a_part_before_the_start_is_damage(tmp_path):
    """The stated place of the directory decides where the parts are looked for."""
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
    content = bytearray((tmp_path / "a.pth").read_bytes())
    place = int.from_bytes(content[-6:-2], "little")
    content[-6:-2] = (place + 1000).to_bytes(4, "little")
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.pth: cut short or damaged"):
        weights.load(tmp_path / "a.pth")


def test_compressed_storages_are_refused(tmp_path):
    """So that a small file cannot fill the memory; PyTorch never compresses them."""
    torch.save(tensors(small.released()), tmp_path / "good.pth")
    with (
        zipfile.ZipFile(tmp_path / "good.pth") as good,
        zipfile.ZipFile(tmp_path / "bad.pth", "w", zipfile.ZIP_DEFLATED) as bad,
    ):
        for name in good.namelist():
            bad.writestr(name, good.read(name))
    with pytest.raises(ValueError, match=r"bad\.pth: .*'data/0' is compressed"):
        weights.load(tmp_path / "bad.pth")
