"""The rooms of `ceil_jax`, their floors, and who imports whom.

    python -m tests.repo.structure

A room is a file or a folder directly in `ceil_jax`; `main` and `__main__` are one.
"""

from collections.abc import Mapping

from tests.repo import source

DOORS = {"__main__": "main"}  # one room with two doors


def room(module: str) -> str:
    """The room that a module of `ceil_jax` belongs to; "" for the package itself."""
    name = [*module.split("."), ""][1]
    return DOORS.get(name, name)


def rooms() -> list[str]:
    """Every room, in alphabetical order."""
    paths = [*(source.ROOT / "ceil_jax").iterdir()]
    names = {
        p.stem for p in paths if p.suffix == ".py" or (p / "__init__.py").is_file()
    }
    return sorted({room(f"ceil_jax.{name}") for name in names - {"__init__"}})


def arrows() -> set[tuple[str, str]]:
    """Pairs of rooms of which the first imports from the second."""
    return {
        (room(source.module_name(path)), room(name))
        for path in source.files("ceil_jax")
        for name in source.imports(path)
        if name.startswith("ceil_jax.")
        if room(source.module_name(path)) not in ("", room(name))
    }


def floors(names: list[str], pairs: set[tuple[str, str]]) -> Mapping[str, int]:
    """The floor of each room, one above the highest that it imports from."""
    found: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in found:
            found[name] = 0  # a circle ends here; test_layers refuses it
            found[name] = 1 + max(
                (floor(below) for above, below in pairs if above == name), default=0
            )
        return found[name]

    for name in names:
        floor(name)
    return found


def main() -> None:
    """Print the picture."""
    names, pairs = rooms(), arrows()
    by_room = floors(names, pairs)
    print(f"{len(names)} rooms, {max(by_room.values())} floors, {len(pairs)} arrows\n")
    for number in range(max(by_room.values()), 0, -1):
        for name in (n for n in names if by_room[n] == number):
            below = sorted(b for a, b in pairs if a == name)
            print(f"{number}  {name:<12} {' '.join(below)}".rstrip())


if __name__ == "__main__":
    main()
