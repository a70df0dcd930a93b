"""PyTorch's files, read as data: the zip archive of today and the older row of pickles.

Both hold one pickle that describes the tensors, and their numbers beside it. A zip is
what `torch.save` writes since 1.6 and what TorchScript writes (OpenAI's `RN50.pt`).
"""

import contextlib
import errno
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ceil_jax.weights import pickled
from ceil_jax.weights.names import Name
from ceil_jax.weights.tensors import DTYPES, Storage, decode, is_count

ZIP_MAGIC = b"PK\x03\x04"
PICKLE_MAGIC = b"\x80"  # the opcode PROTO
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
)
RESAVE = "load it in PyTorch 1.6 or newer and torch.save its state_dict again"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """What a file of PyTorch describes; its tensors can be read while it is open.

    Args:
        path: A file that starts with `ZIP_MAGIC` or `PICKLE_MAGIC`.

    Yields:
        The root, as `pickled.read` gives it.

    Raises:
        ValueError: It is damaged, is something else, or refers to what weights do not
            need. Reading its tensors raises the same.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(ZIP_MAGIC)) == ZIP_MAGIC:
                with zipfile.ZipFile(file) as archive:
                    yield _ZipReader(archive).root()
            else:
                yield _LegacyReader(file).root()
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # A directory that points before the start of the file.
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ValueError:
    size = path.stat().st_size
    return ValueError(
        f"cut short or damaged ({size} bytes; {error}): download it again"
    )


def _make_storage(persistent_id: Any, read: Callable[[Storage], np.ndarray]) -> Storage:
    """The storage of an id ("storage", type, key, device, size[, view])."""
    if not isinstance(persistent_id, tuple) or len(persistent_id) not in (5, 6):
        raise ValueError("a storage of no known form")
    tag, kind, key, _, size, *view = persistent_id
    is_storage = tag == "storage" and isinstance(kind, Name) and kind.text in DTYPES
    if not is_storage or not isinstance(key, str) or not is_count(size):
        raise ValueError("a storage of no known form")
    if view and view[0] is not None:
        raise ValueError(f"a storage that is part of another: {RESAVE}")
    return Storage(key, DTYPES[kind.text], size, read)


class _ZipReader:
    """The archive of today: `NAME/data.pkl` beside `NAME/data/0`, `NAME/data/1`, ..."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        pickles = [n for n in archive.namelist() if n.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1:
            raise ValueError(
                "a zip archive, but not PyTorch's: it holds "
                f"{len(pickles)} data.pkl among {archive.namelist()[:3]}"
            )
        self._archive = archive
        self._folder = pickles[0].removesuffix("data.pkl")
        self._byte_order = "little"
        self._last: tuple[Storage, np.ndarray] | None = None

    def root(self) -> Any:
        """What the archive describes."""
        if f"{self._folder}byteorder" in self._archive.namelist():
            order = self._content("byteorder", pickled.MAX_BYTES).decode("latin-1")
            self._byte_order = order.strip()
            if self._byte_order not in ("little", "big"):
                raise ValueError(f"of an unknown byte order {order[:20]!r}")
        stream = BytesIO(self._content("data.pkl", pickled.MAX_BYTES))
        return pickled.read(stream, lambda key: _make_storage(key, self._read))

    def _content(self, name: str, limit: int) -> bytes:
        try:
            entry = self._archive.getinfo(self._folder + name)
        except KeyError:
            raise ValueError(f"its part {name!r} is missing") from None
        if entry.flag_bits & 1:
            raise ValueError(f"its part {name!r} is encrypted")
        if name.startswith("data/") and entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"its part {name!r} is compressed, as PyTorch never does")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"its part {name!r} is compressed in an unusual way")
        if entry.file_size > limit:
            raise ValueError(
                f"its part {name!r} has {entry.file_size} bytes, more than {limit}"
            )
        return self._archive.read(entry)

    def _read(self, storage: Storage) -> np.ndarray:
        if self._last is None or self._last[0] != storage:
            num_bytes = storage.size * storage.dtype.itemsize
            content = self._content(f"data/{storage.key}", num_bytes)
            self._last = storage, decode(content, storage, self._byte_order)
        return self._last[1]


class _LegacyReader:
    """What `torch.save` wrote before 1.6: five pickles, then the storages in a row."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._num_bytes = file.seek(0, 2)
        self._storages: dict[str, Storage] = {}
        self._offsets: dict[str, int] = {}
        self._byte_order = "little"

    def root(self) -> Any:
        """What the file describes."""
        self._file.seek(0)
        stream = BytesIO(self._file.read(pickled.MAX_BYTES))
        if pickled.read(stream, self._storage) != _LEGACY_MAGIC:
            raise ValueError("a pickle, but none that torch.save wrote")
        if pickled.read(stream, self._storage) != _LEGACY_PROTOCOL:
            raise ValueError(f"of an unknown version of torch.save: {RESAVE}")
        system = pickled.read(stream, self._storage)
        if not isinstance(system, dict) or not system.get("little_endian", True):
            self._byte_order = "big"
        root = pickled.read(stream, self._storage)
        keys = pickled.read(stream, self._storage)
        if not isinstance(keys, list):
            raise ValueError("its list of storages is none")
        position = stream.tell()
        for key in keys:
            if not isinstance(key, str) or key not in self._storages:
                raise ValueError("its list of storages names one that no tensor has")
            storage = self._storages[key]
            self._offsets[key] = position
            position += 8 + storage.size * storage.dtype.itemsize
        return root

    def _storage(self, persistent_id: Any) -> Storage:
        storage = _make_storage(persistent_id, self._read)
        if self._storages.setdefault(storage.key, storage)[:3] != storage[:3]:
            raise ValueError(f"two storages of the name {storage.key!r}")
        return storage

    def _read(self, storage: Storage) -> np.ndarray:
        position = self._offsets.get(storage.key)
        num_bytes = storage.size * storage.dtype.itemsize
        if position is None or position + 8 + num_bytes > self._num_bytes:
            raise ValueError(f"cut short: its storage {storage.key!r} is missing")
        self._file.seek(position)
        order = "little" if self._byte_order == "little" else "big"
        size = int.from_bytes(self._file.read(8), order)
        if size != storage.size:
            raise ValueError(
                f"its storage {storage.key!r} has {size} numbers, not {storage.size}"
            )
        return decode(self._file.read(num_bytes), storage, order)
