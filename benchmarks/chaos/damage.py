"""Ways in which a file is damaged: by a disk, a crash or a person."""

import random
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path, random.Random], None]


def flip(path: Path, rng: random.Random) -> None:
    """Turn one bit around.

    Args:
        path: The file; an empty one gets a byte.
        rng: Chooses the bit.
    """
    content = bytearray(path.read_bytes() or b"\0")
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def flip_highest(path: Path, rng: random.Random) -> None:
    """Turn the highest bit of a byte around: plain text is no text any more.

    Another bit may make a digit of a digit, which no reader can tell.

    Args:
        path: A file of ASCII.
        rng: Chooses the byte.
    """
    content = bytearray(path.read_bytes() or b"\0")
    content[rng.randrange(len(content))] ^= 0x80
    path.write_bytes(content)


def cut(path: Path, rng: random.Random) -> None:
    """Lose the end.

    Args:
        path: The file.
        rng: Chooses how much is left.
    """
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))] if content else b"")


def empty(path: Path, rng: random.Random) -> None:
    """Lose all content.

    Args:
        path: The file.
        rng: Not used.
    """
    del rng
    path.write_bytes(b"")


def remove(path: Path, rng: random.Random) -> None:
    """Lose the file.

    Args:
        path: The file.
        rng: Not used.
    """
    del rng
    path.unlink()


def scramble(path: Path, rng: random.Random) -> None:
    """Put random bytes in the place of its own.

    Args:
        path: The file.
        rng: Draws them.
    """
    path.write_bytes(rng.randbytes(max(path.stat().st_size, 16)))


DAMAGES: dict[str, Damage] = {
    "bit flip": flip,
    "cut short": cut,
    "empty": empty,
    "missing": remove,
    "random bytes": scramble,
}


def files_of(folder: Path) -> list[Path]:
    """All files below a folder, in order.

    Args:
        folder: The folder.

    Returns:
        Their paths relative to it.
    """
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
