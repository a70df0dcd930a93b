"""What a folder holds, file by file: written last and compared at every opening."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

from ceil_jax.common.digest import Content, of_data
from ceil_jax.common.files import read_json, write_json

FILE_NAME = "manifest.json"
# A folder of more than this may have files that are not hashed at every opening.
HASHED_BYTES = 2**30


def write(folder: Path, source: str) -> None:
    """Note size and SHA-256 of every file of a folder, which counts as whole now.

    Args:
        folder: The folder.
        source: What its content was made from, and how.

    Raises:
        OSError: A file cannot be read, or the manifest cannot be written.
    """
    contents = [
        Content(path.relative_to(folder).as_posix(), path.stat().st_size, _sha256(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / FILE_NAME
    ]
    files = {each.path: [each.size, each.digest] for each in contents}
    value = {"source": source, "files": files, "digest": of_data(contents)}
    write_json(folder / FILE_NAME, value)


def fault(folder: Path, source: str, *, unhashed: str = "") -> str | None:
    """Why a folder does not hold what it should.

    The sizes of all files are compared, and their digests. Files beside those that were
    noted do no harm.

    Args:
        folder: The folder.
        source: What `write` was told.
        unhashed: What is in the names of files whose digests are not compared where all
            files have more than `HASHED_BYTES` together.

    Returns:
        A phrase, None where the folder is whole.
    """
    try:
        value = read_json(folder / FILE_NAME)
    except FileNotFoundError:
        return f"no {FILE_NAME}: an earlier version made them, or they are not whole"
    except OSError as error:
        return f"{FILE_NAME} cannot be read: {error.strerror}"
    except ValueError:
        return f"{FILE_NAME} is damaged"
    contents = _contents(value)
    if contents is None or value.get("digest") != of_data(contents):
        return f"{FILE_NAME} is damaged"
    if value.get("source") != source:
        return f"it was made from something else, {value.get('source')!r}"
    total = sum(each.size for each in contents)
    for each in contents:
        hashed = total <= HASHED_BYTES or not unhashed or unhashed not in each.path
        if found := _fault_of_file(folder / each.path, each, hashed):
            return found
    return None


def _contents(value: Any) -> list[Content] | None:
    """The files that a manifest lists; None where it lists none."""
    try:
        files = [(name, *facts) for name, facts in value["files"].items()]
        return [Content(str(n), int(size), str(digest)) for n, size, digest in files]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _fault_of_file(path: Path, expected: Content, hashed: bool) -> str | None:
    try:
        facts = os.stat(path)
        if not stat.S_ISREG(facts.st_mode):
            return f"{expected.path} is not a file"
        if facts.st_size != expected.size:
            return (
                f"{expected.path} has {facts.st_size} bytes instead of {expected.size}"
            )
        if hashed and _sha256(path) != expected.digest:
            return f"the content of {expected.path} has changed"
    except FileNotFoundError:
        return f"{expected.path} is missing"
    except OSError as error:
        return f"{expected.path} cannot be read: {error.strerror}"
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
