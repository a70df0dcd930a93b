"""From the names of rows to the images of a data set: one rule, and no guesses.

A row is of an image if, part by part between slashes, its name ends in the image's path
below the data folder, or the path ends in the name, and no other image's does.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.features import BLOCK_NUMBERS, TOLERANCE, rows


class Matched(NamedTuple):
    """Which row is of which image.

    Attributes:
        rows: (n,) int64, the row of each wanted image, -1 where it has none.
        num_others: Rows of other images of the data set.
        strange: Names of the rows that are of no image of it.
    """

    rows: np.ndarray
    num_others: int
    strange: list[str]


class Images:
    """The images of a data set, found by their names.

    Attributes:
        names: Their paths, those of the wanted ones first.
        num_wanted: How many are wanted.
    """

    def __init__(self, wanted: Sequence[str], others: Sequence[str]) -> None:
        """Take the names.

        Args:
            wanted: Paths below the data folder with forward slashes, each once.
            others: Those of images that are not wanted: a name that could be of either
                is of neither.
        """
        self.names = [*wanted, *others]
        self.num_wanted = len(wanted)
        self._whole = {name: number for number, name in enumerate(self.names)}
        self._ends: dict[str, list[int]] = {}
        for number, name in enumerate(self.names):
            for end in _ends(name):
                self._ends.setdefault(end, []).append(number)

    def find(self, name: str) -> int | None:
        """The image that a row is of.

        Args:
            name: What the row is called.

        Returns:
            Its number among the wanted images and then the others; None if it is of
            no image.

        Raises:
            UserError: It could be of two images, one of them wanted.
        """
        if name in self._whole:
            return self._whole[name]
        name = tidy(name)
        if name in self._whole:
            return self._whole[name]
        longer = [self._whole[end] for end in _ends(name) if end in self._whole]
        found = sorted([*longer, *self._ends.get(name, ())])
        if len(found) > 1 and found[0] < self.num_wanted:
            one, other = (self.names[number] for number in found[:2])
            raise UserError(
                f"{name!r} could be {one} or {other}: give paths below the data folder"
            )
        return found[0] if found else None


def tidy(name: str) -> str:
    """A path with forward slashes and without `.` and empty parts.

    Args:
        name: A path as any system writes it.

    Returns:
        The path.
    """
    parts = name.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def _ends(path: str) -> list[str]:
    """What a path ends in, the longest first, without the path itself."""
    return [path[match.end() :] for match in re.finditer("/", path)]


def match(names: Sequence[str], features: np.ndarray, images: Images) -> Matched:
    """Find the row of every wanted image.

    Args:
        names: Names of the rows.
        features: (m, d), the rows: two of one image must be equal.
        images: The data set's images.

    Returns:
        The rows.

    Raises:
        UserError: A name could be of two images, or two rows of one image differ.
    """
    row_of = np.full(images.num_wanted, -1)
    num_others = 0
    strange = []
    for row, name in enumerate(names):
        image = images.find(name)
        if image is None:
            strange.append(name)
        elif image >= images.num_wanted:
            num_others += 1
        elif row_of[image] < 0:
            row_of[image] = row
        elif not np.array_equal(features[row_of[image]], features[row], equal_nan=True):
            first = names[row_of[image]]
            raise UserError(
                f"two rows of {images.names[image]} differ: row {row_of[image] + 1}, "
                f"{first!r}, and row {row + 1}, {name!r}"
            )
    return Matched(row_of, num_others, strange)


def why_missing(strange: Sequence[str], missing: str) -> str:
    """What probably went wrong where an image has no row.

    Args:
        strange: Names of the rows that are of no image.
        missing: Path of the image.

    Returns:
        A phrase; "" where nothing is known.
    """
    given = [tidy(name) for name in strange]
    if given and all(re.fullmatch(r"[0-9]+", name) for name in given):
        return f"rows are called by numbers, such as {given[0]!r}, not by paths"
    if _alike(given, missing, str.lower):
        return "upper and lower case differ"
    name = _alike(given, missing, _stem)
    if name is None:
        return f"rows of no image are called, e.g., {strange[0]!r:.80}" if given else ""
    ending, wanted = (each.removeprefix(_stem(each)) for each in (name, missing))
    what = f"end in {ending}" if ending else "carry no extension"
    return f"names of rows {what}, those of the images end in {wanted}"


def _alike(given: Sequence[str], path: str, key: Callable[[str], str]) -> str | None:
    """The first name that would be of an image if only the keys were compared."""
    wanted = key(path)
    for name in given:
        found = key(name)
        if f"/{found}".endswith(f"/{wanted}") or f"/{wanted}".endswith(f"/{found}"):
            return name
    return None


def _stem(path: str) -> str:
    """A path without its extension."""
    return re.sub(r"\.[A-Za-z0-9]{1,5}$", "", path)


def unit_rows(features: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, bool]:
    """Rows of length 1: those given, if all of them are, else normalised.

    Args:
        features: (n, d) numbers.
        names: What the n rows are of, for messages.

    Returns:
        (n, d) float32, and whether they had to be normalised.

    Raises:
        UserError: A row is not finite, or all zeros.
    """
    step = max(1, BLOCK_NUMBERS // features.shape[1])
    lengths = np.empty(len(features))
    for start in range(0, len(features), step):
        block = features[start : start + step].astype(np.float64)
        _refuse(~np.isfinite(block).all(axis=1), names[start:], "not finite")
        _refuse(~block.any(axis=1), names[start:], "all zeros")
        with np.errstate(over="ignore"):
            lengths[start : start + step] = np.linalg.norm(block, axis=1)
    normalise = not bool((np.abs(lengths - 1) <= TOLERANCE).all())
    return rows("features", features, normalise=normalise), normalise


def _refuse(is_bad: Any, names: Sequence[str], what: str) -> None:
    if is_bad.any():
        name = names[int(is_bad.argmax())]
        raise UserError(f"the features of {name} are {what}: they have no direction")
