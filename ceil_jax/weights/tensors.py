"""Tensors as PyTorch's files describe them: views of storages, read when asked for."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

# PyTorch's names of the types of storages.
DTYPES = {
    "torch.HalfStorage": np.dtype(np.float16),
    "torch.BFloat16Storage": np.dtype(jnp.bfloat16),
    "torch.FloatStorage": np.dtype(np.float32),
    "torch.DoubleStorage": np.dtype(np.float64),
    "torch.BoolStorage": np.dtype(np.bool_),
    "torch.ByteStorage": np.dtype(np.uint8),
    "torch.CharStorage": np.dtype(np.int8),
    "torch.ShortStorage": np.dtype(np.int16),
    "torch.IntStorage": np.dtype(np.int32),
    "torch.LongStorage": np.dtype(np.int64),
    "torch.ComplexFloatStorage": np.dtype(np.complex64),
    "torch.ComplexDoubleStorage": np.dtype(np.complex128),
    "torch.storage.UntypedStorage": np.dtype(np.uint8),
}


class Storage(NamedTuple):
    """A run of numbers in a file.

    Attributes:
        key: The file's name of it.
        dtype: Type of a number.
        size: How many.
        read: Returns them, (size,), or raises ValueError.
    """

    key: str
    dtype: np.dtype
    size: int
    read: Callable[["Storage"], np.ndarray]


class Tensor:
    """A view of a storage; NumPy reads it (`np.asarray`) and it checks itself then.

    Attributes:
        shape: Entries along each axis.
    """

    def __init__(
        self,
        storage: Storage,
        offset: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
    ) -> None:
        """Describe a view; nothing is read.

        Args:
            storage: Where the numbers are.
            offset: Index of the first.
            shape: Entries along each axis.
            strides: Steps in the storage along each axis, in numbers.

        Raises:
            ValueError: The four are not of these types.
        """
        axes_agree = len(shape) == len(strides) <= 8
        if not axes_agree or not all(is_count(n) for n in (offset, *shape, *strides)):
            raise ValueError("no tensor has such a shape, strides and offset")
        self.shape = shape
        self._storage = storage
        self._offset = offset
        self._strides = strides

    def __array__(
        self, dtype: Any = None, copy: bool | None = None
    ) -> np.ndarray[Any, Any]:
        """The numbers, or ValueError where the storage does not hold them."""
        del copy  # always a copy
        last = self._offset + sum(
            (n - 1) * step for n, step in zip(self.shape, self._strides, strict=True)
        )
        size, count = self._storage.size, math.prod(self.shape)
        # More entries than numbers would be one number repeated: never a parameter,
        # and a way to fill the memory from a small file.
        if count and (last >= size or count > size):
            raise ValueError(
                f"its shape {self.shape} does not fit its storage of {size} numbers"
            )
        if not count:
            return np.zeros(self.shape, dtype or self._storage.dtype)
        numbers = self._storage.read(self._storage)[self._offset :]
        steps = [step * numbers.itemsize for step in self._strides]
        view = np.lib.stride_tricks.as_strided(numbers, self.shape, steps)
        return np.array(view, dtype=dtype)


def _read_nothing(storage: Storage) -> np.ndarray:
    raise ValueError(f"its storage {storage.key!r} is not read")


_NOWHERE = Storage("", np.dtype(np.uint8), 0, _read_nothing)


class Unreadable(Tensor):
    """A tensor of a type that weights are not read from."""

    def __init__(self, shape: tuple[int, ...], kind: str) -> None:
        """Describe it.

        Args:
            shape: Entries along each axis.
            kind: PyTorch's name of the type.
        """
        super().__init__(_NOWHERE, 0, shape, (0,) * len(shape))
        self._kind = kind

    def __array__(
        self, dtype: Any = None, copy: bool | None = None
    ) -> np.ndarray[Any, Any]:
        """Name the type in an error."""
        del dtype, copy
        raise ValueError(unreadable(self._kind))


def unreadable(kind: str) -> str:
    """What is said of a tensor of another type.

    Args:
        kind: The file's name of the type.
    """
    return (
        f"is of the type {kind}, which weights are not read from: save it as float32, "
        "float16 or bfloat16"
    )


def is_count(value: Any) -> bool:
    """Whether a value is a plausible number of things: an int from 0, not a bool.

    Args:
        value: Any value.

    Returns:
        Whether it is.
    """
    return type(value) is int and 0 <= value < 2**48


def decode(content: bytes, storage: Storage, byte_order: str) -> np.ndarray:
    """Numbers from their bytes.

    Args:
        content: The bytes in the file.
        storage: What they are.
        byte_order: "little" or "big".

    Returns:
        (size,) numbers in this machine's byte order.

    Raises:
        ValueError: There are too many or too few bytes.
    """
    dtype = storage.dtype
    if len(content) != storage.size * dtype.itemsize:
        raise ValueError(
            f"its storage {storage.key!r} holds {len(content)} bytes, "
            f"not {storage.size} x {dtype.itemsize}"
        )
    if dtype.kind == "c":
        raise ValueError(f"its storage {storage.key!r} holds complex numbers")
    # Through integers of the same width: bfloat16 has no byte order of its own.
    order = "<" if byte_order == "little" else ">"
    integers = np.frombuffer(content, np.dtype(f"{order}u{dtype.itemsize}"))
    return integers.astype(integers.dtype.newbyteorder("="), copy=False).view(dtype)
