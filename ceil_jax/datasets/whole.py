"""Whether prepared data are whole, and what is said of those that are not."""

from pathlib import Path

from ceil_jax.common import manifest
from ceil_jax.common.errors import DataError

_RECORDS = ".array_record"  # in the name of every file of images


def fault(folder: Path, source: str) -> str | None:
    """Why a folder does not hold the prepared data that it should.

    Large files of images are not hashed: images are compared as they are read.

    Args:
        folder: Where the data should lie.
        source: What they should be prepared from, and how.

    Returns:
        A phrase, None where the data are whole.
    """
    return manifest.fault(folder, source, unhashed=_RECORDS)


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
        (folder / manifest.FILE_NAME).unlink(missing_ok=True)
    except OSError:
        then = "delete that folder, and the same command prepares them anew"
    return DataError(f"prepared data in {folder} are damaged ({what}): {then}")
