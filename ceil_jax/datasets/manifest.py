"""What prepared data are, file by file: written last and compared at every opening."""

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

from ceil_jax.common.digest import Content, of_data
from ceil_jax.common.errors import DataError
from ceil_jax.common.files import write_json

FILE_NAME = "manifest.json"
# More than this is not hashed at every opening: images are compared as they are read.
HASHED_BYTES = 2**30
_RECORDS = ".array_record"  # in the name of every file of images


def write(folder: Path, source: str) -> None:
    """Note size and SHA-256 of every file of prepared data; they count as whole now.

    Args:
        folder: Where they lie.
        source: What they were prepared from, and how.

    Raises:
        OSError: A file cannot be read, or the manifest cannot be written.
    """
    contents = [
        Content(path.name, path.stat().st_size, _sha256(path))
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != FILE_NAME
    ]
    files = {each.path: [each.size, each.digest] for each in contents}
    value = {"source": source, "files": files, "digest": of_data(contents)}
    write_json(folder / FILE_NAME, value)


def fault(folder: Path, source: str) -> str | None:
    """Why a folder does not hold the prepared data that it should.

    Sizes are always compared; digests of all files if they have `HASHED_BYTES` at most
    together, else of all but the files of images.

    Args:
        folder: Where the data should lie.
        source: What `write` was told.

    Returns:
        A phrase, None where the data are whole.
    """
    try:
        value = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
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
        return f"they were prepared for another place, {value.get('source')!r}"
    hash_all = sum(each.size for each in contents) <= HASHED_BYTES
    for each in contents:
        hashed = hash_all or _RECORDS not in each.path
        if found := _fault_of_file(folder / each.path, each, hashed):
            return found
    return None


def damaged(folder: Path, what: str) -> DataError:
    """The error of data that turn out to be damaged after they were opened.

    They lose their manifest, so that the next start prepares them anew.

    Args:
        folder: Where they lie.
        what: What is wrong.

    Returns:
        The error to raise.
    """
    if not folder.is_dir():
        return DataError(
            f"prepared data in {folder} are gone, or the disk that they were on is: "
            "the same command prepares them anew"
        )
    then = "the same command prepares them anew"
    try:
        (folder / FILE_NAME).unlink(missing_ok=True)
    except OSError:
        then = "delete that folder, and the same command prepares them anew"
    return DataError(f"prepared data in {folder} are damaged ({what}): {then}")


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
            return f"{path.name} is not a file"
        if facts.st_size != expected.size:
            return f"{path.name} has {facts.st_size} bytes instead of {expected.size}"
        if hashed and _sha256(path) != expected.digest:
            return f"the content of {path.name} has changed"
    except FileNotFoundError:
        return f"{path.name} is missing"
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
