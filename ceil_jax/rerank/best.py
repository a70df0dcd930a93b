"""The largest entries of vectors that have none below 0."""

import numpy as np

from ceil_jax.neighbours.largest import bounds
from ceil_jax.rerank.vectors import Columns, Vectors

SMALLEST = np.finfo(np.float32).tiny


def best(x: Vectors, size: int, *, top: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest entries of each vector.

    Args:
        x: b vectors.
        size: Entries of each, those that are 0 included.
        top: Entries wanted, at most `size`.

    Returns:
        Values (b, top) float32, largest first, equal ones by number; numbers int32.
    """
    if isinstance(x, Columns):
        where = np.arange(size) if x.support is None else x.support
        rows = [(where, entries) for entries in np.ascontiguousarray(x.values.T)]
    else:
        parts = [slice(*x.indptr[n : n + 2]) for n in range(x.shape[0])]
        rows = [(x.indices[part], x.data[part]) for part in parts]
    values = np.empty((len(rows), top), np.float32)
    numbers = np.empty((len(rows), top), np.int32)
    for row, (where, entries) in enumerate(rows):
        numbers[row], values[row] = _best(where, entries, top)
    return values, numbers


def _best(
    where: np.ndarray, entries: np.ndarray, top: int
) -> tuple[np.ndarray, np.ndarray]:
    """Columns and values of one row's largest entries; zeros where it has too few."""
    kept = np.flatnonzero(entries >= max(bounds(entries[None], top)[0], SMALLEST))
    where, entries = where[kept], entries[kept]
    order = np.lexsort((where, -entries))[:top]
    where, entries = where[order], entries[order]
    short = top - len(where)
    if short:
        rest = np.setdiff1d(np.arange(top), where)[:short]
        where = np.concatenate([where, rest])
        entries = np.concatenate([entries, np.zeros(short, np.float32)])
    return where, entries
