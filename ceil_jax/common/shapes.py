"""Checks of what JAX knows while it traces: shapes and types, never values.

For the pure functions of `losses` and `memory`. `checks` is for functions of the host.
"""

from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

AnyArray: TypeAlias = Array | np.ndarray
"""NumPy and JAX arrays are accepted alike."""


def matrix(
    name: str, value: Float[AnyArray, "n d"], *, width: int | None = None
) -> Float[Array, "n d"]:
    """Check a matrix of numbers.

    Args:
        name: What the caller knows the matrix by.
        value: The matrix; whole numbers become float32.
        width: Columns that it must have, None for any number.

    Returns:
        The matrix for JAX.

    Raises:
        ValueError: It is no matrix of real numbers, is empty, or has another width.
    """
    array = _real(name, value)
    wanted = "d" if width is None else width
    if array.ndim != 2 or width not in (None, array.shape[1]):
        raise ValueError(f"{name}.shape={array.shape} must be (n, {wanted})")
    if 0 in array.shape:
        raise ValueError(f"{name}.shape={array.shape} must hold at least one number")
    return array


def same(
    name: str,
    value: Float[AnyArray, "n d"],
    other_name: str,
    other: Float[AnyArray, "n d"],
) -> Float[Array, "n d"]:
    """Check that an array has the shape of another.

    Args:
        name: What the caller knows the array by.
        value: The array; whole numbers become float32.
        other_name: Name of the other array.
        other: The other array.

    Returns:
        The array for JAX.

    Raises:
        ValueError: The shapes differ, or it holds no real numbers.
    """
    array = _real(name, value)
    if array.shape != other.shape:
        raise ValueError(
            f"{name}.shape={array.shape} must equal {other_name}.shape={other.shape}"
        )
    return array


def whole(
    name: str, value: Int[AnyArray, "..."] | int, shape: tuple[int | None, ...]
) -> Int[Array, "..."]:
    """Check an array of whole numbers, such as labels.

    Args:
        name: What the caller knows the array by.
        value: The array.
        shape: Its shape; None stands for any size but 0.

    Returns:
        The array for JAX.

    Raises:
        ValueError: The shape is another one, or the type is no integer type.
    """
    found = np.shape(value)
    fits = len(found) == len(shape) and all(
        have == want or (want is None and have > 0)
        for have, want in zip(found, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("n" if size is None else str(size) for size in shape)
        comma = "," if len(shape) == 1 else ""
        raise ValueError(f"{name}.shape={found} must be ({wanted}{comma})")
    dtype = _dtype(value)
    if not jnp.issubdtype(dtype, jnp.integer):
        raise ValueError(f"{name}.dtype={dtype} must be an integer type")
    return jnp.asarray(value)


def _dtype(value: AnyArray | int) -> Any:
    # As given: JAX alone would call float64 float32, and refuse text without a name.
    return np.asarray(value).dtype if isinstance(value, int | list) else value.dtype


def _real(name: str, value: Float[AnyArray, "..."]) -> Float[Array, "..."]:
    dtype = _dtype(value)
    if jnp.issubdtype(dtype, jnp.integer):
        return jnp.asarray(value).astype(jnp.float32)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise ValueError(f"{name}.dtype={dtype} must be a floating-point type")
    return jnp.asarray(value)
