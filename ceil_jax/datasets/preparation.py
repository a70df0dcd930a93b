"""Where prepared data lie, and how they get there once and whole."""

import contextlib
import copy
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ceil_jax.common.errors import DataError
from ceil_jax.common.files import user_path
from ceil_jax.common.progress import heartbeat
from ceil_jax.datasets.builder import PersonBuilder
from ceil_jax.datasets.files import default_prepared_dir
from ceil_jax.datasets.listing import Listing, fingerprint

# What `flock` fails with where a file system has none.
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}


def folder_of(prepared_dir: str | Path | None, root: Path, listing: Listing) -> Path:
    """Where the data prepared from a folder belong.

    The place's name changes with the folder's path, with the name, size and time of
    change of every image, and with what is said of it: no two folders share it, and a
    changed one is prepared anew.

    Args:
        prepared_dir: Home of all prepared data, or None for the default one.
        root: The data folder.
        listing: Its images.

    Returns:
        A folder below `prepared_dir`; it need not exist.

    Raises:
        DataError: An image is missing or empty.
    """
    home = user_path(prepared_dir) if prepared_dir else default_prepared_dir()
    root = user_path(root)
    digest = fingerprint(root, listing)
    return home / f"{root.resolve().name}-{digest}"


def prepare(builder: PersonBuilder) -> PersonBuilder:
    """Write a builder's data as array_record files unless they are there and whole.

    They are written beside their place, renamed and then get a manifest: a preparation
    that is killed leaves nothing that a later one would take for whole. What is found
    damaged is told and prepared anew. Two processes that prepare the same data wait for
    each other.

    Args:
        builder: The builder.

    Returns:
        It or another one of the same data, ready to be read.

    Raises:
        DataError: An image cannot be read, or the place cannot be written.
    """
    place = Path(builder.data_path)
    fault = builder.fault()
    if fault is None:
        return builder if builder.info.splits else copy.copy(builder)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _locked(place.parent / "lock", place):
            fault = builder.fault()
            if fault is None:  # another process was faster
                return copy.copy(builder)
            _tell_of_others(builder)
            _remove(place, fault)
            for stale in place.parent.glob("incomplete.*"):
                shutil.rmtree(stale, ignore_errors=True)
            fresh = copy.copy(builder)  # has read nothing of what was removed
            with tempfile.TemporaryDirectory() as downloads:  # TFDS insists on one
                fresh.download_and_prepare(download_dir=downloads)
    except OSError as error:
        if os.path.lexists(place):
            raise DataError(
                f"prepared data in {place} cannot be used ({fault}), nor can others be "
                f"written there ({error}): delete that folder"
            ) from error
        raise DataError(f"cannot write prepared data to {place}: {error}") from error
    return fresh


def _tell_of_others(builder: PersonBuilder) -> None:
    for earlier in builder.superseded():
        _say(
            f"{earlier} was prepared by an earlier version of the program: it is not "
            "used and can be deleted"
        )


def _remove(place: Path, fault: str) -> None:
    """Take away what is not the prepared data that it should be."""
    if not os.path.lexists(place):
        return
    _say(f"prepared data in {place} cannot be used ({fault}): they are prepared anew")
    if place.is_dir() and not place.is_symlink():
        # Gone at once, and cleared away by the next preparation if this one dies.
        moved = Path(tempfile.mkdtemp(prefix="incomplete.", dir=place.parent))
        place.rename(moved / place.name)
        shutil.rmtree(moved)
    else:
        place.unlink()


@contextlib.contextmanager
def _locked(path: Path, place: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, where the file system has locks."""
    lock = FileLock(path, poll_interval=0.2, fallback_to_soft=False)
    waiting = f"waiting for another process that prepares {place}"
    try:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            _say(waiting)
            with heartbeat(waiting):
                lock.acquire()
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _say(
            f"the file system of {path.parent} has no locks ({error.strerror}): do not "
            "prepare the same data in two processes at once"
        )
    try:
        yield
    finally:
        lock.release()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
