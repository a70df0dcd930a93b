"""Nothing that a file holds is run, whatever it is."""

import ast
import contextlib
import copyreg
import pickle
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from ceil_jax import weights
from tests.ceil_jax.weights import hostile, small
from tests.repo import source

LIVE = list(hostile.live(Path("canary")))
CRAFTED = list(hostile.crafted(Path("canary")))


@pytest.fixture
def canary(tmp_path):
    return tmp_path / "canary"


@pytest.fixture
def extension():
    """A process that has registered, and already used, an extension code."""
    copyreg.add_extension("posix", "mkdir", hostile.EXTENSION)
    yield
    # It empties the cache of that code, too.
    copyreg.remove_extension("posix", "mkdir", hostile.EXTENSION)


@pytest.mark.parametrize("how", LIVE)
@pytest.mark.usefixtures("extension")
def test_live_pickles_are_refused_in_every_file(tmp_path, canary, how):
    pickled = hostile.live(canary)[how]
    with contextlib.suppress(Exception):
        pickle.loads(pickled)
    assert canary.is_dir(), "the pickle is not live: this test would show nothing"
    canary.rmdir()
    for kind, write in hostile.FILES.items():
        path = tmp_path / f"{kind}.pt"
        write(path, pickled)
        with pytest.raises(ValueError, match=rf"{kind}\.pt: (refers|uses)") as raised:
            weights.load(path)
        assert "\n" not in str(raised.value)
        assert not canary.exists()
        with pytest.raises(ValueError, match=rf"{kind}\.pt: "):
            weights.convert(path, tmp_path / "out")
        assert not canary.exists()
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("how", CRAFTED)
def test_crafted_pickles_are_refused_in_every_file(tmp_path, canary, how):
    for kind, write in hostile.FILES.items():
        path = tmp_path / f"{kind}.pt"
        write(path, hostile.crafted(canary)[how])
        with pytest.raises(ValueError, match=rf"{kind}\.pt: "):
            weights.load(path)
        assert not canary.exists()


def test_what_is_refused_is_named(tmp_path, canary):
    path = tmp_path / "RN50.pt"
    hostile.FILES["TorchScript"](path, hostile.live(canary)["GLOBAL"])
    message = r"RN50\.pt: refers to 'posix\.mkdir', which weights do not need; nothing"
    with pytest.raises(ValueError, match=message):
        weights.load(path)


def test_the_other_pickles_of_an_archive_are_not_read(tmp_path, canary):
    path = tmp_path / "weights.pt"
    torch.save({k: torch.from_numpy(v) for k, v in small.released().items()}, path)
    pickled = hostile.live(canary)["GLOBAL"]
    with zipfile.ZipFile(path, "a") as archive:
        folder = archive.namelist()[0].split("/")[0]
        for name in ("constants.pkl", "code/__torch__.py", "extra/data.pkl"):
            archive.writestr(f"{folder}/{name}", pickled)
    small.assert_same(weights.load(path), small.variables())
    assert not canary.exists()


