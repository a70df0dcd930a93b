"""Finding image files in folders, and reading the lists that come with a data set."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from ceil_jax.common.errors import DataError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")  # in any case


def is_image(name: str) -> bool:
    """Whether a file's name is an image's.

    What systems leave behind (`._0001.jpg`, `.DS_Store`, `Thumbs.db`) is none.

    Args:
        name: The file's name, without its folder.
    """
    return not name.startswith(".") and name.lower().endswith(EXTENSIONS)


def images_in(folder: Path) -> list[str]:
    """Names of the image files directly in a folder, sorted; none if it is missing.

    Args:
        folder: The folder.
    """
    return sorted(name for name in _entries(folder) if is_image(name))


def folders_in(folder: Path) -> list[str]:
    """Names of the folders directly in a folder, sorted, hidden ones left out.

    Args:
        folder: The folder; none are in it if it is missing.
    """
    return sorted(
        name
        for name in _entries(folder)
        if not name.startswith(".") and (folder / name).is_dir()
    )


def files_below(folder: Path) -> Iterator[str]:
    """Paths of all files below a folder, links to folders followed once each.

    Args:
        folder: The folder.

    Yields:
        Paths relative to it, with forward slashes; nothing of hidden folders.
    """
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link that leads back up
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            yield (Path(place) / name).relative_to(folder).as_posix()


def numbered_folders(folder: Path) -> dict[int, str]:
    """The folders whose names are numbers, padded or not, by number.

    Args:
        folder: Where they lie.

    Returns:
        Their names.

    Raises:
        DataError: Two of them have the same number.
    """
    found: dict[int, str] = {}
    for name in folders_in(folder):
        if not re.fullmatch(r"[0-9]+", name):
            continue
        if int(name) in found:
            raise DataError(
                f"{folder} holds identity {int(name)} twice: {found[int(name)]} and "
                f"{name}"
            )
        found[int(name)] = name
    return found


def need_folder(root: Path, folder: str, title: str, contents: str) -> None:
    """Stop where a data folder, or one that it cannot do without, is missing.

    Args:
        root: The data folder.
        folder: What it must hold.
        title: The data set.
        contents: What it holds as distributed.

    Raises:
        DataError: One of them is no folder.
    """
    if not root.is_dir():
        raise DataError(f"no such data folder: {root}")
    if not (root / folder).is_dir():
        raise DataError(
            f"{root} has no folder {folder}: {title} as distributed holds {contents}"
        )


def read_identities(path: Path) -> list[int]:
    """Read a list of identities: integers with commas between them.

    Blanks, empty entries, and further lines do no harm.

    Args:
        path: The file.

    Returns:
        The identities, ascending, each once.

    Raises:
        DataError: The file is missing, unreadable, empty, or holds something else.
    """
    found: set[int] = set()
    for number, line in enumerate(_lines(path, "list of identities"), start=1):
        for entry in filter(None, (part.strip() for part in line.split(","))):
            if not re.fullmatch(r"[0-9]+", entry):
                raise DataError(
                    f"{path}, line {number}: expected identities with commas between "
                    f"them, found {entry[:40]!r}"
                )
            found.add(int(entry))
    if not found:
        raise DataError(f"list of identities is empty: {path}")
    return sorted(found)


def read_image_list(path: Path, pattern: str, expected: str) -> list[str]:
    """Read a list of images: a path, blanks, and a label that is not used, per line.

    Args:
        path: The file.
        pattern: Regular expression of a whole path with forward slashes.
        expected: How a path should look, for the message.

    Returns:
        The paths.

    Raises:
        DataError: The file is missing, unreadable or empty, or a line is no such path.
    """
    names = []
    for number, line in enumerate(_lines(path, "list of images"), start=1):
        if not line.strip():
            continue
        name = line.strip().rpartition(" ")[0].strip().replace("\\", "/")
        if not re.fullmatch(pattern, name) or ".." in PurePosixPath(name).parts:
            raise DataError(
                f"{path}, line {number}: expected '{expected} <label>', found "
                f"{line.strip()[:80]!r}"
            )
        names.append(name)
    if not names:
        raise DataError(f"list of images is empty: {path}")
    return names


def split_missing(root: Path, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Tell listed files that are there from those that are not.

    Args:
        root: The data folder.
        names: Paths below it.

    Returns:
        The paths that exist, in order; and a phrase on those that do not, or nothing.
    """
    entries: dict[str, set[str]] = {}
    there, missing = [], []
    for name in names:
        parent, _, file = name.rpartition("/")
        if parent not in entries:
            entries[parent] = set(_entries(root / parent))
        # A file system may know the file by another spelling of its name.
        found = file in entries[parent] or (root / name).is_file()
        (there if found else missing).append(name)
    if not missing:
        return there, []
    first = missing[0]
    parent, _, file = first.rpartition("/")
    alike = [other for other in entries[parent] if other.lower() == file.lower()]
    hint = f" (there is {alike[0]}: upper and lower case differ)" if alike else ""
    count = (
        "1 listed image is"
        if len(missing) == 1
        else f"{len(missing)} listed images are"
    )
    return there, [f"{count} missing, the first {root / first}{hint}"]


def refuse_overlap(where: Path, train: np.ndarray, test: np.ndarray, what: str) -> None:
    """Stop where people would be trained and tested on.

    Args:
        where: The folder of the lists.
        train: Identities to train on.
        test: Identities to test on.
        what: What lists them, e.g. "trial 3 lists".

    Raises:
        DataError: Some identity is among both.
    """
    both = np.intersect1d(train, test)
    if both.size:
        people = "1 identity" if both.size == 1 else f"{both.size} identities"
        raise DataError(
            f"{where}: {what} {people} for training and for testing, the first one "
            f"{both[0]}"
        )


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(f"cannot read folder {folder}: {error.strerror}") from error


def _lines(path: Path, what: str) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DataError(f"missing {what}: {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {what} {path}: {error}") from error
