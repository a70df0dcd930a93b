"""Products of many rows, tile by tile.

XLA multiplies several tiles at a time: on two cores, in up to half the time of one
large product by NumPy or faiss (`docs/benchmarks.md`). A tile is issued when it is
asked for and finished when its numbers are.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

from ceil_jax.common import linalg

SIZE = 1024
"""Rows and columns of a tile; all have the same, so that one program does them all."""

HELD_BYTES = 1 << 28
"""Rows that are held in JAX's arrays beside the given ones; the others are copied again
for every tile."""


class Tile(NamedTuple):
    """A part of a matrix of inner products.

    Attributes:
        rows: Its rows.
        columns: Its columns.
        products: (size, size) inner products; those beyond rows and columns mean
            nothing.
    """

    rows: slice
    columns: slice
    products: jax.Array

    def halves(self) -> Iterator[tuple[slice, slice, np.ndarray]]:
        """Wait for the numbers of a tile of the upper half.

        Yields:
            Rows, columns and (rows, columns) float32 products, not to be written to: of
            the tile and, unless it is on the diagonal, of its mirror image.
        """
        height, width = (s.stop - s.start for s in (self.rows, self.columns))
        products = np.asarray(self.products)[:height, :width]
        yield self.rows, self.columns, products
        if self.rows != self.columns:
            yield self.columns, self.rows, products.T


def of_pairs(rows: np.ndarray) -> Iterator[Tile]:
    """All rows with each other, every pair once: the upper half of the matrix.

    Args:
        rows: (n, d) float32.

    Yields:
        Tiles on and above the diagonal, those of each block of rows, and of columns, in
        rising order.
    """
    blocks = blocks_of(len(rows))
    block_bytes = SIZE * rows.shape[1] * rows.itemsize
    # The last are used most often.
    num_copied = max(0, len(blocks) - HELD_BYTES // block_bytes)
    held = [_padded(rows[block], len(rows)) for block in blocks[num_copied:]]

    def of(number: int) -> jax.Array:
        if number < num_copied:
            return _padded(rows[blocks[number]], len(rows))
        return held[number - num_copied]

    for first in range(len(blocks)):
        left = of(first)
        for second in range(first, len(blocks)):
            right = left if second == first else of(second)
            yield Tile(blocks[first], blocks[second], linalg.inner(left, right))


def blocks_of(num_rows: int) -> list[slice]:
    """The rows of each line of tiles.

    Args:
        num_rows: n.

    Returns:
        Up to `SIZE` rows each.
    """
    starts = range(0, num_rows, SIZE)
    return [slice(start, min(start + SIZE, num_rows)) for start in starts]


def _padded(rows: np.ndarray, total: int) -> jax.Array:
    """Rows as a tile has them: `SIZE`, or a power of two where there are no more."""
    size = min(SIZE, 1 << (total - 1).bit_length())
    if len(rows) < size:
        rows = np.pad(rows, ((0, size - len(rows)), (0, 0)))
    return jax.numpy.asarray(rows)
