"""Paths of the user, and files that are there whole or not at all."""

import contextlib
import errno
import json
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ceil_jax.common.errors import DataError


def user_path(path: str | os.PathLike[str]) -> Path:
    """A path as the user wrote it, with `~` for the home folder.

    Shells leave it to programs wherever it does not begin a word, as in
    `--config.data_dir=~/RegDB`.

    Args:
        path: The path.

    Returns:
        The same path; a `~` or `~user` at its start is replaced.

    Raises:
        DataError: It has a null character, or names a user who is not known here.
    """
    if "\0" in os.fspath(path):
        raise DataError(f"{os.fspath(path)!r} is no path: it has a null character")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        user = Path(path).parts[0]
        raise DataError(f"{path}: there is no home folder of {user} here") from error


def check_writable(folder: Path) -> None:
    """Refuse a folder in which nothing can be made, such as one of `/proc`.

    Args:
        folder: One that is there; it is left as it was.

    Raises:
        OSError: It cannot be written to.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".ceil_jax_"):
        pass


def missing_folders(folder: Path) -> list[Path]:
    """A folder and those above it that are not there, the innermost first.

    Args:
        folder: The folder.

    Returns:
        What making it would make.
    """
    return [each for each in (folder, *folder.parents) if not each.exists()]


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders that hold nothing; the others stay.

    Args:
        folders: The innermost first.
    """
    for folder in folders:
        with contextlib.suppress(OSError):  # it was never made, or holds something
            folder.rmdir()


@contextlib.contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its place when it is complete: a kill leaves the old one.

    It is written beside its place under a name of its own, so that two processes do not
    meet there, and is on the disk before it is renamed.

    Args:
        path: The file.

    Yields:
        Where its content is to be written.

    Raises:
        OSError: It cannot be written; nothing of it is left.
    """
    number = f"{os.getpid()}-{secrets.token_hex(4)}"
    partial = path.with_name(f".{path.name[:40]}.{number}.partial")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            _sync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def _sync(descriptor: int) -> None:
    """Wait until a file is on the disk, where its file system can do that."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all, see `whole`.

    Args:
        path: The file.
        text: Its content, written as UTF-8.

    Raises:
        OSError: It cannot be written; the old file is as it was.
    """
    with whole(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write plain values as indented JSON, whole or not at all.

    Args:
        path: The file.
        value: Its content.

    Raises:
        OSError: It cannot be written; the old file is as it was.
    """
    write_whole(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """What a file of JSON holds.

    Args:
        path: The file.

    Returns:
        Plain values.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not UTF-8, no JSON, or nested too deeply.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def set_aside(path: Path) -> Path:
    """Rename what stands in the way of a file, so that nothing of it is lost.

    Args:
        path: A file, a folder or a link.

    Returns:
        Its new name: `NAME.damaged`, or `NAME.damaged-2` and so on.

    Raises:
        OSError: It cannot be renamed.
    """
    number = 1
    while True:
        suffix = ".damaged" if number == 1 else f".damaged-{number}"
        aside = path.with_name(path.name + suffix)
        if not os.path.lexists(aside):
            return path.rename(aside)
        number += 1


def explained(error: OSError, path: str | os.PathLike[str]) -> str:
    """Why a file cannot be read or written, in plain words and with what to do.

    Args:
        error: What the system said.
        path: The file or folder that was used.

    Returns:
        One line that begins with the path.
    """
    place = Path(error.filename if isinstance(error.filename, str) else path)
    reasons = {
        errno.ENOSPC: f"{_room(place)}; make room there, or choose another disk",
        errno.EDQUOT: "your quota of this disk is used up; delete something of yours",
        errno.EROFS: "its disk is mounted read-only; choose another folder",
        errno.EACCES: "you have no permission; change it, or choose another folder",
        errno.EPERM: "the system does not permit it; choose another folder",
        errno.ENOENT: _missing(place),
        errno.ENOTDIR: "a file stands where one of its folders should; move it away",
        errno.EEXIST: "something else stands in its place; move it away",
        errno.EISDIR: "a folder stands in its place; move it away",
        errno.EIO: "the disk reports an error when it is used; look after the disk",
        errno.ESTALE: "its network disk was mounted anew meanwhile; start again",
        errno.ENAMETOOLONG: "its name is too long; choose a shorter one",
        errno.EMFILE: "too many files are open; raise the limit with ulimit -n",
    }
    code = error.errno if error.errno is not None else -1
    reason = reasons.get(code, error.strerror or str(error) or type(error).__name__)
    return " ".join(f"{path}: {reason}".split())


def _existing(place: Path) -> Path:
    """The nearest folder above, or the path itself, that is there."""
    absolute = Path(os.path.abspath(place))
    return next(p for p in (absolute, *absolute.parents) if os.path.lexists(p))


def _room(place: Path) -> str:
    """What is left on the disk that is said to be full."""
    try:
        found = os.statvfs(_existing(place))
    except OSError:
        return "the disk is full"
    if found.f_files and not found.f_favail:
        return "the disk has no room for another file (no inodes are free)"
    free = found.f_bavail * found.f_frsize
    return f"the disk is full, {free / 2**20:,.1f} MiB are free"


def _missing(place: Path) -> str:
    """What of a path is not there."""
    there, absolute = _existing(place), Path(os.path.abspath(place))
    if there in (absolute, absolute.parent):
        return "there is no such file"
    folder = there / absolute.relative_to(there).parts[0]
    return f"the folder {folder} is not there, or not any more"
