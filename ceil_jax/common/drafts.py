"""Files that other libraries write: there whole or not at all."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A place beside a file, which takes the file's place once it is written.

    Args:
        path: The file.

    Yields:
        Where to write; the name ends as the file's does.

    Raises:
        OSError: It cannot be written; names the file, and nothing is left of the draft.
    """
    draft = path.with_name(f"incomplete.{path.name}")
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
