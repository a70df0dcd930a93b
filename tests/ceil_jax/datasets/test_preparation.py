import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ceil_jax.common.errors import DataError
from ceil_jax.datasets import preparation
from ceil_jax.datasets.builder import PersonBuilder
from ceil_jax.datasets.index import FILE_NAME
from ceil_jax.datasets.registry import Request, find
from tests.ceil_jax.datasets.trees import write_regdb

SIZE = (16, 16)
TINY = {
    "num_train_identities": 2,
    "num_test_identities": 1,
    "images_per_visible_camera": 1,
    "images_per_infrared_camera": 2,
}


def synthetic(prepared_dir: Path, **options: float) -> PersonBuilder:
    request = Request(None, prepared_dir, SIZE, {**TINY, **options}, False)
    return find("synthetic").make_builder(request)


def regdb(root: Path, prepared_dir: Path) -> PersonBuilder:
    request = Request(root, prepared_dir, (12, 6), {"allow_partial": True}, False)
    return find("regdb").make_builder(request)


def test_a_second_use_prepares_nothing(tmp_path: Path, monkeypatch, capfd):
    first = preparation.prepare(synthetic(tmp_path))
    written = Path(first.data_path).stat().st_mtime_ns
    monkeypatch.setattr(PersonBuilder, "download_and_prepare", None)
    second = preparation.prepare(synthetic(tmp_path))
    assert second.data_path == first.data_path
    assert Path(second.data_path).stat().st_mtime_ns == written
    assert len(second.records("train")) == 2 * (4 * 1 + 2 * 2)
    assert len(second.records("test")) == 4 * 1 + 2 * 2
    assert second.info.citation.startswith("@inproceedings{wu2017rgb")
    assert capfd.readouterr() == ("", "")  # no bar, and nothing that TFDS would say


def test_two_builders_of_the_same_data(tmp_path: Path):
    early, late = synthetic(tmp_path), synthetic(tmp_path)
    preparation.prepare(early)
    index = preparation.prepare(late).index()
    assert len(index.name) == 2 * 8 + 8


def test_other_parameters_are_other_data(tmp_path: Path):
    paths = {
        synthetic(tmp_path).data_path,
        synthetic(tmp_path, rho=0.5).data_path,
        synthetic(tmp_path, seed=1).data_path,
        synthetic(tmp_path / "elsewhere").data_path,
    }
    assert len(paths) == 4


