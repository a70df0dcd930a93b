import errno
import os
import resource
import threading
from pathlib import Path

import numpy as np
import orbax.checkpoint as ocp
import pytest

from ceil_jax.common import manifest, saving

TREE = {"a": {"b": np.arange(30_000, dtype=np.float32)}, "c": np.ones(2, np.int32)}


def test_what_is_saved_is_read_by_orbax(tmp_path: Path):
    folder = tmp_path / "x" / "y"
    saving.save(folder, TREE, {"k": [1, 2]}, source="test")
    assert manifest.fault(folder, "test") is None
    assert [path.name for path in folder.parent.iterdir()] == ["y"]
    with ocp.StandardCheckpointer() as checkpointer:
        tree = checkpointer.restore(folder)
        assert checkpointer.metadata(folder).custom_metadata == {"k": [1, 2]}
    np.testing.assert_array_equal(tree["a"]["b"], TREE["a"]["b"])
    np.testing.assert_array_equal(tree["c"], TREE["c"])


def test_a_folder_in_use_is_not_replaced(tmp_path: Path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "mine").write_text("precious")
    with pytest.raises(OSError, match="x"):
        saving.save(tmp_path / "x", TREE, {}, source="test")
    assert (tmp_path / "x" / "mine").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path: Path):
    """Nothing of Orbax waits for it in a thread."""
    before = set(threading.enumerate())
    for place in (Path("/proc/x/y"), tmp_path / "file" / "x"):
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError, match=r"/proc/x|file"):
            saving.save(place, TREE, {}, source="test")
    assert set(threading.enumerate()) == before


def test_a_full_disk_is_told_before_orbax_meets_it(tmp_path: Path, capfd):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            saving.save(tmp_path / "x" / "y", TREE, {}, source="test")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    start = f"{tmp_path / 'x'}: 0.1 MiB are needed, "
    assert str(caught.value).startswith(start)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_a_failure_of_orbax_is_one_line(tmp_path: Path, monkeypatch):
    def fail(*unused: object, **also: object) -> None:
        raise ValueError("OUT_OF_RANGE: no room\nin a trace")

    monkeypatch.setattr(ocp.Checkpointer, "save", fail)
    with pytest.raises(OSError, match=r"y: OUT_OF_RANGE: no room$"):
        saving.save(tmp_path / "x" / "y", TREE, {}, source="test")
    assert not list(tmp_path.iterdir())


def test_a_file_system_that_sets_no_room_aside_is_trusted(tmp_path: Path, monkeypatch):
    def refuse(*unused: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    saving.save(tmp_path / "x", TREE, {}, source="test")
    assert manifest.fault(tmp_path / "x", "test") is None


def test_room_for_nothing(tmp_path: Path):
    saving.reserve(tmp_path, 0)
    assert not list(tmp_path.iterdir())
