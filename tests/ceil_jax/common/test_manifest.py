import hashlib
import json
from pathlib import Path

import pytest

from ceil_jax.common import manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.txt").write_bytes(b"aaaa")
    (tmp_path / "in" / "b.bin").write_bytes(b"bb")
    manifest.write(tmp_path, "a test")
    return tmp_path


def test_what_is_noted(folder: Path):
    noted = json.loads((folder / "manifest.json").read_text())
    assert noted["source"] == "a test"
    assert noted["files"] == {
        "a.txt": [4, hashlib.sha256(b"aaaa").hexdigest()],
        "in/b.bin": [2, hashlib.sha256(b"bb").hexdigest()],
    }
    assert manifest.fault(folder, "a test") is None
    assert manifest.fault(folder, "a test", unhashed=".bin") is None


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("a.txt", b"aaab", "the content of a.txt has changed"),
        ("a.txt", b"a", "a.txt has 1 bytes instead of 4"),
        ("in/b.bin", b"bc", "the content of in/b.bin has changed"),
        ("manifest.json", b"{", "manifest.json is damaged"),
        ("manifest.json", b"3", "manifest.json is damaged"),
    ],
)
def test_what_has_changed(folder: Path, file: str, content: bytes, said: str):
    (folder / file).write_bytes(content)
    assert manifest.fault(folder, "a test") == said


def test_what_is_missing_or_of_something_else(folder: Path):
    said = manifest.fault(folder, "another test")
    assert said == "it was made from something else, 'a test'"
    (folder / "in" / "b.bin").unlink()
    assert manifest.fault(folder, "a test") == "in/b.bin is missing"
    (folder / "manifest.json").unlink()
    assert str(manifest.fault(folder, "a test")).startswith("no manifest.json: ")


def test_a_shortened_list_is_found(folder: Path):
    path = folder / "manifest.json"
    noted = json.loads(path.read_text())
    del noted["files"]["a.txt"]
    path.write_text(json.dumps(noted))
    assert manifest.fault(folder, "a test") == "manifest.json is damaged"


def test_large_folders_hash_no_more_than_they_must(folder: Path, monkeypatch):
    (folder / "in" / "b.bin").write_bytes(b"bc")
    monkeypatch.setattr(manifest, "HASHED_BYTES", 5)
    assert manifest.fault(folder, "a test", unhashed=".bin") is None
    said = "the content of in/b.bin has changed"
    assert manifest.fault(folder, "a test", unhashed=".txt") == said
    assert manifest.fault(folder, "a test") == said
    monkeypatch.setattr(manifest, "HASHED_BYTES", 6)
    assert manifest.fault(folder, "a test", unhashed=".bin") == said


def test_other_files_do_no_harm(folder: Path):
    (folder / ".DS_Store").write_text("")
    assert manifest.fault(folder, "a test") is None
