"""One checkpoint on disk: arrays and a record by Orbax, and digests that prove them."""

import contextlib
import errno
import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orbax.checkpoint as ocp

from ceil_jax.common import digest
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import explained

RECORD, PROOF = "record", "digest"


class DamagedError(Exception):
    """A checkpoint that does not prove itself; its text is the reason, a few words."""


class Stored(NamedTuple):
    """What a checkpoint on disk holds.

    Attributes:
        arrays: NumPy arrays by item and name.
        record: Plain values.
    """

    arrays: dict[str, Any]
    record: dict[str, Any]


def write(
    folder: Path, arrays: Mapping[str, Any], record: Mapping[str, Any], place: Any
) -> None:
    """Write a checkpoint; the folder appears whole or not at all.

    Args:
        folder: Where; it must not exist.
        arrays: NumPy arrays in nested mappings; the first names become Orbax's items.
        record: Plain values.
        place: A plain value that says which checkpoint this is: the same one is needed
            to read it, so that no folder can stand in for another.

    Raises:
        UserError: It cannot be written; nothing is left of it.
    """
    record = json.loads(json.dumps(record))
    proof = {
        RECORD: digest.of_arrays({}, {"record": record, "place": place}),
        "arrays": digest.of_arrays(arrays, {"record": record, "place": place}),
    }
    handlers: dict[str, Any] = {
        name: ocp.StandardCheckpointHandler() for name in arrays
    }
    items: dict[str, Any] = {
        name: ocp.args.StandardSave(tree) for name, tree in arrays.items()
    }
    for name, value in ((RECORD, record), (PROOF, proof)):
        handlers[name] = ocp.JsonCheckpointHandler()
        items[name] = ocp.args.JsonSave(value)
    try:
        with _quiet(), _orbax(handlers) as checkpointer:
            # In this thread: an error is raised here, and no wait is without an end.
            checkpointer.save(folder.resolve(), args=ocp.args.Composite(**items))
    except (OSError, ValueError) as error:
        for draft in folder.parent.glob(f"{folder.name}.orbax-checkpoint-tmp*"):
            shutil.rmtree(draft, ignore_errors=True)
        raise UserError(
            f"cannot save {folder}: {explained(_os_error(error), folder.parent)}"
        ) from error


def read(folder: Path, place: Any) -> Stored:
    """Read a checkpoint, and prove that it is what was written.

    Args:
        folder: The checkpoint.
        place: As of `write`.

    Returns:
        What it holds.

    Raises:
        DamagedError: A file is missing or changed, or it is another checkpoint.
    """
    if not folder.is_dir():
        raise DamagedError("it is no folder")
    record, proof = (_json(folder, name) for name in (RECORD, PROOF))
    facts = {"record": record, "place": place}
    if proof.get(RECORD) != digest.of_arrays({}, facts):
        raise DamagedError("its record is not the one that was written here")
    items = sorted(
        each.name
        for each in folder.iterdir()
        if each.is_dir() and each.name not in (RECORD, PROOF)
    )
    handlers = {name: ocp.StandardCheckpointHandler() for name in items}
    wanted = {name: ocp.args.StandardRestore() for name in items}
    try:
        with _quiet(), _orbax(handlers) as checkpointer:
            got = checkpointer.restore(
                folder.resolve(), args=ocp.args.Composite(**wanted)
            )
        arrays = {name: dict(got[name]) for name in items}
        found = digest.of_arrays(arrays, facts)
    except Exception as error:  # damaged metadata ends in errors of every kind
        raise DamagedError(f"unreadable: {_first_line(error)}") from error
    if proof.get("arrays") != found:
        raise DamagedError("its arrays are not those that were written here")
    return Stored(arrays, record)


def _json(folder: Path, name: str) -> dict[str, Any]:
    """One of the two items of plain values."""
    try:
        text = (folder / name / "metadata").read_bytes()
    except OSError as error:
        raise DamagedError(f"its {name} is missing ({error.strerror})") from error
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"its {name} is no JSON") from error
    if not isinstance(value, dict):
        raise DamagedError(f"its {name} is no JSON object")
    return value


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 120 else f"{text[:117]}..."


def _os_error(error: OSError | ValueError) -> OSError:
    """The system's error behind one of Orbax, which knows it as text."""
    if isinstance(error, OSError):
        return error
    found = re.search(r"os_error_code='(\d+)'|\[OS error (\d+)", str(error))
    number = int(found[1] or found[2]) if found else errno.EIO
    return OSError(number, os.strerror(number))


@contextlib.contextmanager
def _orbax(handlers: Mapping[str, Any]) -> Iterator[ocp.Checkpointer]:
    with ocp.Checkpointer(ocp.CompositeCheckpointHandler(**handlers)) as checkpointer:
        yield checkpointer


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Orbax's own tracebacks of what is told in one line."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    if not isinstance(sys.unraisablehook, _LateFiles):
        sys.unraisablehook = _LateFiles(sys.unraisablehook)
    try:
        yield
    finally:
        logger.setLevel(level)


class _LateFiles:
    """Stands before `sys.unraisablehook`, for the rest of the process.

    Where one file is damaged Orbax gives up while others are still on their way, and
    Python would print a traceback of every one that comes too late.
    """

    def __init__(self, earlier: Callable[[Any], Any]) -> None:
        self._earlier = earlier

    def __call__(self, seen: Any) -> None:
        if str(seen.exc_value) != "Event loop is closed":
            self._earlier(seen)
