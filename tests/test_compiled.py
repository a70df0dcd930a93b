"""Programs of earlier test runs: linked, added where whole, not kept for ever."""

import zlib

import pytest

from tests import compiled

WHOLE = zlib.compress(b"a program" * 100)


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "known-cache").write_bytes(WHOLE)
    return folder


def test_a_run_adds_what_is_new_and_whole(store, tmp_path):
    folder = compiled.folder_in(tmp_path)
    compiled.link(folder, store)
    compiled.link(folder, store)  # another worker
    assert (folder / "known-cache").read_bytes() == WHOLE
    (folder / "new-cache").write_bytes(WHOLE)
    (folder / "cut-cache").write_bytes(WHOLE[:-3])
    (folder / "other-cache").write_bytes(b"no program")
    (folder / "new-atime").write_bytes(b"")
    compiled.keep(folder, store)
    assert {p.name for p in store.iterdir()} == {"known-cache", "new-cache"}
    assert (store / "new-cache").read_bytes() == WHOLE


def test_a_store_that_has_grown_is_emptied(store, tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "MOST_BYTES", 10)
    folder = compiled.folder_in(tmp_path)
    folder.mkdir(parents=True)
    (folder / "new-cache").write_bytes(WHOLE)
    compiled.keep(folder, store)
    assert [p.name for p in store.iterdir()] == ["new-cache"]


def test_there_may_be_no_store(tmp_path):
    folder = compiled.folder_in(tmp_path)
    compiled.link(folder, tmp_path / "none")
    compiled.keep(folder, tmp_path / "none")
    assert not [*(tmp_path / "none").iterdir()]
