"""The largest entries of each row."""

import numpy as np


def largest(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The k largest entries of each row, in falling order.

    Args:
        scores: (n, m) numbers; NaN is left out.
        k: How many; a row with fewer numbers gives what it has.

    Returns:
        Row, place from 0 and column of each entry, row by row and best first; equal
        entries are in the order of their columns.
    """
    worse = -scores
    last = min(k, scores.shape[1]) - 1
    # Values are partitioned ten times faster than places; NaN is behind everything.
    bound = np.partition(worse, last, axis=1)[:, last, None]
    bound = np.where(np.isnan(bound), np.inf, bound)  # too few: all that are there
    row, column = np.divmod(np.flatnonzero(worse <= bound), scores.shape[1])
    order = np.lexsort((worse[row, column], row))  # keeps the order of equal ones
    row, column = row[order], column[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    front = place < k  # more where values are equal
    return row[front], place[front], column[front]
