"""Files of weights, whatever program wrote them, to the variables of our encoder."""

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from ceil_jax.common.files import user_path
from ceil_jax.weights import archive, converted, naming, state_dict
from ceil_jax.weights.layout import translate
from ceil_jax.weights.openai import PUBLISHED
from ceil_jax.weights.tensors import unreadable

KINDS = ".pt, .pth and .safetensors files and folders that --mode convert made"


# Types of .safetensors that NumPy has, or that come with JAX.
_KINDS = {
    *("F64", "F32", "F16", "BF16", "BOOL"),
    *("I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64"),
}


class Found(NamedTuple):
    """The encoder of a file.

    Attributes:
        variables: `{"params": ..., "batch_stats": ...}`, float32.
        naming: Whose names its tensors had.
        place: Where in the file they stood, "" for the file itself.
        num_tensors: Tensors that were taken.
        num_others: Tensors beside them that were passed over.
        metadata: What a `.safetensors` file says of itself, text by key.
    """

    variables: dict[str, Any]
    naming: str
    place: str
    num_tensors: int
    num_others: int
    metadata: Mapping[str, str] = MappingProxyType({})


def load(path: str | Path) -> dict[str, Any]:
    """Variables of `Encoder` from a file of weights, which is read as plain data.

    PyTorch is not needed, and nothing that the file holds is run. What is read:
    `.pt`/`.pth` files of `torch.save` (state dicts, bare or in a checkpoint) and of
    TorchScript (OpenAI's `RN50.pt`), `.safetensors` files, and folders of `convert`.
    Names are OpenAI CLIP's, timm's or the released CEIL's; see `from_torch`.

    Args:
        path: The file or folder.

    Returns:
        `{"params": ..., "batch_stats": ...}`, float32; `architecture` tells its sizes.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is of another kind, damaged or hostile, or its tensors are
            not an encoder's: it names the file and the first tensor that is missing or
            misshapen.
    """
    return load_with_metadata(path)[0]


def load_with_metadata(path: str | Path) -> tuple[dict[str, Any], Mapping[str, str]]:
    """As `load`, with what the file says of itself.

    Args:
        path: The file or folder.

    Returns:
        The variables, and the metadata of a `.safetensors` file, text by key; empty for
        any other.

    Raises:
        FileNotFoundError: As `load`.
        ValueError: As `load`.
    """
    path = user_path(path)
    if path.is_dir():
        return converted.read(path), {}
    found = find(path)
    return found.variables, found.metadata


def find(path: Path) -> Found:
    """As `load`, with what was found.

    Args:
        path: A file.

    Returns:
        The encoder, and where it stood.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: As `load`.
    """
    if not path.is_file():
        where = f"; {PUBLISHED}" if path.name == "RN50.pt" else " or folder"
        raise FileNotFoundError(f"{path}: no such file{where}")
    with path.open("rb") as file:
        start = file.read(16)
    is_pytorch = start.startswith((archive.ZIP_MAGIC, archive.PICKLE_MAGIC))
    is_named = path.suffix.lower() == ".safetensors" and not is_pytorch
    try:
        if is_named or _is_safetensors(start, path.stat().st_size):
            return _from_safetensors(path)
        if is_pytorch:
            return _from_pytorch(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    raise ValueError(
        f"{path}: weights are read from {KINDS}; this {path.stat().st_size}-byte file "
        f"starts with {start!r}"
    )


def _from_pytorch(path: Path) -> Found:
    with archive.opened(path) as root:
        tensors, place = state_dict.find(root, lambda names: naming.choose(names)[2])
        count = sum(math.prod(tensor.shape) for tensor in tensors.values())
        if count > path.stat().st_size:
            raise ValueError(
                f"its tensors have {count} numbers, more than {path.stat().st_size} "
                "bytes can hold"
            )
        got = translate(tensors)
    return Found(*got[:2], place, got.num_tensors, len(tensors) - got.num_tensors)


def _is_safetensors(start: bytes, size: int) -> bool:
    """Whether a file starts as .safetensors do: a length, and JSON of that length."""
    length = int.from_bytes(start[:8], "little")
    return start[8:9] == b"{" and length + 8 <= size


class _Entry:
    """A tensor of a .safetensors file, read when asked for."""

    def __init__(self, file: Any, name: str) -> None:
        entry = file.get_slice(name)
        self.shape, self._kind = tuple(entry.get_shape()), str(entry.get_dtype())
        self._file, self._name = file, name

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        del copy
        if self._kind not in _KINDS:
            raise ValueError(unreadable(self._kind))
        array = self._file.get_tensor(self._name)
        return array if dtype is None else array.astype(dtype)


def _from_safetensors(path: Path) -> Found:
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: _Entry(file, name) for name in file.keys()}  # noqa: SIM118
            got = translate(tensors)
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"not a readable .safetensors file ({error})") from error
    num_others = len(tensors) - got.num_tensors
    return Found(*got[:2], "", got.num_tensors, num_others, metadata)
