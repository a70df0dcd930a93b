"""Files that are there whole or not at all."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ceil_jax.common import files
from ceil_jax.common.errors import DataError
from tests.repo import source


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"b": [1, 2]})
    assert json.loads(path.read_text()) == {"b": [1, 2]}
    files.write_whole(path, "new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


LIMITED = """
import resource, sys
from pathlib import Path
from ceil_jax.common import files
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    files.write_whole(Path(sys.argv[1]), "new" * 1000)
except OSError as error:
    print(files.explained(error, sys.argv[1]))
"""
WRITER = """
import sys
from pathlib import Path
from ceil_jax.common import files
for _ in range(200):
    files.write_json(Path(sys.argv[1]), [int(sys.argv[2])] * 5000)
"""


def python(program: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *words]
    return subprocess.Popen(command, cwd=source.ROOT, stdout=subprocess.PIPE, text=True)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    """The system allows the process no larger file."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    out, _ = python(LIMITED, str(path)).communicate()
    assert out == f"{path}: File too large\n"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def stop():
        with files.whole(path) as file:
            file.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_do_not_meet(tmp_path):
    path = tmp_path / "a.json"
    writers = [python(WRITER, str(path), number) for number in ("1", "2")]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            found = files.read_json(path)
            assert len(found) == 5000
            seen |= set(found)
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert seen <= {1, 2}
    assert seen
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    path, done = tmp_path / "a.txt", []
    sync, replace = os.fsync, Path.replace

    def noted_sync(descriptor):
        done.append(("sync", os.stat(descriptor).st_size))
        sync(descriptor)

    def noted_replace(self, target):
        done.append(("replace", target))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    files.write_whole(path, "ü")
    assert done == [("sync", 2), ("replace", path)]


@pytest.mark.parametrize(("code", "right"), [("EINVAL", True), ("EIO", False)])
def test_file_systems_that_cannot_sync_are_put_up_with(
    code, right, tmp_path, monkeypatch
):
    def fail(descriptor):
        raise OSError(getattr(errno, code), code)

    monkeypatch.setattr(os, "fsync", fail)
    if right:
        files.write_whole(tmp_path / "a", "b")
        assert (tmp_path / "a").read_text() == "b"
    else:
        with pytest.raises(OSError, match="EIO"):
            files.write_whole(tmp_path / "a", "b")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b'{"a": ', "Expecting value"),
        (b"\xff", "utf-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5000, "4300 digits"),
    ],
    ids=str,
)
def test_files_that_are_no_json(content, reason, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        files.read_json(path)


def test_what_is_set_aside_is_never_overwritten(tmp_path):
    path = tmp_path / "a.json"
    for number, name in enumerate(("a.json.damaged", "a.json.damaged-2"), 1):
        path.write_text(str(number))
        assert files.set_aside(path) == tmp_path / name
    path.mkdir()
    assert files.set_aside(path).name == "a.json.damaged-3"
    path.symlink_to("nowhere")
    assert files.set_aside(path).name == "a.json.damaged-4"
    assert not os.path.lexists(path)
    assert [(tmp_path / f"a.json.damaged{n}").read_text() for n in ("", "-2")] == [
        *("1", "2")
    ]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("none", "there is no such file"),
        ("none/a/b", "the folder {folder}/none is not there, or not any more"),
        (".", "a folder stands in its place; move it away"),
        ("file/a", "a file stands where one of its folders should; move it away"),
        ("x" * 300, "its name is too long; choose a shorter one"),
        ("/dev/full", "the disk is full, "),
        ("/proc/self/mem", "the disk reports an error"),
    ],
)
def test_errors_of_the_system_are_explained(path, reason, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / path
    with pytest.raises(OSError) as caught, path.open("r+b", buffering=0) as file:  # noqa: PT011
        file.read(1) if path.name == "mem" else file.write(b"a")
    text = files.explained(caught.value, path)
    assert text.startswith(f"{path}: {reason.format(folder=tmp_path)}")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.EROFS, "its disk is mounted read-only"),
        (errno.EACCES, "you have no permission"),
        (errno.EDQUOT, "your quota of this disk is used up"),
        (errno.ESTALE, "its network disk was mounted anew"),
        (errno.EFBIG, "File too large"),
        (None, "odd"),
    ],
)
def test_errors_that_cannot_be_made_here(code, reason, tmp_path):
    error = OSError(code, os.strerror(code)) if code else OSError("odd")
    assert files.explained(error, tmp_path).startswith(f"{tmp_path}: {reason}")


@pytest.mark.parametrize(
    ("left", "inodes", "text"),
    [(3 * 2**20, 5, "the disk is full, 3.0 MiB are free"), (2**30, 0, "no inodes")],
)
def test_a_full_disk_is_told_with_what_is_left(
    left, inodes, text, tmp_path, monkeypatch
):
    found = SimpleNamespace(
        f_bavail=left // 4096, f_frsize=4096, f_files=9, f_favail=inodes
    )
    monkeypatch.setattr(os, "statvfs", lambda path: found)
    error = OSError(errno.ENOSPC, "No space left on device")
    assert text in files.explained(error, tmp_path / "a" / "b")


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
