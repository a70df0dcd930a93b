"""Programs that earlier test runs compiled, so that a second run starts at once.

They lie in `.pytest_cache/compiled`, which `make clean` removes. A test run works on
links to them in a folder of its own, and adds what is new, and whole, at its end.
"""

import os
import shutil
import zlib
from pathlib import Path

from tests.repo import source

STORE = source.ROOT / ".pytest_cache" / "compiled"
ENDING = "-cache"
"""Of JAX's files; others say when each was used."""
MOST_BYTES = 1 << 30


def folder_in(base: Path) -> Path:
    """Where the workers of a test run keep programs.

    Args:
        base: The folder of temporary files that they have in common.
    """
    return base / "shared" / "compiled"


def link(folder: Path, store: Path = STORE) -> None:
    """Begin with the programs of earlier runs.

    Args:
        folder: Of this run; another worker may do the same beside this one.
        store: Of all runs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in store.glob(f"*{ENDING}"):
        place = folder / path.name
        if not place.is_symlink():
            try:
                place.symlink_to(path)
            except FileExistsError:
                continue


def keep(folder: Path, store: Path = STORE) -> None:
    """Add what this run compiled; what a killed program left half-written is not kept.

    Args:
        folder: Of this run.
        store: Of all runs; emptied where it has grown too large.
    """
    if sum(path.stat().st_size for path in store.glob("*")) > MOST_BYTES:
        shutil.rmtree(store)
    store.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"*{ENDING}"):
        if path.is_symlink() or not is_whole(path.read_bytes()):
            continue
        beside = store / f"{path.name}.{os.getpid()}"
        shutil.copyfile(path, beside)
        beside.replace(store / path.name)


def is_whole(content: bytes) -> bool:
    """Whether a file of JAX's cache is whole: it is packed, by zlib.

    Args:
        content: Of the file.
    """
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(content)
    except zlib.error:
        return False
    return unpacking.eof
