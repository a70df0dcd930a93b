"""Packages as pip leaves them behind: modules and a folder that describes them."""

from collections.abc import Mapping
from pathlib import Path


def install(
    place: Path, name: str, entry_points: str, modules: Mapping[str, str]
) -> None:
    """Write a package into a folder of the import path.

    Args:
        place: The folder.
        name: Of the package.
        entry_points: Text of its `entry_points.txt`.
        modules: Text by file name.
    """
    described = place / f"{name}-1.0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    )
    (described / "entry_points.txt").write_text(entry_points)
    for file, text in modules.items():
        (place / file).write_text(text)
