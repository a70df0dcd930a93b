"""Checks of arguments: numbers, arrays and labels. `features` checks rows."""

import operator
import reprlib
from numbers import Real
from typing import Any, TypeAlias

import jax
import numpy as np

Rows: TypeAlias = np.ndarray | jax.Array
"""NumPy and JAX arrays are accepted alike."""

LABEL_KINDS = "an integer type or text"


def shown(value: Any) -> str:
    """A value on one short line, as messages have it.

    Args:
        value: Anything.

    Returns:
        Its shape where it is an array, else the head of its `repr`.
    """
    if getattr(value, "shape", ()) != ():
        return f"<array of shape {tuple(value.shape)}>"
    return " ".join(reprlib.repr(value).split())


def array(name: str, value: Any) -> np.ndarray:
    """Bring an array to the host.

    Args:
        name: What the caller knows the array by.
        value: A NumPy or JAX array, a list, or what else NumPy can read.

    Returns:
        The array as it is given, of any shape and type.

    Raises:
        ValueError: It is masked, ragged, traced, or wants a gradient.
    """
    parts = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(part, np.ma.MaskedArray) for part in parts):
        raise ValueError(
            f"{name} must not be a masked array: fill or drop what is masked first"
        )
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        if getattr(parts[0] if parts else None, "requires_grad", False):
            message = "must not require a gradient: give .detach() of it"
        elif "inhomogeneous" in str(error):
            message = "must not be ragged: all its rows must be of one length"
        else:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            message = f"({type(value).__name__}) must be readable by NumPy: {reason}"
        raise ValueError(f"{name} {message}") from error


def real(name: str, array: np.ndarray) -> None:
    """Check that an array holds real numbers, truth values among them.

    Args:
        name: What the caller knows the array by.
        array: Any shape.

    Raises:
        ValueError: It holds something else.
    """
    if not is_a(array.dtype, np.floating, np.integer, np.bool_):
        raise ValueError(f"{name}.dtype={array.dtype} must be a type of real numbers")


def is_a(dtype: Any, *kinds: type) -> bool:
    """Whether a type is of some kind; NumPy takes spans of time for whole numbers.

    Args:
        dtype: An array's type.
        *kinds: NumPy's abstract types.

    Returns:
        True for one of them.
    """
    # JAX knows that bfloat16 is a real number.
    return np.dtype(dtype).kind != "m" and any(
        jax.numpy.issubdtype(dtype, k) for k in kinds
    )


def at_least(minimum: int, **values: Any) -> tuple[int, ...]:
    """Check that numbers are whole and large enough.

    Args:
        minimum: Smallest number allowed.
        **values: The numbers by the name of the argument: Python's own, or NumPy's and
            JAX's scalars of any width.

    Returns:
        The numbers as Python's, which never overflow.

    Raises:
        ValueError: One of them is not whole or is smaller than `minimum`.
    """
    numbers = []
    for name, value in values.items():
        number = _whole(name, value)
        if number is None:
            raise ValueError(f"{name}={shown(value)} must be a whole number")
        if number < minimum:
            raise ValueError(f"{name}={number} must be at least {minimum}")
        numbers.append(number)
    return tuple(numbers)


def between(minimum: int, maximum: int, **values: Any) -> tuple[int, ...]:
    """Check that numbers are whole and within bounds.

    Args:
        minimum: Smallest number allowed.
        maximum: Largest number allowed.
        **values: The numbers by the name of the argument, as `at_least` takes them.

    Returns:
        The numbers as Python's.

    Raises:
        ValueError: One of them is not whole or is out of bounds.
    """
    numbers = at_least(minimum, **values)
    for name, number in zip(values, numbers, strict=True):
        if number > maximum:
            raise ValueError(f"{name}={shown(number)} must be at most {maximum}")
    return numbers


def _whole(name: str, value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int) or not hasattr(value, "__array__"):
        try:
            return operator.index(value)
        except TypeError:
            return None
    scalar = array(name, value)
    if scalar.shape == () and is_a(scalar.dtype, np.integer):
        return int(scalar)
    return None


def number(name: str, value: Any) -> float:
    """Check that something is one real number.

    Args:
        name: What the caller knows it by.
        value: A number of Python's, or a scalar of NumPy's or JAX's.

    Returns:
        It as Python's float; NaN and infinity are left to the caller's bounds.

    Raises:
        ValueError: It is something else, or beyond what a float can be.
    """
    scalar: Any = value
    if not isinstance(value, Real) and hasattr(value, "__array__"):
        scalar = array(name, value)
        if scalar.shape != () or not is_a(scalar.dtype, np.floating, np.integer):
            scalar = None
    elif isinstance(value, bool) or not isinstance(value, Real):
        scalar = None
    try:
        return float(scalar)
    except (TypeError, OverflowError):
        raise ValueError(f"{name}={shown(value)} must be a real number") from None


