"""One checkpoint on disk: arrays and a record by Orbax, and digests that prove them."""

import contextlib
import errno
import gc
import json
import logging
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import orbax.checkpoint as ocp

from ceil_jax.common import digest
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import explained, read_json
from ceil_jax.common.saving import os_error

ARRAYS, RECORD, PROOF = "state", "record", "digest"
# What a process may get over: no fault of a file.
_PASSING = {
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE),
    *(errno.EACCES, errno.EPERM, errno.EINTR, errno.EAGAIN),
}


class DamagedError(Exception):
    """A checkpoint that does not prove itself; its text is the reason, a few words."""


class Stored(NamedTuple):
    """What a checkpoint on disk holds.

    Attributes:
        arrays: NumPy arrays in nested mappings.
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
        arrays: NumPy arrays in nested mappings.
        record: Plain values.
        place: A plain value that says which checkpoint this is: the same one is needed
            to read it, so that no folder can stand in for another.

    Raises:
        UserError: It cannot be written; nothing is left of it.
    """
    record = json.loads(json.dumps(record))
    facts = {"record": record, "place": place}
    proof = {RECORD: digest.of_arrays({}, facts), ARRAYS: _proof(arrays, facts)}
    # One item of arrays: where one of several fails, Orbax leaves the others running.
    items: dict[str, Any] = {
        ARRAYS: ocp.args.StandardSave(dict(arrays)),
        RECORD: ocp.args.JsonSave(record),
        PROOF: ocp.args.JsonSave(proof),
    }
    try:
        with _quiet(), _orbax() as checkpointer:
            # In this thread: an error is raised here, and no wait is without an end.
            checkpointer.save(folder.resolve(), args=ocp.args.Composite(**items))
    except (OSError, ValueError) as error:
        _remove_drafts(folder)
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(dict(arrays))) / 1e6
        why = explained(os_error(error), folder.parent)
        raise UserError(
            f"cannot save checkpoint {folder.name} of {size:,.1f} MB: {why}"
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
        UserError: It cannot be read now, by this process.
    """
    if not folder.is_dir():
        raise DamagedError("it is no folder")
    record, proof = (_json(folder, name) for name in (RECORD, PROOF))
    facts = {"record": record, "place": place}
    if proof.get(RECORD) != digest.of_arrays({}, facts):
        raise DamagedError("its record is not the one that was written here")
    wanted: Any = ocp.args.Composite(**{ARRAYS: ocp.args.StandardRestore()})
    arrays, reason = {}, ""
    with _quiet(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "coroutine .* was never awaited")
        try:
            with _orbax() as checkpointer:
                arrays = dict(
                    checkpointer.restore(folder.resolve(), args=wanted)[ARRAYS]
                )
            found = _proof(arrays, facts)
        except Exception as error:  # damaged metadata ends in errors of every kind
            if isinstance(error, OSError | ValueError):
                _check_lasting(os_error(error), folder)
            found, reason = "", f"unreadable: {_first_line(error)}"
        if reason:
            gc.collect()  # what else went wrong is told now or never
    if reason:
        raise DamagedError(reason)
    if proof.get(ARRAYS) != found:
        raise DamagedError("its arrays are not those that were written here")
    return Stored(arrays, record)


def _proof(arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The digest of arrays, and of the mappings that hold none: they have a name."""
    return digest.of_arrays(arrays, {**facts, "empty": sorted(_empty(arrays, ""))})


def _empty(tree: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _empty(value, f"{prefix}{name}/")
    if not tree:
        yield prefix


def _json(folder: Path, name: str) -> dict[str, Any]:
    """One of the two items of plain values."""
    try:
        value = read_json(folder / name / "metadata")
    except OSError as error:
        _check_lasting(error, folder)
        raise DamagedError(f"its {name} is missing ({error.strerror})") from error
    except ValueError as error:
        raise DamagedError(f"its {name} is no JSON") from error
    if not isinstance(value, dict):
        raise DamagedError(f"its {name} is no JSON object")
    return value


def _check_lasting(error: OSError, folder: Path) -> None:
    """Raise an error that tells of the process or its rights, and not of the file."""
    if error.errno in _PASSING:
        raise UserError(f"cannot read checkpoint {explained(error, folder)}") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 120 else f"{text[:117]}..."


def _remove_drafts(folder: Path) -> None:
    """Remove what is left of a checkpoint; threads of Orbax may still write to it."""
    for _ in range(40):
        drafts = list(folder.parent.glob(f"{folder.name}.orbax-checkpoint-tmp*"))
        for draft in drafts:
            shutil.rmtree(draft, ignore_errors=True)
        time.sleep(0.05)
        if not drafts:
            return


@contextlib.contextmanager
def _orbax() -> Iterator[ocp.Checkpointer]:
    handlers: dict[str, Any] = {
        ARRAYS: ocp.StandardCheckpointHandler(),
        RECORD: ocp.JsonCheckpointHandler(),
        PROOF: ocp.JsonCheckpointHandler(),
    }
    with ocp.Checkpointer(ocp.CompositeCheckpointHandler(**handlers)) as checkpointer:
        yield checkpointer


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without tracebacks of Orbax and its event loop: what they say is told shorter."""
    loggers = [logging.getLogger(name) for name in ("absl", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    if not isinstance(sys.unraisablehook, _LateFiles):
        sys.unraisablehook = _LateFiles(sys.unraisablehook)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
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
