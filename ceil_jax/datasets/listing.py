"""What a data folder holds, image by image, before any image is read."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ceil_jax.common.errors import DataError
from ceil_jax.common.files import write_whole
from ceil_jax.datasets.files import default_prepared_dir

SHOWN = 2  # wrong figures that a message spells out


class Listing(NamedTuple):
    """Every image of a data set, sorted by path.

    Attributes:
        names: (n,) paths below the data folder, with forward slashes.
        identities: (n,) int32 numbers of the people, -1 where unknown.
        cameras: (n,) int32 numbers of the cameras, from 1.
        modalities: (n,) int8, `VISIBLE` or `INFRARED`.
        train: (n, t) bool, whether trial t trains on the image.
        test: (n, t) bool, whether trial t tests on it.
        missing: A phrase for each thing, or kind of thing, that was looked for in vain.
        notes: A phrase for each thing that does no harm but must be told.
        camera_names: The user's names of the cameras, by number, where there are any.
        identity_names: Those of the people.
        details: A line on each missing image and person.
    """

    names: list[str]
    identities: np.ndarray
    cameras: np.ndarray
    modalities: np.ndarray
    train: np.ndarray
    test: np.ndarray
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    camera_names: Mapping[int, str] = MappingProxyType({})
    identity_names: Mapping[int, str] = MappingProxyType({})
    details: tuple[str, ...] = ()


class Row(NamedTuple):
    """One image of a listing.

    Attributes:
        name: Path below the data folder.
        identity: Number of the person, -1 where unknown.
        camera: Number of the camera.
        modality: `VISIBLE` or `INFRARED`.
        train: Whether each trial trains on it.
        test: Whether each trial tests on it.
    """

    name: str
    identity: int
    camera: int
    modality: int
    train: tuple[bool, ...]
    test: tuple[bool, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Layout:
    """How a data set lies on disk.

    Attributes:
        title: Its name.
        num_trials: How many splits into training and test people it comes with.
        read: From its folder to its listing; raises `DataError`.
        deviations: A phrase for each figure of a listing that is not the data set's.
    """

    title: str
    num_trials: int
    read: Callable[[Path], Listing]
    deviations: Callable[[Listing], list[str]]


def listing_of(
    rows: Iterable[Row],
    *,
    num_trials: int = 1,
    missing: Iterable[str] = (),
    notes: Iterable[str] = (),
    camera_names: Mapping[int, str] | None = None,
    identity_names: Mapping[int, str] | None = None,
    details: Iterable[str] = (),
) -> Listing:
    """Sort rows by name into columns.

    Args:
        rows: The images, in any order.
        num_trials: Length of `train` and `test` in each.
        missing: See `Listing`.
        notes: See `Listing`.
        camera_names: See `Listing`.
        identity_names: See `Listing`.
        details: See `Listing`.

    Returns:
        The listing.
    """
    ordered = sorted(rows)
    shape = (len(ordered), num_trials)
    return Listing(
        names=[row.name for row in ordered],
        identities=np.array([row.identity for row in ordered], dtype=np.int32),
        cameras=np.array([row.camera for row in ordered], dtype=np.int32),
        modalities=np.array([row.modality for row in ordered], dtype=np.int8),
        train=np.array([row.train for row in ordered], dtype=bool).reshape(shape),
        test=np.array([row.test for row in ordered], dtype=bool).reshape(shape),
        missing=tuple(missing),
        notes=tuple(notes),
        camera_names=dict(camera_names or {}),
        identity_names=dict(identity_names or {}),
        details=tuple(details),
    )


def open_folder(
    layout: Layout, root: Path, *, allow_partial: bool
) -> tuple[Listing, tuple[str, ...]]:
    """List a data folder's images and compare their figures with the data set's.

    Args:
        layout: How the data set lies on disk.
        root: Its folder.
        allow_partial: Go on where images or identities are missing.

    Returns:
        The listing; and warnings, a line each, which belong in every report.

    Raises:
        DataError: The folder cannot be used, or is not whole and must be.
    """
    listing = layout.read(root)
    what = f"{layout.title} at {root}"
    if not listing.names:
        raise DataError(f"{what} holds no image{_why(listing.missing)}")
    for name in listing.names:
        _check_encoding(root, name)
    wrong = [*listing.missing, *layout.deviations(listing)]  # paths before figures
    warnings = tuple(f"{what}: {note}" for note in listing.notes)
    if not wrong:
        return listing, warnings
    more = len(wrong) - SHOWN
    tail = "" if more < 1 else f"; and {more} more wrong figure{'s'[: more > 1]}"
    if more > 0 or len(listing.details) > 1:
        tail += _whole_list(root, [what, *wrong, *listing.details])
    message = f"{what} is not whole: {'; '.join(wrong[:SHOWN])}{tail}"
    if not allow_partial:
        raise DataError(f"{message} (--config.allow_partial=True goes on nevertheless)")
    return listing, (message, *warnings)


def fingerprint(root: Path, listing: Listing) -> str:
    """A number for what a folder holds: paths, labels, trials, sizes and times.

    Args:
        root: The data folder.
        listing: Its images.

    Returns:
        16 hexadecimal digits.

    Raises:
        DataError: An image is missing or empty.
    """
    resolved = root.resolve()
    digest = hashlib.sha256(os.fsencode(resolved))
    for name in listing.names:
        try:
            facts = (resolved / name).stat()
        except OSError as error:
            raise DataError(f"image is listed but missing: {root / name}") from error
        if facts.st_size == 0:
            raise DataError(f"image {root / name} is empty (0 bytes)")
        digest.update(f"{name}\n{facts.st_size}\n{facts.st_mtime_ns}\n".encode())
    for column in listing[1:6]:
        digest.update(np.ascontiguousarray(column).tobytes())
    for names in (listing.camera_names, listing.identity_names):
        digest.update(repr(sorted(names.items())).encode())
    return digest.hexdigest()[:16]


def full_list_of(root: Path) -> Path:
    """The file that holds all that is wrong with a folder, where a message cannot.

    Args:
        root: The data folder.

    Returns:
        A file in the user's cache; it need not exist.
    """
    root = root.resolve()
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:8]
    return default_prepared_dir() / "wrong" / f"{root.name}-{digest}.txt"


def _whole_list(root: Path, lines: list[str]) -> str:
    """Write every line to a file and say where it is; nothing where it cannot be."""
    path = full_list_of(root)
    text = "".join(f"{line}\n" for line in lines)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except (OSError, UnicodeEncodeError):
        return ""
    return f"; the full list is in {path}"


def _why(missing: tuple[str, ...]) -> str:
    return f": {'; '.join(missing[:SHOWN])}" if missing else ""


def _check_encoding(root: Path, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{root}: the file name {os.fsencode(name)!r} is not UTF-8: rename the file"
        ) from error
