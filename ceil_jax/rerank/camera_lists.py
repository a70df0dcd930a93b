"""Nearest rows of the same camera, and nearest rows of all others, for every row."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ceil_jax.common import progress
from ceil_jax.neighbours.largest import largest

BLOCK_ENTRIES = 1 << 24
"""Products that are held at a time."""
BLOCK_ROWS = 1024
"""Rows of a block, at most."""
LARGE_ROWS = 16_384
"""From so many rows on there is a bar."""


class CameraLists(NamedTuple):
    """Lists of different lengths, entry by entry, each row's best first.

    Attributes:
        rows: (m,) whose list the entry is on.
        columns: (m,) which row it names.
        places: (m,) its place on the list, from 0.
        similarities: (m,) float32 inner products.
        num_rows: N.
    """

    rows: np.ndarray
    columns: np.ndarray
    places: np.ndarray
    similarities: np.ndarray
    num_rows: int

    def matrix(self, values: np.ndarray, *, k: int | None = None) -> sparse.csr_array:
        """The entries as a matrix.

        Args:
            values: (m,) numbers.
            k: Entries of each list that count; None for all.

        Returns:
            (N, N) of the values' type.
        """
        kept = slice(None) if k is None else self.places < k
        places = self.rows[kept], self.columns[kept]
        shape = (self.num_rows, self.num_rows)
        return sparse.csr_array((values[kept], places), shape=shape)


def by_camera(
    rows: np.ndarray,
    cameras: np.ndarray,
    *,
    same: int,
    other: int,
    keep: Callable[[slice, np.ndarray], None] | None = None,
) -> tuple[CameraLists, CameraLists]:
    """Find the nearest rows of every row, camera by camera; equal ones by number.

    Args:
        rows: (N, d) float32.
        cameras: (N,) whole numbers.
        same: Length of the lists of the row's own camera, the row itself first; 0 for
            no such lists. A camera with fewer rows has shorter ones.
        other: Likewise of all other cameras together.
        keep: Called with a block of rows and its (rows, N) products, which may be
            written to afterwards.

    Returns:
        The lists of the own camera, and those of the others.
    """
    num_rows = len(rows)
    same, other = min(same, num_rows), min(other, num_rows)
    step = int(np.clip(BLOCK_ENTRIES // num_rows, 1, BLOCK_ROWS))
    found: tuple[list[CameraLists], list[CameraLists]] = ([], [])
    total = num_rows if num_rows > LARGE_ROWS else None
    with progress.bar(total=total, desc="neighbours", unit="row") as shown:
        for start in range(0, num_rows, step):
            block = slice(start, min(start + step, num_rows))
            products = rows[block] @ rows.T
            if keep is not None:
                keep(block, products)
            is_same = cameras[block, None] == cameras
            for lists, k, wanted in ((0, same, is_same), (1, other, ~is_same)):
                if k:
                    found[lists].append(_best(products, wanted, start, k))
            if total:
                shown.update(len(products))
    return _joined(found[0], num_rows), _joined(found[1], num_rows)


def _best(products: np.ndarray, wanted: np.ndarray, start: int, k: int) -> CameraLists:
    """The best wanted entries of a block of rows, a wanted row itself first."""
    scores = np.where(wanted, products, np.nan)
    own = np.arange(len(products)), start + np.arange(len(products))
    scores[own] = np.where(wanted[own], np.inf, np.nan)
    row, place, column = largest(scores, k)
    similarities = products[row, column]
    return CameraLists(row + start, column, place, similarities, products.shape[1])


def _joined(blocks: list[CameraLists], num_rows: int) -> CameraLists:
    if not blocks:
        nothing = np.zeros(0, np.int64)
        empty = np.zeros(0, np.float32)
        return CameraLists(nothing, nothing, nothing, empty, num_rows)
    rows, columns, places, similarities = (
        np.concatenate(parts) for parts in zip(*(b[:4] for b in blocks), strict=True)
    )
    return CameraLists(rows, columns, places, similarities, num_rows)
