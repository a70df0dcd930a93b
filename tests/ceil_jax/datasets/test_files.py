from pathlib import Path

import numpy as np
import pytest

from ceil_jax.common.errors import DataError
from ceil_jax.datasets import files


def test_images_are_told_by_their_names():
    for name in ("1.jpg", "1.JPG", "a.b.Jpeg", "x.png", "x.BMP", "x.webp", "jpg.jpg"):
        assert files.is_image(name)
    for name in (
        "._1.jpg",
        ".jpg",
        "Thumbs.db",
        ".DS_Store",
        "1.jpg.txt",
        "1",
        "1.gif",
    ):
        assert not files.is_image(name)


def test_only_images_and_visible_folders_are_found(tmp_path: Path):
    for name in ("2.jpg", "1.PNG", "._1.PNG", "Thumbs.db"):
        (tmp_path / name).touch()
    for name in ("b", "a", ".git"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "3.jpg").touch()
    assert files.images_in(tmp_path) == ["1.PNG", "2.jpg"]
    assert files.folders_in(tmp_path) == ["a", "b"]
    below = ["1.PNG", "2.jpg", "Thumbs.db", "a/3.jpg", "b/3.jpg"]
    walk = files.Walk(tmp_path.parent)
    assert list(walk.files(tmp_path.name)) == below
    assert walk.same == []
    assert files.images_in(tmp_path / "nowhere") == []
    assert files.folders_in(tmp_path / "2.jpg") == []


def test_numbers_of_folders(tmp_path: Path):
    for name in ("0001", "12", "x", "0003 copy", "²"):
        (tmp_path / name).mkdir()
    (tmp_path / "7").touch()
    assert files.numbered_folders(tmp_path) == {1: "0001", 12: "12"}


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch):
    def refuse(folder: Path) -> list[str]:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("os.listdir", refuse)
    with pytest.raises(DataError, match=r"cannot read folder .*: Permission denied"):
        files.images_in(tmp_path)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("1,2,3", [1, 2, 3]),
        ("0003,1\n", [1, 3]),
        (" 5 ,, 4,\r\n\r\n4\n", [4, 5]),
        ("\ufeff7\n", [7]),
    ],
)
def test_lists_of_identities(tmp_path: Path, text: str, want: list[int]):
    (tmp_path / "ids.txt").write_text(text, encoding="utf-8", newline="")
    assert files.read_identities(tmp_path / "ids.txt") == want


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1,2\n3,x4\n", "line 2: expected identities with commas .* found 'x4'"),
        (b"1 2 3", "line 1: expected identities with commas .* found '1 2 3'"),
        (b"1,-2", "found '-2'"),
        (b"1;2", "found '1;2'"),
        ("²,3".encode(), "found '²'"),
        (b" ,\n", "list of identities is empty"),
        (b"\xff\x00\xfe", "cannot read list of identities"),
    ],
)
def test_other_lists_of_identities_are_refused(
    tmp_path: Path, content: bytes, message: str
):
    (tmp_path / "ids.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        files.read_identities(tmp_path / "ids.txt")


def test_missing_files_are_told_from_those_there(tmp_path: Path):
    for name in ("a/1.jpg", "a/2.jpg", "b/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = ["a/1.jpg", "a/3.jpg", "b/1.jpg", "c/1.jpg"]
    there, missing, each = files.split_missing(tmp_path, names)
    assert there == ["a/1.jpg", "b/1.jpg"]
    first = tmp_path / "a" / "3.jpg"
    assert missing == [f"2 listed images are missing, the first {first}"]
    assert each == [f"missing image: {tmp_path / n}" for n in ("a/3.jpg", "c/1.jpg")]
    assert files.split_missing(tmp_path, there) == (there, [], [])


def test_people_on_both_sides_are_refused(tmp_path: Path):
    files.refuse_overlap(tmp_path, np.array([1, 2]), np.array([3]), "they name")
    with pytest.raises(DataError, match=r"they name 2 identities .* first one 5$"):
        files.refuse_overlap(
            tmp_path, np.array([8, 5]), np.array([5, 8, 9]), "they name"
        )


def test_a_list_names_no_folder(tmp_path: Path):
    path = tmp_path / "train.txt"
    path.write_text("Visible/1/a.bmp 0\nVisible/1/.. 0\n")
    with pytest.raises(DataError, match=r"line 2: .*found 'Visible/1/\.\. 0'"):
        files.read_image_list(path, r"Visible/[0-9]+/[^/]+", "Visible/<identity>/...")
