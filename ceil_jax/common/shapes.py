"""Checks of what JAX knows while it traces: shapes and types.

For the pure functions of `losses` and `memory`. Values are looked at only where they
are known: under `jit` they are taken as they are. `checks` is for functions of the
host.
"""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from ceil_jax.common import checks

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
    name: str,
    value: Int[AnyArray, "..."] | int,
    shape: tuple[int | None, ...],
    *,
    bounds: tuple[int, int] | None = None,
) -> Int[Array, "..."]:
    """Check an array of whole numbers, such as labels.

    Args:
        name: What the caller knows the array by.
        value: The array.
        shape: Its shape; None stands for any size but 0.
        bounds: Smallest and largest number allowed, where the numbers are known.

    Returns:
        The array for JAX.

    Raises:
        ValueError: The shape is another one, the type is no integer type, or a number
            is out of bounds.
    """
    array = _known(name, value)
    found = array.shape
    fits = len(found) == len(shape) and all(
        have == want or (want is None and have > 0)
        for have, want in zip(found, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("n" if size is None else str(size) for size in shape)
        comma = "," if len(shape) == 1 else ""
        raise ValueError(f"{name}.shape={found} must be ({wanted}{comma})")
    if not checks.is_a(array.dtype, np.integer):
        raise ValueError(f"{name}.dtype={array.dtype} must be an integer type")
    if bounds is not None and not _is_traced(array):
        _refuse_outside(name, np.asarray(array), *bounds)
    return jnp.asarray(array)


def _known(name: str, value: Any) -> jax.Array | np.ndarray:
    # As given: JAX alone would call float64 float32, and refuse text without a name.
    return value if isinstance(value, jax.Array) else checks.array(name, value)


def _is_traced(array: jax.Array | np.ndarray) -> bool:
    """Whether the numbers are not known here."""
    if isinstance(array, Tracer):
        return True
    return isinstance(array, jax.Array) and not array.is_fully_addressable


def _refuse_outside(name: str, array: np.ndarray, low: int, high: int) -> None:
    is_bad = (array < low) | (array > high)
    if is_bad.any():
        place = tuple(int(i) for i in np.argwhere(is_bad)[0])
        at = f"[{', '.join(map(str, place))}]" if place else ""
        raise ValueError(f"{name}{at}={array[place]} must be in [{low}, {high}]")


def _real(name: str, value: Float[AnyArray, "..."]) -> Float[Array, "..."]:
    array = _known(name, value)
    if checks.is_a(array.dtype, np.integer):
        return jnp.asarray(array).astype(jnp.float32)
    if not checks.is_a(array.dtype, np.floating):
        raise ValueError(f"{name}.dtype={array.dtype} must be a floating-point type")
    return jnp.asarray(array)


def check_same_shapes(got: Any, want: Any) -> None:
    """Refuse a tree of arrays that is not of the expected structure and shapes.

    Args:
        got: The tree at hand.
        want: A tree with the right names and shapes.

    Raises:
        ValueError: Names the first entry that is missing, unknown or misshapen.
    """
    shapes = [
        {
            jax.tree_util.keystr(path, simple=True, separator="/"): tuple(leaf.shape)
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        }
        for tree in (got, want)
    ]
    for name, shape in shapes[1].items():
        if name not in shapes[0]:
            raise ValueError(f"weights lack {name} of shape {shape}")
        if shapes[0][name] != shape:
            raise ValueError(
                f"weights have {name} of shape {shapes[0][name]}, not {shape}"
            )
    unknown = sorted(shapes[0].keys() - shapes[1].keys())
    if unknown:
        raise ValueError(f"weights have {unknown[0]}, which the encoder has not")
