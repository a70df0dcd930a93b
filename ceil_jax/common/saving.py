"""Trees of arrays on the host, saved by Orbax before the call returns, or one error."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ceil_jax.common import manifest
from ceil_jax.common.files import explained, missing_folders, remove_empty

# What file systems say that cannot set room aside.
_CANNOT_TELL = {errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}


def checkpointer() -> Any:
    """Orbax's checkpointer that is done, or has failed, when its methods return.

    `StandardCheckpointer` starts threads that wait for the folder to be made: where it
    cannot be, they wait for 300 s, and the process with them.
    """
    import orbax.checkpoint as ocp  # seconds, which most uses of this room need not

    return ocp.Checkpointer(ocp.StandardCheckpointHandler())


def save(
    folder: Path, tree: Mapping[str, Any], metadata: Mapping[str, Any], *, source: str
) -> None:
    """Write an Orbax checkpoint and its manifest; the folder appears whole, or not.

    Args:
        folder: Where; it must not exist, or be empty. Folders above it are made.
        tree: Arrays on the host.
        metadata: Plain values to keep beside them.
        source: What the tree is, as `manifest.fault` will be told.

    Raises:
        OSError: It cannot be written; one line.
    """
    import orbax.checkpoint as ocp

    folder = folder.resolve()
    with _folders_for(folder), _draft_of(folder) as draft:
        reserve(folder.parent, _num_bytes(tree))
        try:
            with checkpointer() as orbax:
                orbax.save(
                    draft / folder.name,
                    args=ocp.args.StandardSave(dict(tree)),
                    custom_metadata=dict(metadata),
                )
        except ValueError as error:
            raise OSError(explained(os_error(error), folder)) from error
        manifest.write(draft / folder.name, source)
        (draft / folder.name).replace(folder)


def os_error(error: OSError | ValueError) -> OSError:
    """The system's error behind one of Orbax.

    Args:
        error: What saving or restoring raised: tensorstore tells of the file system in
            the text of a ValueError.

    Returns:
        An error with its number, or with the first line where the text has none.
    """
    if isinstance(error, OSError):
        return error
    found = re.search(r"os_error_code='(\d+)'|\[OS error (\d+)", str(error))
    if not found:
        return OSError(str(error).partition("\n")[0] or "ValueError")
    number = int(found[1] or found[2])
    return OSError(number, os.strerror(number))


def reserve(folder: Path, num_bytes: int) -> None:
    """Find out whether so much can be written, before any of it is.

    A full disk, a quota, a limit of the process and a read-only file system are all
    told by the system when it is asked for the room; it is given back.

    Args:
        folder: An existing folder.
        num_bytes: How much will be written.

    Raises:
        OSError: It cannot.
    """
    with tempfile.TemporaryFile(dir=folder, prefix="room_") as file:
        if not num_bytes:
            return
        try:
            os.posix_fallocate(file.fileno(), 0, num_bytes)
        except AttributeError:  # Windows
            return
        except OSError as error:
            if error.errno in _CANNOT_TELL:
                return
            free = shutil.disk_usage(folder).free
            raise OSError(
                f"{folder}: {num_bytes / 2**20:.1f} MiB are needed, "
                f"{free / 2**20:.1f} MiB are free ({error.strerror})"
            ) from error


def _num_bytes(tree: Any) -> int:
    if isinstance(tree, Mapping):
        return sum(_num_bytes(value) for value in tree.values())
    return np.asarray(tree).nbytes


@contextmanager
def _folders_for(folder: Path) -> Iterator[None]:
    """Make the folders above one; where the work fails, those made are removed."""
    made = missing_folders(folder.parent)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        remove_empty(made)
        raise


@contextmanager
def _draft_of(folder: Path) -> Iterator[Path]:
    """A folder beside another one, removed at the end whatever happens."""
    draft = Path(tempfile.mkdtemp(prefix=".incomplete_", dir=folder.parent))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
