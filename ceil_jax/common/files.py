"""Files that are there whole or not at all."""

import json
from pathlib import Path
from typing import Any


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