def test_code_of_an_archive_is_not_read(tmp_path, canary):
    class Model(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is on its way out
        torch.jit.save(torch.jit.script(Model()), tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"no tensor of a CLIP .* among 0"):
        weights.load(tmp_path / "model.pt")


def tensor(shape, strides, numbers, key="0"):
    """Opcodes of a float32 tensor over a storage that is said to be so large."""

    def ints(values):
        return b"(" + b"".join(b"I%d\n" % v for v in values) + b"t"

    storage = b"(" + hostile.text("storage") + b"ctorch\nFloatStorage\n"
    storage += hostile.text(key) + hostile.text("cpu") + b"I%d\n" % numbers + b"tQ"
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"I0\n"
    return rebuild + ints(shape) + ints(strides) + b"\x89" + hostile.ORDERED + b")RtR"


@pytest.mark.parametrize(
    ("shape", "strides", "numbers", "message"),
    [
        ((4, 2, 3, 3), (0, 0, 0, 0), 1, "more than|does not fit"),
        ((4, 2, 3, 3), (18, 9, 3, 2), 72, "does not fit its storage of 72"),
        ((4, 2, 3, 3), (18, 9, 3, 1), 71, "does not fit its storage of 71"),
        ((4, 2, 3, 3), (18, 9, 3, 1), 73, "holds 288 bytes, not 73 x 4"),
        ((4, 2, 3, 3), (18, 9, 3, 1), 10**12, "holds 288 bytes, not 1000000000000 x 4"),
        ((4, 2, 3, 3), (18, 9, 3, -1), 72, "no tensor has such a shape"),
        ((4, 2, 3, 3), (18, 9, 3), 72, "no tensor has such a shape"),
        ((2**45, 2, 3, 3), (0, 0, 0, 0), 72, "numbers, more than"),
        ((4, 2, 3, 3), (2**80, 9, 3, 1), 72, "no tensor has such a shape"),
        ((1,) * 9, (1,) * 9, 72, "no tensor has such a shape"),
    ],
)
def test_tensors_that_lie_about_their_size(tmp_path, shape, strides, numbers, message):
    """No memory is read beyond a storage, and none filled from a small file."""
    path = tmp_path / "weights.pt"
    arrays = {k: torch.from_numpy(v) for k, v in small.tower().items()}
    del arrays["conv3.weight"]
    torch.save(arrays, path)
    lying = b"".join(
        (hostile.text("conv3.weight"), tensor(shape, strides, numbers, "lying"), b"s.")
    )
    with (
        zipfile.ZipFile(path) as good,
        zipfile.ZipFile(tmp_path / "bad.pt", "w") as bad,
    ):
        for name in good.namelist():
            content = good.read(name)
            if name.endswith("/data.pkl"):
                content = content.removesuffix(b".") + lying
            bad.writestr(name, content)
        folder = good.namelist()[0].split("/")[0]
        bad.writestr(f"{folder}/data/lying", bytes(288))
    with pytest.raises(ValueError, match=rf"bad\.pt: .*({message})"):
        weights.load(tmp_path / "bad.pt")


def test_modules_that_hold_one_another_end(tmp_path):
    """Thirty modules, each in the one before it twice, have a billion paths."""
    module = b"c__torch__\nM\n)\x81"
    nested = module
    for i in range(30):
        entries = b"".join(hostile.text(x) + b"h" + bytes([i]) for x in "ab")
        nested += b"q" + bytes([i]) + b"0" + module + b"}(" + entries + b"ub"
    own = module + b"q\x00}" + hostile.text("a") + b"h\x00sb"
    for pickled in (nested, own):
        hostile.FILES["zip"](tmp_path / "a.pt", pickled + b".")
        with pytest.raises(ValueError, match="more modules than any encoder has"):
            weights.load(tmp_path / "a.pt")


def test_more_containers_than_any_checkpoint_has(tmp_path):
    hostile.FILES["zip"](tmp_path / "a.pt", b"](" + b"}" * 100_001 + b"e.")
    with pytest.raises(ValueError, match="more dicts and lists than any checkpoint"):
        weights.load(tmp_path / "a.pt")


def test_long_names_are_no_encoders(tmp_path):
    """A long name before many others would fill the memory when put together."""
    long = hostile.text("a" * 1000)
    inner = b"}" + hostile.text("conv1.weight") + tensor((1,), (1,), 1) + b"s"
    hostile.FILES["zip"](tmp_path / "a.pt", b"}" + long + inner + b"s.")
    with pytest.raises(ValueError, match="no tensors with names"):
        weights.load(tmp_path / "a.pt")


@pytest.mark.parametrize(
    "pickled",
    [
        b"]q\x00h\x00a.",
        b"}q\x00" + hostile.text("a") + b"h\x00s.",
        b"(" * 100_000 + b"t" * 100_000 + b".",
        b"]" * 100_000 + b"a" * 99_999 + b".",
        b"}" + b"(" * 100_000 + b"t" * 100_000 + b"Ns.",
        b"]r\xff\xff\xff\xff.",
        b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b".",
        b"\x80\x02\x8b" + struct.pack("<i", 2**30) + b".",
        b"L" + b"9" * 100_000 + b"L\n.",
        b"0.",
        b"1.",
        b"e.",
        b"R.",
        b"(.",
        b"h\x07.",
        b".",
        b"\x80\x02",
        b"\xfe.",
    ],
    ids=range(18),
)
@pytest.mark.parametrize("kind", hostile.FILES)
def test_pickles_that_hold_themselves_or_nothing(tmp_path, pickled, kind):
    hostile.FILES[kind](tmp_path / "a.pt", pickled)
    with pytest.raises(ValueError, match=r"a\.pt: "):
        weights.load(tmp_path / "a.pt")


@pytest.mark.parametrize("is_zip", [True, False])
def test_any_byte_may_be_wrong(tmp_path, is_zip):
    """What comes of it is the weights or one kind of error."""
    arrays = {k: torch.from_numpy(v) for k, v in small.released().items()}
    path = tmp_path / "weights.pt"
    torch.save({"net": arrays}, path, _use_new_zipfile_serialization=is_zip)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    # The pickle is at the start of both; a zip's directory is at the end.
    places = [*rng.integers(0, 20_000, 150), *rng.integers(-12_000, 0, 100)]
    refusals = []
    for place in places:
        changed = bytearray(content)
        changed[place] ^= int(rng.integers(1, 256))
        path.write_bytes(changed)
        try:
            weights.load(path)
        except ValueError as error:
            refusals.append(str(error))
    assert len(refusals) > 50
    assert all(message.startswith(f"{path}: ") for message in refusals)


def test_no_module_of_ours_unpickles_or_needs_pytorch():
    for path in source.files("ceil_jax", "pallas_kernels", "data", "configs"):
        tops = {name.split(".")[0] for name in source.imports(path)}
        assert not tops & {"torch", "pickle", "dill", "joblib", "cloudpickle"}, path
    for path in source.files("ceil_jax/weights"):
        called = {
            node.func.id
            for node in ast.walk(source.tree(path))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & {"eval", "exec", "getattr", "setattr", "__import__"}, path
