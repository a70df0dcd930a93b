"""Finding image files in folders, and reading the lists that come with a data set."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from ceil_jax.common.errors import DataError
from ceil_jax.common.files import user_path

# In any case.
EXTENSIONS = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff")
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")


def default_prepared_dir() -> Path:
    """`$CEIL_JAX_CACHE`, or `~/.cache/ceil_jax` where it is not set."""
    chosen = os.environ.get("CEIL_JAX_CACHE")
    return user_path(chosen) if chosen else Path.home() / ".cache" / "ceil_jax"


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
        if not name.startswith(".") and _is_folder(folder / name)
    )


class Walk:
    """Goes through all files below folders, links to folders followed once each.

    Attributes:
        same: Folders that were reached a second time, each behind the one that was
            read, as paths below the root.
    """

    def __init__(self, root: Path, *, dead_links: bool = False) -> None:
        """Start at no folder.

        Args:
            root: What the paths are relative to.
            dead_links: Whether links that lead nowhere are listed among the files; else
                they are refused.
        """
        self.same: list[tuple[str, str]] = []
        self._root, self._dead_links = root, dead_links
        self._seen: dict[str, str] = {}

    def files(self, folder: str) -> Iterator[str]:
        """Paths of the files below a folder, sorted folder by folder.

        Args:
            folder: Its path below the root; nothing is in it if it is missing.

        Yields:
            Paths relative to it, with forward slashes; none of hidden files or folders.

        Raises:
            DataError: A folder below it cannot be read, or a link leads nowhere.
        """
        for path in self._below(folder, ()):
            yield path[len(folder) + 1 :]

    def _below(self, folder: str, parents: tuple[str, ...]) -> Iterator[str]:
        real = os.path.realpath(self._root / folder)
        if real in parents:  # a link that leads back up
            return
        if real in self._seen:
            self.same.append((self._seen[real], folder))
            return
        names = _entries(self._root / folder)
        self._seen[real] = folder
        inside = []
        for name in sorted(names):
            if name.startswith("."):
                continue
            path = self._root / folder / name
            if _is_folder(path, dead_links=self._dead_links):
                inside.append(f"{folder}/{name}")
            else:
                yield f"{folder}/{name}"
        for each in inside:
            yield from self._below(each, (*parents, real))


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


def need_root(root: Path) -> None:
    """Stop where what should be a data folder is none.

    Args:
        root: The data folder.

    Raises:
        DataError: It is missing, a file, or an archive that was not unpacked.
    """
    if os.path.isdir(root):
        return
    if os.path.lexists(root):
        if root.name.lower().endswith(ARCHIVES):
            raise DataError(
                f"{root} is an archive, not a folder: unpack it and name the folder"
            )
        raise DataError(f"{root} is a file, not a folder")
    packed = [
        name
        for name in (_entries(root.parent) if root.name else [])
        if name.startswith(f"{root.name}.") and name.lower().endswith(ARCHIVES)
    ]
    hint = f" (there is {sorted(packed)[0]}: unpack it)" if packed else ""
    raise DataError(f"no such data folder: {root}{hint}")


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
    need_root(root)
    if os.path.isdir(root / folder):
        return
    names = _entries(root)
    message = f"{root} has no folder {folder}: {title} as distributed holds {contents}"
    packed = sorted(name for name in names if name.lower().endswith(ARCHIVES))
    if packed:
        message += f" (there is {packed[0]}: unpack it)"
    elif inner := [n for n in sorted(names) if os.path.isdir(root / n / folder)]:
        message += f" (did you mean {root / inner[0]}?)"
    raise DataError(message)


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


def split_missing(
    root: Path, names: Iterable[str]
) -> tuple[list[str], list[str], list[str]]:
    """Tell listed files that are there from those that are not.

    Args:
        root: The data folder.
        names: Paths below it.

    Returns:
        The paths that exist, in order; a phrase on those that do not, or nothing; and
        a line on each of these.
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
        return there, [], []
    first = missing[0]
    parent, _, file = first.rpartition("/")
    alike = [other for other in entries[parent] if other.lower() == file.lower()]
    hint = f" (there is {alike[0]}: upper and lower case differ)" if alike else ""
    count = (
        "1 listed image is"
        if len(missing) == 1
        else f"{len(missing)} listed images are"
    )
    phrase = f"{count} missing, the first {root / first}{hint}"
    return there, [phrase], [f"missing image: {root / name}" for name in missing]


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


def _is_folder(path: Path, *, dead_links: bool = False) -> bool:
    """Whether a path that was just listed is a folder, be it by a link."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except FileNotFoundError as error:
        if os.path.islink(path) and not dead_links:
            raise DataError(f"{path} is a link that leads nowhere") from error
        return False
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _lines(path: Path, what: str) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DataError(f"missing {what}: {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {what} {path}: {error}") from error
