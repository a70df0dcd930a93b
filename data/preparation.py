"""Where prepared data lie, and how they get there once and whole."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import tensorflow_datasets as tfds

from data.errors import DataError
from data.schema import PersonBuilder

try:
    import fcntl
except ImportError:  # Windows: two preparations at once are then the user's affair
    fcntl = None


def default_prepared_dir() -> Path:
    """`$CEIL_JAX_CACHE`, or `~/.cache/ceil_jax` where it is not set."""
    chosen = os.environ.get("CEIL_JAX_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "ceil_jax"


def folder_of(
    prepared_dir: str | Path | None, root: Path, names: Sequence[str]
) -> Path:
    """Where the data prepared from a folder belong.

    The place's name changes with the folder's path and with the name, size and time of
    change of every image, so that no two folders share it and a changed one is prepared
    anew.

    Args:
        prepared_dir: Home of all prepared data, or None for the default one.
        root: The data folder.
        names: Paths of the images below it.

    Returns:
        A folder below `prepared_dir`; it need not exist.

    Raises:
        DataError: An image is missing or empty.
    """
    resolved = root.resolve()
    digest = hashlib.sha256(os.fsencode(resolved))
    for name in names:
        try:
            facts = (resolved / name).stat()
        except OSError as error:
            raise DataError(f"image is listed but missing: {root / name}") from error
        if facts.st_size == 0:
            raise DataError(f"image {root / name} is empty (0 bytes)")
        digest.update(f"{name}\n{facts.st_size}\n{facts.st_mtime_ns}\n".encode())
    home = Path(prepared_dir) if prepared_dir else default_prepared_dir()
    return home.expanduser() / f"{resolved.name}-{digest.hexdigest()[:16]}"


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
            for stale in place.parent.glob("incomplete.*"):
                shutil.rmtree(stale, ignore_errors=True)
            tfds.disable_progress_bar()  # ours shows the rate and goes to stderr
            with tempfile.TemporaryDirectory() as downloads:  # TFDS insists on one
                builder.download_and_prepare(download_dir=downloads)
    except OSError as error:
        raise DataError(f"cannot write prepared data to {place}: {error}") from error
    return builder


def _informed(builder: PersonBuilder) -> PersonBuilder:
    """A builder that may be older than its data, which another one has written."""
    if not builder.info.splits:
        builder.info.read_from_directory(builder.data_path)
    return builder


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, where the file system has locks."""
    with path.open("w") as file:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
