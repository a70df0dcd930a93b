"""Files that are there whole or not at all."""

import json
import tempfile
from pathlib import Path
from typing import Any


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
