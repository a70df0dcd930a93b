"""Checks of arguments that the re-rankers, the clustering and the matching share."""

import contextlib
import operator
from typing import TypeAlias

import jax
import numpy as np
from numpy.typing import DTypeLike

Rows: TypeAlias = np.ndarray | jax.Array
"""NumPy and JAX arrays are accepted alike."""


def rows(name: str, value: Rows, *, dtype: DTypeLike = np.float32) -> np.ndarray:
    """Check a matrix of features and bring it to the host.

    Args:
        name: What the caller knows the matrix by.
        value: (n, d) numbers.
        dtype: The type to bring them to.

    Returns:
        (n, d) of that type, C-contiguous; a copy only where it has to be.

    Raises:
        ValueError: It is not a matrix of real numbers, it is empty, or it holds NaN or
            infinity.
    """
    array = np.asarray(value)
    if array.ndim != 2:
        raise ValueError(f"{name}.shape={array.shape} must be (rows, features)")
    if 0 in array.shape:
        raise ValueError(f"{name}.shape={array.shape} must hold at least one number")
    real(name, array)
    array = np.ascontiguousarray(array, dtype=dtype)
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        bad = int(np.argmin(finite))
        raise ValueError(f"{name}[{bad}] must be finite, not NaN or infinite")
    return array


def real(name: str, array: np.ndarray) -> None:
    """Check that an array holds real numbers, truth values among them.

    Args:
        name: What the caller knows the array by.
        array: Any shape.

    Raises:
        ValueError: It holds something else.
    """
    kinds = (np.floating, np.integer, np.bool_)
    # JAX knows that bfloat16 is one of them.
    if not any(jax.numpy.issubdtype(array.dtype, kind) for kind in kinds):
        raise ValueError(f"{name}.dtype={array.dtype} must be a type of real numbers")


def pair(name_a: str, a: Rows, name_b: str, b: Rows) -> np.ndarray:
    """Check two matrices of features that belong together and stack them.

    Args:
        name_a: Name of the first matrix.
        a: (n, d) numbers.
        name_b: Name of the second matrix.
        b: (m, d) numbers.

    Returns:
        (n + m, d) float32, the rows of `a` first.

    Raises:
        ValueError: One of them is not usable, or their widths differ.
    """
    first, second = rows(name_a, a), rows(name_b, b)
    same_width(name_a, first, name_b, second)
    return np.concatenate([first, second])


def same_width(name_a: str, a: np.ndarray, name_b: str, b: np.ndarray) -> None:
    """Check that two matrices have as many columns.

    Args:
        name_a: Name of the first matrix.
        a: (n, d).
        name_b: Name of the second matrix.
        b: (m, d).

    Raises:
        ValueError: Their widths differ.
    """
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{name_b}.shape={b.shape} must be as wide as {name_a}.shape={a.shape}"
        )


def labels(name: str, value: Rows, length: int) -> np.ndarray:
    """Check one whole number for each row, such as its camera.

    Args:
        name: What the caller knows the array by.
        value: (length,) whole numbers.
        length: Number of rows that they describe.

    Returns:
        (length,) int64.

    Raises:
        ValueError: The shape is another one or the numbers are not whole.
    """
    array = np.asarray(value)
    if array.shape != (length,):
        raise ValueError(f"{name}.shape={array.shape} must be ({length},)")
    if not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name}.dtype={array.dtype} must be an integer type")
    return array.astype(np.int64)


def camera_pair(
    query_cameras: Rows | None,
    gallery_cameras: Rows | None,
    num_queries: int,
    num_gallery: int,
) -> np.ndarray | None:
    """Check the cameras of query and gallery and stack them.

    Args:
        query_cameras: (num_queries,) whole numbers, or None.
        gallery_cameras: (num_gallery,) whole numbers, or None.
        num_queries: Number of query rows.
        num_gallery: Number of gallery rows.

    Returns:
        (num_queries + num_gallery,) int64, or None where no cameras are given.

    Raises:
        ValueError: Only one of the two is given, or a length is wrong.
    """
    if query_cameras is None and gallery_cameras is None:
        return None
    if query_cameras is None or gallery_cameras is None:
        missing = "query_cameras" if query_cameras is None else "gallery_cameras"
        raise ValueError(f"{missing}=None: give the cameras of both sides or of none")
    return np.concatenate(
        [
            labels("query_cameras", query_cameras, num_queries),
            labels("gallery_cameras", gallery_cameras, num_gallery),
        ]
    )


def at_least(minimum: int, **values: int) -> None:
    """Check that numbers are whole and large enough.

    Args:
        minimum: Smallest number allowed.
        **values: The numbers by the name of the argument.

    Raises:
        ValueError: One of them is not whole or is smaller than `minimum`.
    """
    for name, value in values.items():
        whole = None
        with contextlib.suppress(TypeError):
            whole = operator.index(value)
        if whole is None or isinstance(value, bool):
            raise ValueError(f"{name}={value!r} must be a whole number")
        if whole < minimum:
            raise ValueError(f"{name}={value} must be at least {minimum}")
