"""Paths of the user, and files that are there whole or not at all."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

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


def write_whole(path: Path, text: str) -> None:
    """Write a file beside its place and move it there: a kill leaves the old one.

    Args:
        path: The file.
        text: Its content.
    """
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write plain values as indented JSON, whole or not at all.

    Args:
        path: The file.
        value: Its content.
    """
    write_whole(path, json.dumps(value, indent=2) + "\n")


def explained(error: OSError, path: Path | None = None) -> str:
    """Why a file cannot be written or read."""
    return f"{error.strerror or error} ({path or error.filename})"
