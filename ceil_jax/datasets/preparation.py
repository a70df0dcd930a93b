"""Where prepared data lie, and how they get there once and whole."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ceil_jax.common.errors import DataError
from ceil_jax.common.files import user_path
from ceil_jax.datasets.builder import PersonBuilder
from ceil_jax.datasets.files import default_prepared_dir
from ceil_jax.datasets.listed import ListedBuilder
from ceil_jax.datasets.listing import Listing, fingerprint

try:
    import fcntl
except ImportError:  # Windows: two preparations at once are then the user's affair
    fcntl = None


def folder_of(prepared_dir: str | Path | None, root: Path, listing: Listing) -> Path:
    """Where the data prepared from a folder belong.

    The place's name changes with the folder's path, with the name, size and time of
    change of every image, and with what is said of it: no two folders share it, and a
    changed one is prepared anew.

    Args:
        prepared_dir: Home of all prepared data, or None for the default one.
        root: The data folder.
        listing: Its images.

    Returns:
        A folder below `prepared_dir`; it need not exist.

    Raises:
        DataError: An image is missing or empty.
    """
    home = user_path(prepared_dir) if prepared_dir else default_prepared_dir()
    root = user_path(root)
    digest = fingerprint(root, listing)
    return home / f"{root.resolve().name}-{digest}"


def prepare(builder: PersonBuilder) -> PersonBuilder:
    """Write a builder's data as array_record files unless they are there already.

    They are written beside their place and renamed at the end: a preparation that is
    killed leaves nothing that a later one would take for whole. Two processes that
    prepare the same data wait for each other.

    Args:
        builder: The builder.

    Returns:
        The same builder, ready to be read.

    Raises:
        DataError: An image cannot be read, or the place cannot be written.
    """
    place = Path(builder.data_path)
    if place.exists():
        return _informed(builder)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _lock(place.parent / "lock"):
            if place.exists():  # another process was faster
                return _informed(builder)
            for earlier in builder.superseded():
                print(
                    f"{earlier} was prepared by an earlier version of the program: it "
                    "is not used and can be deleted",
                    file=sys.stderr,
                )
            for stale in place.parent.glob("incomplete.*"):
                shutil.rmtree(stale, ignore_errors=True)
            with tempfile.TemporaryDirectory() as downloads:  # TFDS insists on one
                builder.download_and_prepare(download_dir=downloads)
    except OSError as error:
        raise DataError(f"cannot write prepared data to {place}: {error}") from error
    return builder


def _informed(builder: PersonBuilder) -> PersonBuilder:
    """A builder that may be older than its data, which another one has written."""
    if not builder.info.splits:
        builder.info.read_from_directory(builder.data_path)
    if isinstance(builder, ListedBuilder):
        builder.check_ranges()
    return builder


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, where the file system has locks."""
    with path.open("w") as file:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
