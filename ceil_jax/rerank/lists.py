"""Neighbour lists from elsewhere, checked before anything is made of them."""

from typing import Any

import numpy as np

from ceil_jax.common import checks
from ceil_jax.neighbours.search import Neighbours, itself_first

BLOCK_ROWS = 65_536
"""Rows that are checked at once: no copy of all lists is made."""


def checked(neighbours: tuple[checks.Rows, checks.Rows], *, k1: int) -> Neighbours:
    """Check neighbour lists, cut them to k1 and put every row first on its own.

    Args:
        neighbours: (indices (N, k), similarities (N, k)), best first.
        k1: Entries wanted; cut to N.

    Returns:
        Lists of k1 entries: the given arrays where they are as they have to be.

    Raises:
        ValueError: Not two arrays of one shape with at least k1 columns; not whole
            numbers in [0, N - 1]; NaN or infinity; a row not on its own list, twice on
            one, or after one that is less near.
    """
    try:
        given, values = neighbours
    except (TypeError, ValueError) as error:
        message = "neighbours must be a pair: (indices, similarities)"
        raise ValueError(message) from error
    indices, similarities = _matrices(
        checks.array("neighbours[0]", given), checks.array("neighbours[1]", values)
    )
    num_rows, width = indices.shape
    k1 = min(k1, num_rows)
    if width < k1:
        raise ValueError(f"neighbours: {width} columns must be at least {k1=}")
    in_place = True
    for start in range(0, num_rows, BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        in_place &= _check_block(indices[part], similarities[part], start, num_rows, k1)
    if in_place:
        return Neighbours(
            indices[:, :k1].astype(np.int32, copy=False),
            similarities[:, :k1].astype(np.float32, copy=False),
        )
    result = Neighbours(
        np.empty((num_rows, k1), np.int32), np.empty((num_rows, k1), np.float32)
    )
    for start in range(0, num_rows, BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        block = itself_first(indices[part], similarities[part], first=start)
        result.indices[part] = block.indices[:, :k1]
        result.similarities[part] = block.similarities[:, :k1]
    return result


def _matrices(
    indices: np.ndarray, similarities: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Check shapes and types."""
    if similarities.ndim != 2 or 0 in similarities.shape:
        raise ValueError(
            f"neighbours[1].shape={similarities.shape} must be (rows, at least k1)"
        )
    if not np.issubdtype(similarities.dtype, np.floating):
        raise ValueError(
            f"neighbours[1].dtype={similarities.dtype} must be a floating-point type"
        )
    if indices.shape != similarities.shape or not np.issubdtype(
        indices.dtype, np.integer
    ):
        raise ValueError(
            f"neighbours[0] ({indices.shape}, {indices.dtype}) must be whole numbers "
            f"of shape {similarities.shape}, as neighbours[1]"
        )
    if len(indices) > np.iinfo(np.int32).max:
        raise ValueError(f"neighbours: {len(indices)} rows must be less than 2**31")
    return indices, similarities


def _check_block(
    indices: np.ndarray, similarities: np.ndarray, start: int, num_rows: int, k1: int
) -> bool:
    """Check some lists; whether every row is first on its own.

    A list may be longer than k1: what follows is not used, and only its order, which
    says that nothing nearer was left out, and the row itself are looked for there.
    """
    low, high = indices.min(axis=1), indices.max(axis=1)
    _refuse(
        (low < 0) | (high >= num_rows), start, f"[0] must be in [0, {num_rows - 1}]"
    )
    with np.errstate(over="ignore"):
        finite = np.isfinite(similarities.astype(np.float32, copy=False)).all(axis=1)
    _refuse(~finite, start, "[1] must be finite in float32, not NaN or infinite")
    numbers = np.arange(start, start + len(indices))
    own = np.equal(indices, numbers[:, None])
    _refuse(~own.any(axis=1), start, "[0] must hold the row itself")
    ordered = np.sort(indices, axis=1)
    is_twice = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    _refuse(is_twice, start, "[0] must not hold a row twice")
    # The row itself may stand anywhere: libraries differ in what they do with it.
    others = similarities.astype(np.float32)
    others[own] = np.inf
    at = own.argmax(axis=1)
    rows = np.arange(len(own))
    others[rows[at > 0], at[at > 0]] = others[rows[at > 0], at[at > 0] - 1]
    falls = (others[:, 1:] <= others[:, :-1]).all(axis=1)
    _refuse(~falls, start, "[1] must be sorted, the best first")
    return bool(own[:, 0].all())


def _refuse(is_bad: Any, start: int, message: str) -> None:
    """Name the first bad row."""
    if is_bad.any():
        name, rest = message[:3], message[3:]
        raise ValueError(f"neighbours{name}[{start + int(is_bad.argmax())}]{rest}")