def labels(
    name: str, value: Any, length: int, *, minimum: int | None = None
) -> np.ndarray:
    """Check one whole number for each row, such as its cluster.

    Args:
        name: What the caller knows the array by.
        value: (length,) whole numbers.
        length: Number of rows that they describe.
        minimum: Smallest number allowed, None for any.

    Returns:
        (length,) int64.

    Raises:
        ValueError: The shape is another one, the numbers are not whole or too small.
    """
    found = _of_rows(name, value, length)
    if not is_a(found.dtype, np.integer):
        raise ValueError(f"{name}.dtype={found.dtype} must be an integer type")
    if found.size and int(found.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: {found.max()} must be less than 2**63")
    found = found.astype(np.int64)
    if minimum is not None and length and found.min() < minimum:
        bad = int(np.argmax(found < minimum))
        raise ValueError(f"{name}[{bad}]={found[bad]} must be at least {minimum}")
    return found


def _of_rows(name: str, value: Any, length: int) -> np.ndarray:
    found = array(name, value)
    if found.shape != (length,):
        raise ValueError(f"{name}.shape={found.shape} must be ({length},)")
    return found


def codes(**sides: tuple[Any, int]) -> tuple[np.ndarray, ...]:
    """Names that are whole numbers or text, as whole numbers that are equal alike.

    Args:
        **sides: Arrays that are compared with each other and their lengths, by the name
            of the argument. Integer types may differ.

    Returns:
        For each (length,) int64: the numbers themselves where int64 holds all of them,
        else their places in the order of the different ones.

    Raises:
        ValueError: A shape is another one, a type is neither, or one side has numbers
            and the other has text.
    """
    found = [_names(name, *side) for name, side in sides.items()]
    for name, one in zip(sides, found, strict=True):
        if (one.dtype.kind == "U") != (found[0].dtype.kind == "U"):
            first = next(iter(sides))
            raise ValueError(
                f"{name}.dtype={one.dtype} and {first}.dtype={found[0].dtype} must be "
                "both whole numbers or both text"
            )
    if all(_fits(one) for one in found):
        return tuple(one.astype(np.int64) for one in found)
    if found[0].dtype.kind != "U":
        found = [one.astype(object) for one in found]  # exact, as Python's numbers are
    _, inverse = np.unique(np.concatenate(found), return_inverse=True)
    ends = np.cumsum([len(one) for one in found])[:-1]
    return tuple(np.split(inverse.reshape(-1).astype(np.int64), ends))


def _names(name: str, value: Any, length: int) -> np.ndarray:
    """Integers, Python's integers or unicode text."""
    found = _of_rows(name, value, length)
    kind = found.dtype.kind
    if kind in "OT" and all(isinstance(one, str) for one in found):
        return np.array(found.tolist(), np.str_)
    whole = kind == "O" and all(
        isinstance(one, int) and not isinstance(one, bool) for one in found
    )
    if kind == "S":
        return np.char.decode(found, "utf-8")
    if not (whole or kind == "U" or is_a(found.dtype, np.integer)):
        raise ValueError(f"{name}.dtype={found.dtype} must be {LABEL_KINDS}")
    return found


def _fits(found: np.ndarray) -> bool:
    """Whether int64 holds all numbers."""
    if found.dtype.kind == "U":
        return False
    bounds = np.iinfo(np.int64)
    return not found.size or (
        bounds.min <= int(found.min()) and int(found.max()) <= bounds.max
    )


def camera_pair(
    query_cameras: Any, gallery_cameras: Any, num_queries: int, num_gallery: int
) -> np.ndarray | None:
    """Check the cameras of query and gallery and stack them.

    Args:
        query_cameras: (num_queries,) whole numbers or text, or None.
        gallery_cameras: (num_gallery,) likewise, or None.
        num_queries: Number of query rows.
        num_gallery: Number of gallery rows.

    Returns:
        (num_queries + num_gallery,) int64, equal where the cameras are; None where no
        cameras are given.

    Raises:
        ValueError: Only one of the two is given, or a length or type is wrong.
    """
    if not both_or_none(query_cameras, gallery_cameras):
        return None
    return np.concatenate(
        codes(
            query_cameras=(query_cameras, num_queries),
            gallery_cameras=(gallery_cameras, num_gallery),
        )
    )


def both_or_none(query_cameras: Any, gallery_cameras: Any) -> bool:
    """Check that cameras are given for both sides or for none.

    Args:
        query_cameras: The cameras of the queries, or None.
        gallery_cameras: The cameras of the gallery, or None.

    Returns:
        Whether they are given.

    Raises:
        ValueError: Only one of the two is given.
    """
    if (query_cameras is None) != (gallery_cameras is None):
        missing = "query_cameras" if query_cameras is None else "gallery_cameras"
        raise ValueError(f"{missing}=None: give the cameras of both sides or of none")
    return query_cameras is not None
