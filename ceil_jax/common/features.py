"""Checks of rows of features, and how they come to be of length 1."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from ceil_jax.common import checks

Normalise: TypeAlias = bool | None
"""What is done about the lengths of rows: None refuses those that are not of length 1,
True normalises them, False takes them as they are."""

TOLERANCE = 1e-2
"""Rows may be off length 1 by so much: what half precision and rounding do to them."""
BLOCK_NUMBERS = 1 << 22
"""Numbers that are checked or normalised at once: no second copy is made of all."""


def rows(
    name: str, value: Any, *, normalise: Normalise, dtype: DTypeLike = np.float32
) -> np.ndarray:
    """Check a matrix of features and bring it to the host.

    Args:
        name: What the caller knows the matrix by.
        value: (n, d) numbers.
        normalise: What is done about the lengths of the rows.
        dtype: The type to bring them to.

    Returns:
        (n, d) of that type, C-contiguous; a copy only where it has to be.

    Raises:
        ValueError: It is not a matrix of real numbers, it is empty, it holds NaN or
            infinity, or the lengths of its rows are not as they have to be.
    """
    check_normalise(normalise)
    given, dtype = _matrix(name, value), np.dtype(dtype)
    fits = given.dtype == dtype and given.flags.c_contiguous
    result = given if fits and not normalise else np.empty(given.shape, dtype)
    _fill(result, name, given, normalise)
    return result


def pair(
    query: Any,
    gallery: Any,
    *,
    normalise: Normalise,
    names: tuple[str, str] = ("query", "gallery"),
) -> tuple[np.ndarray, int, int]:
    """Check the features of query and gallery and stack them.

    Args:
        query: (Q, d) numbers.
        gallery: (G, d) numbers.
        normalise: What is done about the lengths of the rows.
        names: What the caller knows the two by.

    Returns:
        (Q + G, d) float32, the queries first, then Q and G.

    Raises:
        ValueError: One of them is not usable, or their widths differ.
    """
    check_normalise(normalise)
    first, second = _matrix(names[0], query), _matrix(names[1], gallery)
    same_width(names[0], first, names[1], second)
    num_queries, num_gallery = len(first), len(second)
    result = np.empty((num_queries + num_gallery, first.shape[1]), np.float32)
    _fill(result[:num_queries], names[0], first, normalise)
    _fill(result[num_queries:], names[1], second, normalise)
    return result, num_queries, num_gallery


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


def directions(name: str, value: Any) -> np.ndarray:
    """Check a matrix of which only the directions of the rows matter.

    Args:
        name: What the caller knows the matrix by.
        value: (n, d) numbers of any size.

    Returns:
        (n, d) float32 rows of length 1; rows of zeros stay.

    Raises:
        ValueError: It is not a matrix of real numbers, is empty, or holds NaN or
            infinity.
    """
    given = _matrix(name, value)
    result = np.empty(given.shape, np.float32)
    for part in _parts(given):
        result[part] = _unit(_wide(name, given, part), result.dtype)[0]
    return result


def check_normalise(normalise: Any) -> None:
    """Check the argument that says what is done about the lengths of rows.

    Args:
        normalise: The argument.

    Raises:
        ValueError: It is none of the three values.
    """
    if normalise is not None and not isinstance(normalise, bool | np.bool_):
        shown = checks.shown(normalise)
        raise ValueError(f"normalise={shown} must be None, True or False")


def longest(dtype: np.dtype) -> float:
    """Length of the longest rows whose products a type holds.

    Args:
        dtype: A floating-point type.

    Returns:
        The length, with some room for what is made of the products.
    """
    return float(np.sqrt(np.finfo(dtype).max)) / 2


def _matrix(name: str, value: Any) -> np.ndarray:
    found = checks.array(name, value)
    if found.dtype == object or found.ndim != 2:
        checks.real(name, found)
        raise ValueError(f"{name}.shape={found.shape} must be (rows, features)")
    if 0 in found.shape:
        raise ValueError(f"{name}.shape={found.shape} must hold at least one number")
    checks.real(name, found)
    return found


def _parts(given: np.ndarray) -> list[slice]:
    step = max(1, BLOCK_NUMBERS // given.shape[1])
    starts = range(0, len(given), step)
    return [slice(start, min(start + step, len(given))) for start in starts]


def _fill(
    result: np.ndarray, name: str, given: np.ndarray, normalise: Normalise
) -> None:
    """Write checked rows into their place, some at a time."""
    for part in _parts(given):
        if normalise:
            result[part], lengths = _unit(_wide(name, given, part), result.dtype)
            _refuse_zeros(name, part.start, lengths == 0)
            continue
        if result is not given:
            with np.errstate(over="ignore"):
                result[part] = given[part]
        _check_lengths(name, part.start, result[part], normalise)


def _wide(name: str, given: np.ndarray, part: slice) -> np.ndarray:
    """Some rows in a type that holds them, finite."""
    block = given[part]
    if block.dtype != np.float32:
        block = block.astype(np.float64)
    _refuse_infinite(name, part.start, block)
    return block


def _unit(block: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Rows of length 1, those of zeros as they are, and the lengths of scaled rows."""
    # By a power of two first, which rounds nothing: no square is then too large or
    # too small.
    exponents = np.frexp(np.abs(block).max(axis=1))[1]
    scaled = np.ldexp(block, -exponents[:, None]).astype(dtype, copy=False)
    lengths = np.linalg.norm(scaled, axis=1)
    return scaled / np.where(lengths > 0, lengths, 1)[:, None], lengths


def _check_lengths(
    name: str, start: int, block: np.ndarray, normalise: Normalise
) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.sqrt(np.einsum("nd,nd->n", block, block))
    if not np.isfinite(lengths).all():
        _refuse_infinite(name, start, block)
    if normalise is None:
        off = np.flatnonzero(~(np.abs(lengths - 1) <= TOLERANCE))
        if off.size:
            _refuse_zeros(name, start, np.logical_not(block.any(axis=1)))
            length = _length(block[off[0]])
            raise ValueError(
                f"{name}[{start + off[0]}] has length {length:.4g}, must be of length "
                f"1: normalise=True normalises the rows, normalise=False takes them "
                "as they are"
            )
        return
    limit = longest(block.dtype)
    long = np.flatnonzero(~(lengths <= limit))
    if long.size:
        raise ValueError(
            f"{name}[{start + long[0]}] has length {_length(block[long[0]]):.4g}, must "
            f"be at most {limit:.2g}: products of longer rows overflow {block.dtype}"
        )


def _length(row: np.ndarray) -> float:
    largest = float(np.abs(row).max())
    return largest * float(np.linalg.norm(row.astype(np.float64) / largest))


def _refuse_zeros(name: str, start: int, is_zero: np.ndarray) -> None:
    if is_zero.any():
        row = start + int(is_zero.argmax())
        raise ValueError(
            f"{name}[{row}] must not be all zeros: it has no direction "
            "(normalise=False takes it as it is)"
        )


def _refuse_infinite(name: str, start: int, block: np.ndarray) -> None:
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        row = start + int(finite.argmin())
        raise ValueError(
            f"{name}[{row}] must be finite in {block.dtype}, not NaN or infinite"
        )
