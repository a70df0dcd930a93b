"""Files of an export, whole or not at all."""

from collections.abc import Mapping
from pathlib import Path

from ceil_jax.common.files import whole
from ceil_jax.common.saving import reserve


def write(contents: Mapping[Path, bytes]) -> tuple[Path, ...]:
    """Write files, after it is found out that there is room for all of them.

    Args:
        contents: Bytes by file, in the order in which they are written; their folders
            exist.

    Returns:
        The files.

    Raises:
        OSError: They cannot be written; the file that could not is as it was.
    """
    for folder in {path.parent for path in contents}:
        reserve(folder, sum(len(c) for p, c in contents.items() if p.parent == folder))
    for path, content in contents.items():
        with whole(path) as file:
            file.write(content)
    return tuple(contents)
