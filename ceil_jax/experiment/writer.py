"""One writer: a run's folder belongs to one process at a time."""

import contextlib
import os
import socket
import time
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import (
    explained,
    missing_folders,
    read_json,
    remove_empty,
    write_json,
)

LOCK, OWNER = ".writer.lock", "writer.json"
CHECK_SECONDS = 10.0
"""How often `check_now_and_then` looks."""


class Writer:
    """The right to write into a run's folder; a context manager.

    The system holds a lock on a file for this process, and lets go of it however the
    process ends. A second file says who holds it: it stays behind after a kill, and
    tells a process of another host, where the system's lock may not reach.
    """

    def __init__(self, workdir: Path, doing: str, *, take_over: bool = False) -> None:
        """Name the folder; nothing is locked yet.

        Args:
            workdir: The run's folder; it is made if need be.
            doing: What this process does there, e.g. "training".
            take_over: Whether a process of another host, which has not said that it
                ended, is taken to have ended.
        """
        self._workdir, self._take_over = workdir, take_over
        # Any thread may let go of it: the one that ends the process after a signal.
        self._lock = FileLock(workdir / LOCK, timeout=0, thread_local=False)
        self._owner = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "doing": doing,
            "since": datetime.now().astimezone().isoformat(timespec="seconds"),
            "token": uuid.uuid4().hex,
        }
        self._looked = 0.0
        self._made: list[Path] = []

    def __enter__(self) -> "Writer":
        """Take the folder.

        Raises:
            UserError: Another process has it, or it cannot be written to.
        """
        try:
            self._made = missing_folders(self._workdir)
            self._workdir.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise self._in_use(self._read(), is_sure=True) from error
        except OSError as error:
            remove_empty(self._made)
            reason = explained(error, self._workdir)
            raise UserError(f"the run's folder cannot be locked: {reason}") from error
        other = self._read()
        if other is not None and not self._take_over and self._is_elsewhere(other):
            self._lock.release()
            raise self._in_use(other, is_sure=False)
        try:
            write_json(self._workdir / OWNER, self._owner)
        except OSError as error:
            self._let_go()
            reason = explained(error, self._workdir)
            raise UserError(f"cannot write to the run's folder: {reason}") from error
        self._inode = self._workdir.stat().st_ino
        return self

    def __exit__(self, *unused: object) -> None:
        """Give the folder back; one that was made for nothing is removed."""
        if self._is_mine():
            (self._workdir / OWNER).unlink(missing_ok=True)
        self._let_go()

    def _let_go(self) -> None:
        with contextlib.suppress(OSError):
            # While it is held: who has opened it meanwhile sees that it is gone.
            if [each.name for each in self._workdir.iterdir()] == [LOCK]:
                (self._workdir / LOCK).unlink()
        self._lock.release()
        remove_empty(self._made)

    def check(self) -> None:
        """Refuse to go on where the folder is not this process's any more.

        Raises:
            UserError: It was removed, replaced or taken over.
        """
        self._looked = time.monotonic()
        try:
            is_there = self._workdir.stat().st_ino == self._inode
        except OSError:
            is_there = False
        if not is_there:
            raise UserError(
                f"{self._workdir} was removed or replaced while this run wrote there"
            )
        if self._is_mine():
            return
        other = self._read()
        if other is None:
            raise UserError(
                f"{self._workdir}: files of this run were removed while it wrote there"
            )
        raise UserError(
            f"{self._workdir} was taken over by process {other.get('pid')} on "
            f"{other.get('host')}"
        )

    def check_now_and_then(self) -> None:
        """Check every few seconds at most: for places that are passed often.

        Raises:
            UserError: See `check`.
        """
        if time.monotonic() - self._looked >= CHECK_SECONDS:
            self.check()

    def _is_elsewhere(self, other: dict[str, Any]) -> bool:
        return other.get("host") != self._owner["host"]

    def _is_mine(self) -> bool:
        return (self._read() or {}).get("token") == self._owner["token"]

    def _read(self) -> dict[str, Any] | None:
        """Who is said to write here; None where nobody is, or nobody can tell."""
        try:
            owner = read_json(self._workdir / OWNER)
        except (OSError, ValueError):
            return None
        return owner if isinstance(owner, dict) else None

    def _in_use(self, other: dict[str, Any] | None, *, is_sure: bool) -> UserError:
        if other is None:  # between the two files
            return UserError(f"{self._workdir} is in use by another process")
        who = f"process {other.get('pid')} on {other.get('host')}"
        since = f"{other.get('doing', 'at work')} there since {other.get('since')}"
        if is_sure:
            return UserError(
                f"{self._workdir} is in use: {who} has been {since}; wait for it, stop "
                "it, or give another folder"
            )
        return UserError(
            f"{self._workdir}: {who}, {since}, has not said that it ended: if it has, "
            "add --take-over"
        )
