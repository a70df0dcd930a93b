"""Prepared data that something has damaged are told and prepared anew, or one line."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from ceil_jax.common import manifest
from ceil_jax.common.errors import DataError
from ceil_jax.datasets import loading
from ceil_jax.datasets.read_ahead import read_ahead
from ceil_jax.datasets.registry import Request, find
from ceil_jax.datasets.whole import damaged

SIZE = (12, 6)
FILES = {
    "info": "dataset_info.json",
    "features": "features.json",
    "metadata": "metadata.json",
    "labels": "modality.labels.txt",
    "index": "index.npz",
    "manifest": "manifest.json",
    "train": "folder-train.array_record-00000-of-00001",
    "test": "folder-test.array_record-00000-of-00001",
}


class Prepared(NamedTuple):
    """A data folder of eight images, and a cache of its prepared data.

    Attributes:
        root: The data folder.
        cache: A copy that may be damaged.
        place: Where in it the data lie.
        images: By name, what they are.
    """

    root: Path
    cache: Path
    place: Path
    images: dict[str, np.ndarray]


def load(root: Path, cache: Path, size=SIZE, cache_gib: float = 1.0) -> loading.Splits:
    return loading.load(
        "folder",
        data_dir=str(root),
        prepared_dir=str(cache),
        image_size=size,
        cache_gib=cache_gib,
    )


def images_of(splits: loading.Splits) -> dict[str, np.ndarray]:
    return {
        name: image
        for each in splits[:4]
        for name, image in zip(
            each.names.tolist(),
            each.images.take(np.arange(len(each))),
            strict=True,
        )
    }


def write_folder(root: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    for kind in ("visible", "infrared"):
        cameras = [f"{kind}/door", f"{kind}/hall"]
        tested = [f"{role}/{kind}/door/7" for role in ("query", "gallery")]
        for folder in (*cameras, *tested):
            (root / folder).mkdir(parents=True)
            pixels = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / folder / "1.png")
    return root


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Prepared:
    home = tmp_path_factory.mktemp("whole")
    root = write_folder(home / "set", seed=0)
    images = images_of(load(root, home / "cache"))
    assert len(images) == 8
    for name, image in images.items():  # stored as they are: no size is changed
        np.testing.assert_array_equal(image, np.asarray(Image.open(root / name)))
    (place,) = (home / "cache").glob("set-*/folder/12x6/*/")
    assert {path.name for path in place.iterdir()} == set(FILES.values())
    return Prepared(root, home / "cache", place, images)


@pytest.fixture
def prepared(whole: Prepared, tmp_path: Path) -> Prepared:
    cache = tmp_path / "cache"
    shutil.copytree(whole.cache, cache)
    place = cache / whole.place.relative_to(whole.cache)
    return whole._replace(cache=cache, place=place)


def check_same(splits: loading.Splits, prepared: Prepared) -> None:
    found = images_of(splits)
    assert found.keys() == prepared.images.keys()
    for name, image in prepared.images.items():
        np.testing.assert_array_equal(found[name], image)


def check_mended(prepared: Prepared, capfd) -> None:
    """The same images come after one line on stderr; then they come silently."""
    check_same(load(prepared.root, prepared.cache), prepared)
    out, told = capfd.readouterr()
    start = f"prepared data in {prepared.place} cannot be used ("
    assert told.startswith(start)
    why, _, end = told.removeprefix(start).partition("): they are prepared anew\n")
    assert why
    assert (out, end) == ("", "")
    check_same(load(prepared.root, prepared.cache), prepared)
    assert capfd.readouterr() == ("", "")
    names = {path.name for path in prepared.place.iterdir()}
    assert names == set(FILES.values())
    assert {p.name for p in prepared.place.parent.iterdir()} == {"2.0.0", "lock"}


def flip(path: Path, part: float, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[round(part * (len(content) - 1))] ^= 1 << bit
    path.write_bytes(content)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_lost_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "lost")


def as_circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


KINDS: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "half": halve,
    "one byte more": longer,
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "noise": lambda path: path.write_bytes(
        np.random.default_rng(1).bytes(path.stat().st_size)
    ),
    "flipped at the start": lambda path: flip(path, 0.0),
    "flipped in the middle": lambda path: flip(path, 0.5, 3),
    "flipped at the end": lambda path: flip(path, 1.0, 7),
    "a folder": as_folder,
    "twice": lambda path: path.write_bytes(path.read_bytes() * 2),
    "a link to nothing": as_lost_link,
    "a link to itself": as_circle,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_told_and_made_again(
    prepared: Prepared, file: str, kind: str, capfd
):
    KINDS[kind](prepared.place / FILES[file])
    check_mended(prepared, capfd)


def of_the_other_split(prepared: Prepared) -> None:
    train, test = (prepared.place / FILES[name] for name in ("train", "test"))
    content = train.read_bytes()
    train.write_bytes(test.read_bytes())
    test.write_bytes(content)


def replace_by(prepared: Prepared, root: Path, size: tuple[int, int]) -> None:
    """Put data of another folder or of another size in the place of these."""
    with tempfile.TemporaryDirectory() as home:
        load(root, Path(home), size)
        pattern = f"*/folder/{size[0]}x{size[1]}/2.0.0"
        (other,) = Path(home).glob(pattern)
        shutil.rmtree(prepared.place)
        shutil.copytree(other, prepared.place)


def of_another_set(prepared: Prepared) -> None:
    replace_by(prepared, write_folder(prepared.cache.parent / "set", seed=1), SIZE)


def without_its_files(prepared: Prepared) -> None:
    shutil.rmtree(prepared.place)
    prepared.place.mkdir()


def file_for_folder(prepared: Prepared) -> None:
    shutil.rmtree(prepared.place)
    prepared.place.write_text("")


def link_for_folder(prepared: Prepared) -> None:
    shutil.rmtree(prepared.place)
    prepared.place.symlink_to(prepared.cache / "lost")


def edited(text: str, other: str) -> Callable[[Prepared], object]:
    def edit(prepared: Prepared) -> None:
        path = prepared.place / manifest.FILE_NAME
        old = path.read_text()
        assert text in old
        path.write_text(old.replace(text, other))

    return edit


FOLDERS: dict[str, Callable[[Prepared], object]] = {
    "files of splits exchanged": of_the_other_split,
    "data of another set": of_another_set,
    "data of another size": lambda p: replace_by(p, p.root, (24, 8)),
    "an empty folder": without_its_files,
    "a file": file_for_folder,
    "a link to nothing": link_for_folder,
    "a manifest of a list": lambda p: (p.place / manifest.FILE_NAME).write_text("[]"),
    "a manifest without files": edited('"files"', '"other"'),
    "a manifest of other words": edited('"index.npz"', '"index.nqz"'),
    "a manifest of a nested file": edited('"index.npz": [', '"index.npz": [[], '),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_damaged_folder_is_told_and_made_again(prepared: Prepared, kind: str, capfd):
    FOLDERS[kind](prepared)
    capfd.readouterr()
    check_mended(prepared, capfd)


def test_the_table_is_long():
    assert len(KINDS) * len(FILES) + len(FOLDERS) >= 68


@pytest.mark.parametrize("cache_gib", [0.0, 1.0])
@pytest.mark.parametrize("file", ["train", "test"])
@pytest.mark.parametrize("part", np.linspace(0.0, 0.02, 12).tolist())
def test_large_data_are_compared_as_they_are_read(
    prepared: Prepared, file: str, part: float, cache_gib: float, monkeypatch, capfd
):
    """Whatever bit of a file of images has changed, no other image comes."""
    monkeypatch.setattr(manifest, "HASHED_BYTES", 0)
    check_same(load(prepared.root, prepared.cache), prepared)
    flip(prepared.place / FILES[file], part, 5)
    try:
        check_same(load(prepared.root, prepared.cache, SIZE, cache_gib), prepared)
        return  # a byte between the records, which nobody reads
    except DataError as error:
        message = str(error)
    assert message.startswith(f"prepared data in {prepared.place} are damaged (image ")
    assert message.endswith("): the same command prepares them anew")
    assert "\n" not in message
    check_mended(prepared, capfd)


def test_array_record_itself_finds_every_bit_of_an_image(
    prepared: Prepared, monkeypatch
):
    monkeypatch.setattr(manifest, "HASHED_BYTES", 0)
    path, note = prepared.place / FILES["train"], prepared.place / manifest.FILE_NAME
    content, noted = path.read_bytes(), note.read_bytes()
    name = "visible/door/1.png"
    start = content.index(prepared.images[name].tobytes())
    for place in range(start, start + SIZE[0] * SIZE[1] * 3, 29):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        images = load(prepared.root, prepared.cache, SIZE, 0.0).train_visible.images
        with pytest.raises(DataError, match=r"\(image 2 cannot be read\)"):
            images.take(np.arange(2))
        note.write_bytes(noted)


def test_other_images_of_the_same_form_are_found(
    prepared: Prepared, tmp_path: Path, monkeypatch
):
    """A whole file of other images, which array_record has no reason to refuse."""
    monkeypatch.setattr(manifest, "HASHED_BYTES", 0)
    other = write_folder(tmp_path / "set", seed=1)
    load(other, tmp_path / "other")
    (foreign,) = (tmp_path / "other").rglob(FILES["train"])
    shutil.copy(foreign, prepared.place / FILES["train"])
    splits = load(prepared.root, prepared.cache, SIZE, 0.0)
    with pytest.raises(DataError, match=r"\(image \d has changed\): the same command"):
        splits.train_infrared.images.take(np.arange(2))


def test_data_that_vanish_while_they_are_read_are_named(prepared: Prepared):
    images = load(prepared.root, prepared.cache, SIZE, 0.0).train_visible.images
    shutil.rmtree(prepared.cache)
    batches = read_ahead(images.take(np.array([row])) for row in range(2))
    with pytest.raises(DataError) as caught:
        next(batches)
    assert str(caught.value).startswith(f"prepared data in {prepared.place} are gone")
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_written_is_used_while_it_is_whole(
    prepared: Prepared, monkeypatch, capfd
):
    for name in ("mkdir", "rename", "replace", "unlink", "write_text"):
        monkeypatch.setattr(Path, name, None)
    check_same(load(prepared.root, prepared.cache), prepared)
    assert capfd.readouterr() == ("", "")


def test_damage_that_cannot_be_removed_is_named(prepared: Prepared, monkeypatch):
    halve(prepared.place / FILES["index"])

    def refuse(*unused: object, **also: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(DataError) as caught:
        load(prepared.root, prepared.cache)
    assert str(caught.value).startswith(f"prepared data in {prepared.place} cannot be")
    assert str(caught.value).endswith("Read-only file system): delete that folder")
    monkeypatch.setattr(manifest, "HASHED_BYTES", 0)
    monkeypatch.setattr(Path, "unlink", refuse)
    error = damaged(prepared.place, "x")
    assert "are damaged (x): delete that folder, and the same" in str(error)


@pytest.mark.parametrize("file", FILES)
def test_tfds_takes_no_damaged_data_for_prepared(prepared: Prepared, file: str):
    """What `tfds build` calls, which removes nothing unless it is told to."""
    halve(prepared.place / FILES[file])
    request = Request(prepared.root, prepared.cache, SIZE, {}, False)
    builder = find("folder").make_builder(request)
    message = (
        rf"^prepared data in {prepared.place} cannot be used \(.*: delete that folder$"
    )
    with pytest.raises(DataError, match=message):
        builder.download_and_prepare()
    mode = tfds.GenerateMode.REUSE_CACHE_IF_EXISTS  # the data are made anew
    config = tfds.download.DownloadConfig(download_mode=mode)
    builder.download_and_prepare(download_config=config)
    check_same(load(prepared.root, prepared.cache), prepared)


def test_damage_whose_images_are_gone_as_well_is_one_line(prepared: Prepared, tmp_path):
    root = tmp_path / "copy" / "set"
    shutil.copytree(prepared.root, root)
    load(root, tmp_path / "other")
    (index,) = (tmp_path / "other").rglob(FILES["index"])
    index.unlink()
    path = next(iter(sorted(root.rglob("*.png"))))
    facts = path.stat()
    path.write_bytes(b"x" * facts.st_size)  # unreadable, and as old and large as before
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    with pytest.raises(DataError, match=f"cannot read image {path}") as caught:
        load(root, tmp_path / "other")
    assert "\n" not in str(caught.value)
    assert not [*(tmp_path / "other").rglob("*.array_record*")]
