"""Files that are there whole or not at all."""

import json
from pathlib import Path

import pytest

from ceil_jax.common import files
from ceil_jax.common.errors import DataError


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"b": [1, 2]})
    assert json.loads(path.read_text()) == {"b": [1, 2]}
    files.write_whole(path, "new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(self, text):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_whole(path, "new")
    assert path.read_bytes() == b"old"


def test_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.user_path("~/a/b") == tmp_path / "a" / "b"
    assert files.user_path(Path("~")) == tmp_path
    for path in ("a/~/b", "/a~", "a"):
        assert files.user_path(path) == Path(path)
    with pytest.raises(
        DataError, match=r"^~nobody-here/a: there is no home folder of ~n"
    ):
        files.user_path("~nobody-here/a")
    with pytest.raises(DataError, match="null character"):
        files.user_path("a\0b")
