"""Objects that other installed packages add, by entry points."""

from importlib import metadata
from typing import Any


def names(group: str) -> set[str]:
    """Names that installed packages have in a group; nothing of them is imported.

    Args:
        group: Of entry points, e.g. "ceil_jax.datasets".

    Returns:
        The names.
    """
    return {point.name for point in metadata.entry_points(group=group)}


def load(group: str, name: str) -> Any:
    """Import what an installed package gives a name to.

    Args:
        group: Of entry points, e.g. "ceil_jax.datasets".
        name: One of `names(group)`.

    Returns:
        The object.

    Raises:
        ValueError: No package has the name, two packages have it, or its object cannot
            be imported.
    """
    points = sorted(metadata.entry_points(group=group, name=name), key=_place)
    if not points:
        raise ValueError(f"no installed package has {name!r} in {group}")
    if len({point.value for point in points}) > 1:
        places = " and ".join(_place(point) for point in points)
        raise ValueError(f"{name!r} is in {group} twice: {places}; remove one of them")
    try:
        return points[0].load()
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"{name!r} of {group}, {_place(points[0])}, cannot be imported: {error}"
        ) from error


def _place(point: metadata.EntryPoint) -> str:
    package = point.dist.name if point.dist else "an unknown package"
    return f"{point.value} of {package}"