def test_stored_examples(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    builder = preparation.prepare(regdb(root, tmp_path / "cache"))
    for example in builder.records("images"):
        name = example["name"].decode()
        np.testing.assert_array_equal(
            example["image"], np.asarray(Image.open(root / name))
        )
        kind = name.startswith("Thermal")
        assert example["image"][0, 0, 0] == 10 * example["identity"]
        assert (example["modality"], example["camera"]) == (kind, 1 + kind)
        assert example["train_trials"].shape == (10,)


def test_folders_of_one_name_do_not_mix(tmp_path: Path):
    one = regdb(write_regdb(tmp_path / "a" / "RegDB"), tmp_path / "cache")
    two = regdb(write_regdb(tmp_path / "b" / "RegDB"), tmp_path / "cache")
    assert one.data_path != two.data_path
    assert Path(one.data_path).is_relative_to(tmp_path / "cache")


def test_a_changed_image_is_prepared_anew(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    before = preparation.prepare(regdb(root, tmp_path / "cache"))
    path = root / "Visible" / "1" / "male_back_v_00000_1.bmp"
    Image.new("RGB", (6, 12), "white").save(path)  # as many bytes as before
    os.utime(path, ns=(1, 1))
    after = preparation.prepare(regdb(root, tmp_path / "cache"))
    assert after.data_path != before.data_path
    images = {e["name"].decode(): e["image"] for e in after.records("images")}
    assert (images["Visible/1/male_back_v_00000_1.bmp"] == 255).all()


def test_an_empty_image_stops_before_anything_is_written(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    path = root / "Thermal" / "2" / "male_back_t_00001_2.bmp"
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"male_back_t_00001_2\.bmp is empty"):
        regdb(root, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_changed_list_is_prepared_anew(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    before = preparation.prepare(regdb(root, tmp_path / "cache")).index()
    lists = [root / "idx" / f"{part}_visible_1.txt" for part in ("train", "test")]
    texts = [path.read_text() for path in lists]
    others = [root / "idx" / f"{part}_thermal_1.txt" for part in ("train", "test")]
    for path, text in zip(lists, reversed(texts), strict=True):
        path.write_text(text)  # the same images, trained on instead of tested
    texts = [path.read_text() for path in others]
    for path, text in zip(others, reversed(texts), strict=True):
        path.write_text(text)
    after = preparation.prepare(regdb(root, tmp_path / "cache")).index()
    np.testing.assert_array_equal(after.name, before.name)
    np.testing.assert_array_equal(after.train[:, 0], before.test[:, 0])
    np.testing.assert_array_equal(after.train[:, 1:], before.train[:, 1:])


def test_a_broken_image_leaves_nothing_half_written(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    path = root / "Visible" / "3" / "male_back_v_00001_3.bmp"
    whole = path.read_bytes()
    path.write_bytes(whole[:70])
    broken = regdb(root, tmp_path / "cache")
    with pytest.raises(DataError, match=r"cannot read image .*_00001_3\.bmp \(70 by"):
        preparation.prepare(broken)
    left = {p.name for p in (tmp_path / "cache").rglob("*") if p.is_file()}
    assert left == {"lock", "metadata.json"}, "TFDS notes the default configuration"
    path.write_bytes(whole)
    assert len(preparation.prepare(regdb(root, tmp_path / "cache")).records("images"))


KILLED = """
import os, pathlib, signal, sys
sys.path.insert(0, {root!r})
from ceil_jax.datasets import builder, preparation
from tests.ceil_jax.datasets import test_preparation as tests
old = builder.PersonBuilder._generate_examples
def killed(self, split, total, examples):
    for n, pair in enumerate(old(self, split, total, examples)):
        if split == "test" and n == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        yield pair
builder.PersonBuilder._generate_examples = killed
preparation.prepare(tests.synthetic(pathlib.Path({place!r})))
"""


def test_a_killed_preparation_is_done_again(tmp_path: Path):
    code = KILLED.format(root=str(Path(__file__).parents[3]), place=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    parent = Path(synthetic(tmp_path).data_path).parent
    assert [p for p in parent.iterdir() if "incomplete" in p.name]
    builder = preparation.prepare(synthetic(tmp_path))
    assert sorted(p.name for p in parent.iterdir()) == ["2.0.0", "lock"]
    assert len(builder.records("test")) == 8


INTERRUPTED = """
import os, pathlib, signal, sys
sys.path.insert(0, {root!r})
from ceil_jax.datasets import listed, preparation
from tests.ceil_jax.datasets import test_preparation as tests
old = listed.read_image
def interrupted(path, size, value_range=None):
    if path.name == "male_back_v_00001_3.bmp":
        os.kill(os.getpid(), signal.SIGINT)
    return old(path, size, value_range)
listed.read_image = interrupted
builder = tests.regdb(pathlib.Path({tree!r}), pathlib.Path({place!r}))
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" ignores it
try:
    preparation.prepare(builder)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interrupted_preparation_ends_at_once_and_leaves_nothing(tmp_path: Path):
    tree = write_regdb(tmp_path / "RegDB", images=200)
    place = tmp_path / "cache"
    root = str(Path(__file__).parents[3])
    code = INTERRUPTED.format(root=root, tree=str(tree), place=str(place))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 130, done.stderr
    assert done.stderr == ""
    left = {path.name for path in place.rglob("*") if path.is_file()}
    assert left == {"lock", "metadata.json"}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot write prepared data to .*file"):
        preparation.prepare(synthetic(tmp_path / "file"))


def test_a_disk_too_small_is_noticed_before_it_is_full(tmp_path: Path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    tree = write_regdb(tmp_path / "RegDB")
    request = Request(
        tree, tmp_path / "cache", (288, 144), {"allow_partial": True}, False
    )
    with pytest.raises(DataError) as caught:  # 16 images of 121.5 KiB
        preparation.prepare(find("regdb").make_builder(request))
    assert "cannot write prepared data to " in str(caught.value)
    assert ": 2 MiB are needed, 1 MiB are free (--config.prepar" in str(caught.value)
    assert not list((tmp_path / "cache").rglob("*.array_record*"))


@pytest.mark.parametrize("damage", ["objects", "no field", "text", "empty"])
def test_an_index_of_something_else_is_made_again(tmp_path: Path, damage: str):
    builder = preparation.prepare(synthetic(tmp_path))
    index = builder.index()
    stored = Path(builder.data_path) / FILE_NAME
    if damage == "objects":
        fields = {**index._asdict(), "name": index.name.astype(object)}
        np.savez(stored, **fields)
    elif damage == "no field":
        np.savez(stored, name=index.name)
    else:
        stored.write_text("x" if damage == "text" else "")
    again = builder.index()
    np.testing.assert_array_equal(again.name, index.name)
    with np.load(stored) as mended:
        np.testing.assert_array_equal(mended["name"], index.name)


def test_a_size_of_its_own_is_stored_by_itself(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    sizes = ((12, 6), (24, 8), (6, 12))
    builders = [
        find("regdb").make_builder(
            Request(root, tmp_path / "cache", size, {"allow_partial": True}, False)
        )
        for size in sizes
    ]
    assert len({builder.data_path for builder in builders}) == 3
    for builder, size in zip(builders, sizes, strict=True):
        image = preparation.prepare(builder).records("images")[0]["image"]
        assert image.shape == (*size, 3)


def test_a_builder_older_than_its_data_is_told_of_them(tmp_path: Path):
    """Of two processes the second made its builder before the first had prepared."""
    root = write_regdb(tmp_path / "RegDB")
    early, late = (regdb(root, tmp_path / "cache") for _ in range(2))
    preparation.prepare(early)
    assert list(preparation.prepare(late).info.splits) == ["images"]


def test_a_builder_that_had_to_wait_is_told_of_its_data(tmp_path: Path, monkeypatch):
    root = write_regdb(tmp_path / "RegDB")
    fast, slow = (regdb(root, tmp_path / "cache") for _ in range(2))
    lock = fcntl.flock

    def wait(*arguments) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        preparation.prepare(fast)
        lock(*arguments)

    monkeypatch.setattr(fcntl, "flock", wait)
    assert list(preparation.prepare(slow).info.splits) == ["images"]
    assert fcntl.flock is lock


def test_data_prepared_before_ranges_were_recorded_are_named(tmp_path: Path):
    path = tmp_path / "set" / "infrared" / "roof" / "1.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(np.full((12, 6), 7000, np.uint16)).save(path)

    def builder() -> PersonBuilder:
        request = Request(tmp_path / "set", tmp_path / "cache", (12, 6), {}, False)
        return find("folder").make_builder(request)

    metadata = Path(preparation.prepare(builder()).data_path) / "metadata.json"
    preparation.prepare(builder())
    fields = json.loads(metadata.read_text())
    del fields["value_ranges"]
    metadata.write_text(json.dumps(fields))
    with pytest.raises(DataError, match=r"upper 8 bits .*1\.png were kept: remove"):
        preparation.prepare(builder())


def test_default_place_expands_the_home_folder(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CEIL_JAX_CACHE", "~/there")
    assert preparation.default_prepared_dir() == tmp_path / "there"


def test_default_place(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("CEIL_JAX_CACHE", str(tmp_path / "there"))
    assert preparation.default_prepared_dir() == tmp_path / "there"
    monkeypatch.delenv("CEIL_JAX_CACHE")
    assert preparation.default_prepared_dir() == Path.home() / ".cache" / "ceil_jax"


def test_index_is_sorted_by_name_and_survives_damage(tmp_path: Path):
    builder = preparation.prepare(synthetic(tmp_path))
    index = builder.index()
    for split in ("train", "test"):
        names = index.name[index.split == split].tolist()
        assert names == sorted(names)
    stored = Path(builder.data_path) / FILE_NAME
    stored.write_bytes(stored.read_bytes()[:100])
    for _ in range(2):  # made again, then read
        again = builder.index()
        for field in index._fields:
            np.testing.assert_array_equal(getattr(again, field), getattr(index, field))
    for row in range(len(index.name)):
        records = builder.records(str(index.split[row]))
        assert records[int(index.record[row])]["name"].decode() == index.name[row]


def files_of(place: Path) -> dict[str, tuple[int, int]]:
    """Number and time of change of every file of prepared data."""
    found = {p.name: p.stat() for p in place.iterdir()}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


def test_data_of_another_module_name_are_used(tmp_path: Path, capfd):
    tree, cache = write_regdb(tmp_path / "RegDB"), tmp_path / "cache"
    place = Path(preparation.prepare(regdb(tree, cache)).data_path)
    info = place / "dataset_info.json"
    text = info.read_text()
    assert '"ceil_jax.datasets.regdb.regdb_dataset_builder"' in text
    info.write_text(text.replace("ceil_jax.datasets.regdb.", "data.regdb."))
    before = files_of(place)
    again = preparation.prepare(regdb(tree, cache))
    assert len(again.records("images")) == 16
    assert again.records("images")[0]["image"].dtype == np.uint8
    assert files_of(place) == before
    assert capfd.readouterr().err == ""


def test_generated_data_of_earlier_code_are_named(tmp_path: Path, capfd):
    place = Path(preparation.prepare(synthetic(tmp_path)).data_path)
    size = place.parent.name.partition("-")[0]
    same, older, other = (
        place.parents[1] / f"{size}-{digest * 12}" / place.name for digest in "abc"
    )
    for copy in (same, older, other):
        shutil.copytree(place, copy)
    (older / "metadata.json").write_text("{}")
    (other / "metadata.json").write_text('{"parameters": "00000000"}')
    shutil.rmtree(place)
    assert capfd.readouterr().err == ""
    preparation.prepare(synthetic(tmp_path))
    told = capfd.readouterr().err.splitlines()
    words = "was prepared by an earlier version of the program: it is not used and can"
    assert told == [f"{path} {words} be deleted" for path in (same, older)]
    preparation.prepare(synthetic(tmp_path))
    assert capfd.readouterr().err == ""
