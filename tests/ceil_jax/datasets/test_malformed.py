"""Folders, lists and images as people have them: a clear error or the right answer."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.files import need_root, read_identities, read_image_list
from ceil_jax.datasets.folder.layout import read_listing
from ceil_jax.datasets.images import read_image
from ceil_jax.datasets.registry import Request, find
from tests.ceil_jax.datasets.trees import TREES, write_folder, write_image

PATTERN = r"Visible/[0-9]+/[^/]+"
SIZE = (12, 6)


@pytest.mark.parametrize(
    ("content", "want"),
    [
        (b"Visible/1/a.bmp 0\n", ["Visible/1/a.bmp"]),
        (b"Visible\\1\\a.bmp 0\r\n", ["Visible/1/a.bmp"]),
        (b"\xef\xbb\xbfVisible/1/a.bmp 0", ["Visible/1/a.bmp"]),
        (b"  Visible/1/a.bmp   0  \n\n\n", ["Visible/1/a.bmp"]),
        (b"Visible/1/a b.bmp 0\n", ["Visible/1/a b.bmp"]),
        (b"Visible/1/a..b.bmp 0\n", ["Visible/1/a..b.bmp"]),
        ("Visible/1/ü.bmp 0\n".encode(), ["Visible/1/ü.bmp"]),
        (b"Visible/1/.. 0\n", "line 1: expected"),
        (b"Visible/1/a.bmp 0\nVisible/../a.bmp 0\n", "line 2: expected"),
        (b"/etc/passwd 0\n", "line 1: expected"),
        (b"Visible/1/a/b.bmp 0\n", "line 1: expected"),
        (b"Visible/x/a.bmp 0\n", "line 1: expected"),
        (b"Visible/-1/a.bmp 0\n", "line 1: expected"),
        (b"visible/1/a.bmp 0\n", "line 1: expected"),
        (b"Visible/1/a.bmp\n", "line 1: expected"),
        (b"Visible/1/ 0\n", "line 1: expected"),
        (b"0\n", "line 1: expected"),
        (b"", "list of images is empty"),
        (b" \n \r\n", "list of images is empty"),
        (b"\xff\xfeV\x00", "cannot read list of images"),
        (None, "missing list of images"),
        ("folder", "cannot read list of images"),
    ],
    ids=range(22),
)
def test_lists_of_images(tmp_path: Path, content: bytes | str | None, want):
    path = tmp_path / "list.txt"
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    if isinstance(want, list):
        assert read_image_list(path, PATTERN, "x") == want
        return
    with pytest.raises(DataError) as caught:
        read_image_list(path, PATTERN, "x")
    assert want in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "want"),
    [
        (b"1", [1]),
        (b"1,1,1", [1]),
        (b",1,", [1]),
        (b"0", [0]),
        (b"00012,3", [3, 12]),
        (b"1\n2\r3\r\n4", [1, 2, 3, 4]),
        (b"1.0", "found '1.0'"),
        (b"1e3", "found '1e3'"),
        (b"0x1", "found '0x1'"),
        (b"+1", r"found '\+1'"),
        (b"1_000", "found '1_000'"),
        (b"1-5", "found '1-5'"),
        (b"[1]", r"found '\[1\]'"),
        (b"nan", "found 'nan'"),
        ("\u0661".encode(), "found '\u0661'"),
        (b"1\x002", "found"),
        (b"a" * 500, "found 'a{40}'"),
    ],
    ids=range(17),
)
def test_lists_of_identities(tmp_path: Path, content: bytes, want):
    path = tmp_path / "ids.txt"
    path.write_bytes(content)
    if isinstance(want, list):
        assert read_identities(path) == want
        return
    with pytest.raises(DataError, match=rf"ids\.txt, line 1: expected .*{want}"):
        read_identities(path)


@pytest.mark.parametrize(
    ("given", "there", "message"),
    [
        ("set", None, "no such data folder: PLACE/set"),
        ("set", "set.zip", "(there is set.zip: unpack it)"),
        ("set", "set.tar.gz", "(there is set.tar.gz: unpack it)"),
        ("set", "settings.zip", "no such data folder: PLACE/set"),
        *(
            (name, name, f"PLACE/{name} is an archive, not a folder: unpack it")
            for name in (
                "a.zip",
                "a.ZIP",
                "a.tar",
                "a.tgz",
                "a.tar.bz2",
                "a.7z",
                "a.rar",
            )
        ),
        ("a.txt", "a.txt", "PLACE/a.txt is a file, not a folder"),
        ("a.txt/b", "a.txt", "no such data folder: PLACE/a.txt/b"),
    ],
)
def test_what_is_no_folder(tmp_path: Path, given: str, there: str | None, message: str):
    if there:
        (tmp_path / there).write_bytes(b"PK")
    for stop in (need_root, read_listing):
        with pytest.raises(DataError) as caught:
            stop(tmp_path / given)
        assert message.replace("PLACE", str(tmp_path)) in str(caught.value)
        assert str(tmp_path / given) in str(caught.value)


def image_bytes(kind: str, mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (6, 12)).save(stream, kind)
    return stream.getvalue()


PNG, JPEG = image_bytes("PNG"), image_bytes("JPEG")
BROKEN = {
    "empty": b"",
    "a zero": b"\0",
    "zeros": bytes(1000),
    "text": b"no image",
    "a web page": b"<!DOCTYPE html><title>404</title>",
    "git-lfs": b"version https://git-lfs.github.com/spec/v1\n",
    "a zip": b"PK\x03\x04" + bytes(100),
    "a signature": b"\x89PNG\r\n\x1a\n",
    "half a header": PNG[:20],
    "a PNG's header": PNG[:33],
    "half a PNG": PNG[: len(PNG) // 2 + 10],
    "PNG of no width": PNG[:16] + bytes(4) + PNG[20:],
    "PNG of a wrong depth": PNG[:24] + b"\x03" + PNG[25:],
    "PNG's check sum": PNG[:45] + bytes([PNG[45] ^ 1]) + PNG[46:],
    "half a JPEG": JPEG[: len(JPEG) // 2],
    "a JPEG's start": JPEG[:3],
    "TIFF of nothing": b"II*\0\x08\0\0\0\0\0",
    "TIFF past its end": b"II*\0\xff\xff\xff\x7f",
    "BMP's start": b"BM" + bytes(20),
    "WebP's start": b"RIFF\x10\0\0\0WEBPVP8 ",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}


@pytest.mark.parametrize("extension", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("how", BROKEN)
def test_broken_images_are_named_in_a_line(tmp_path: Path, how: str, extension: str):
    path = tmp_path / f"a{extension}"
    path.write_bytes(BROKEN[how])
    with pytest.raises(DataError, match=rf"image .*a\{extension} ") as caught:
        read_image(path, SIZE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("extension", [".jpg", ".png", ".bmp", ".webp", ".tif"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "TIFF"])
def test_the_content_decides_what_an_image_is(
    tmp_path: Path, kind: str, extension: str
):
    path = tmp_path / f"a{extension}"
    path.write_bytes(image_bytes(kind))
    assert not read_image(path, SIZE).any()


def link(path: str, to: str) -> Callable[[Path], object]:
    def spoil(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(root / to)

    return spoil


def put(path: str) -> Callable[[Path], object]:
    return lambda root: write_image(root / path, 0, 1, 0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (link("visible/gone", "nowhere"), "visible/gone is a link that leads nowhere"),
        (
            link("visible/hall/9.jpg", "x.jpg"),
            "hall/9.jpg is a link that leads nowhere",
        ),
        (link("query/visible/door/x/9.png", "x"), "x/9.png is a link that leads"),
        (link("gone", "nowhere"), "gone is a link that leads nowhere"),
        (link("visible/me", "visible/me"), "cannot read "),
        (
            link("infrared/other", "visible/hall"),
            "visible/hall and ROOT/infrared/other are the same folder",
        ),
        (
            link("gallery/visible/x", "query/visible/door"),
            "query/visible/door and ROOT/gallery/visible/x are the same folder",
        ),
        (put("visible/9.jpg"), "visible/9.jpg lies in no camera's folder"),
        (put("infrared/9.TIF"), "infrared/9.TIF lies in no camera's folder"),
        (put("query/9.jpg"), "query/9.jpg: expected query/<visible or infrared>"),
        (put("query/visible/9.jpg"), "query/visible/9.jpg: expected query/<vis"),
        (put("gallery/thermal/a/b/9.jpg"), "b/9.jpg: expected gallery/<visible or"),
        (put("train/a/9.jpg"), "train would not be read: "),
        (put("galery/a/9.jpg"), "galery would not be read: did you mean gallery?"),
        (put("INFRARED/a/9.jpg"), "INFRARED would not be read: did you mean infra"),
        (put("9.tiff"), "9.tiff would not be read: "),
        (
            lambda root: shutil.rmtree(root / "query"),
            "query holds 0 images and gallery",
        ),
    ],
    ids=range(17),
)
def test_folders_that_stop(tmp_path: Path, spoil, message: str):
    root = write_folder(tmp_path / "set")
    spoil(root)
    with pytest.raises(DataError) as caught:
        read_listing(root)
    assert message.replace("ROOT", str(root)) in str(caught.value)
    assert str(root) in str(caught.value)


@pytest.mark.parametrize("place", ["visible/hall", "query/infrared/door/y", "labels"])
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, place: str, monkeypatch):
    root = write_folder(tmp_path / "set")
    (root / place).mkdir(exist_ok=True)
    import os

    listdir = os.listdir

    def refuse(folder) -> list[str]:
        if Path(folder) == root / place:
            raise OSError(5, "Input/output error", str(folder))
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refuse)
    message = f"cannot read folder {root / place}: Input/output error"
    with pytest.raises(DataError) as caught:
        read_listing(root)
    assert str(caught.value) == message


def test_two_links_to_one_folder_are_named(tmp_path: Path):
    root = write_folder(tmp_path / "set")
    (root / "visible" / "newest").symlink_to(root / "visible" / "hall")
    listing = read_listing(root)
    assert not [name for name in listing.names if "newest" in name]
    said = "visible/newest is the same folder as visible/hall: its images are read "
    assert f"{said}once, as visible/hall" in listing.notes


def test_images_without_cameras_are_one_camera(tmp_path: Path):
    for number in range(3):
        write_image(tmp_path / "visible" / f"{number}.png", 0, 1, 0, number)
        write_image(tmp_path / "infrared" / "roof" / f"{number}.png", 0, 2, 1, number)
    listing = read_listing(tmp_path)
    assert listing.camera_names == {1: "roof", 2: "visible"}
    assert listing.cameras.tolist() == [1, 1, 1, 2, 2, 2]
    assert listing.train.all()
    assert len(listing.notes) == 1
    said = "3 images lie directly in visible and count as those of one camera: in fold"
    assert listing.notes[0].startswith(said)


@pytest.mark.parametrize("name", ["raw", "gif", "zip"])
def test_folders_of_other_files_say_which(tmp_path: Path, name: str):
    (tmp_path / "visible" / "door").mkdir(parents=True)
    (tmp_path / "visible" / "door" / f"1.{name}").write_text("x")
    with pytest.raises(DataError) as caught:
        read_listing(tmp_path)
    said = f"(1 file is no image by name: 1 .{name}; images end in .jpg, .jpeg, .jfif"
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["sysu_mm01", "regdb", "llcm"])
def test_the_folder_above_is_told_from_the_folder(name: str, tmp_path: Path):
    TREES[name].write(tmp_path / "above" / "data")
    request = Request(tmp_path / "above", tmp_path / "cache", SIZE, {}, False)
    with pytest.raises(DataError, match=r"\(did you mean .*above/data\?\)$"):
        find(name).make_builder(request)


def test_a_whole_list_is_written(tmp_path: Path, own_cache: Path):
    root = TREES["regdb"].write(tmp_path / "RegDB")
    gone = sorted((root / "Visible" / "1").iterdir())
    for path in gone:
        path.unlink()
    request = Request(root, None, SIZE, {}, False)
    with pytest.raises(DataError, match=r"; the full list is in .*\.txt \(--config"):
        find("regdb").make_builder(request)
    (written,) = (own_cache / "wrong").iterdir()
    lines = written.read_text().splitlines()
    assert lines[0] == f"RegDB at {root}"
    assert [f"missing image: {path}" for path in gone] == lines[-2:]
    # Missing images, people, and 40 lists of other lengths.
    assert len(lines) == 1 + 1 + 1 + 40 + 2


def test_a_list_that_cannot_be_written_is_not_named(tmp_path: Path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CEIL_JAX_CACHE", str(tmp_path / "file"))
    root = TREES["regdb"].write(tmp_path / "RegDB")
    with pytest.raises(DataError, match=r"39 more wrong figures \(--config"):
        find("regdb").make_builder(Request(root, None, SIZE, {}, False))


def test_values_of_all_images_share_a_range(tmp_path: Path):
    """Prepared and read again, equal values are equal grey in every image."""
    from ceil_jax.datasets import loading

    values = np.full(SIZE, 7000, np.uint16)
    for number, high in enumerate((7300, 7600)):
        values[:, 3:] = high
        path = tmp_path / "set" / "infrared" / "roof" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(path)
    write_image(tmp_path / "set" / "visible" / "door" / "0.png", 3, 1, 0)
    for _ in range(2):
        splits = loading.load(
            "folder",
            data_dir=str(tmp_path / "set"),
            prepared_dir=str(tmp_path / "prepared"),
            image_size=SIZE,
        )
        images = splits.train_infrared.images.take(np.arange(2))
        assert images[:, 0, 0].tolist() == [[0] * 3] * 2
        # 300 of 600 is the middle.
        assert images[:, 0, 5].tolist() == [[128] * 3, [255] * 3]
        assert splits.value_ranges == {"infrared": (7000, 7600)}
        assert splits.train_visible.images.take(np.arange(1))[0, 0, 0, 0] == 30
        assert splits.warnings == (
            f"folder at {tmp_path / 'set'}: 2 images have more than 8 bits a pixel "
            "(infrared): values 7000 to 7600, which they use together, become 0 to 255",
        )
