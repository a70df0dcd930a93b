"""The largest entries of each row, of a matrix at once or of one in tiles."""

from typing import NamedTuple

import numpy as np

PARTS = 8
"""Parts of a row, for each entry that is wanted, whose largest bound them."""
MANY = 4
"""So many candidates for each entry that is wanted are reduced before they are kept."""


def bounds(scores: np.ndarray, k: int) -> np.ndarray:
    """Numbers that k entries of each row reach, and few others.

    Args:
        scores: (n, m) numbers; NaN reaches nothing.
        k: How many, at least 1.

    Returns:
        (n,) of the type of `scores`; -inf where a row has not so many numbers.
    """
    num_rows, num_columns = scores.shape
    if num_columns <= k:
        return np.full(num_rows, -np.inf, scores.dtype)
    parts = PARTS * k
    if num_columns >= 2 * parts:  # the largest of every `parts`-th entry
        whole = scores[:, : num_columns // parts * parts]
        scores = np.fmax.reduce(whole.reshape(num_rows, -1, parts), axis=1)
    place = scores.shape[1] - k
    known = np.where(np.isnan(scores), -np.inf, scores)
    return np.partition(known, place, axis=1)[:, place]


def largest(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The k largest entries of each row, in falling order.

    Args:
        scores: (n, m) floating-point numbers; NaN is left out.
        k: How many; a row with fewer numbers gives what it has.

    Returns:
        Row, place from 0 and column of each entry, row by row and best first; equal
        entries are in the order of their columns.
    """
    reached = np.flatnonzero(scores >= bounds(scores, k)[:, None])
    row, column = np.divmod(reached, scores.shape[1])
    kept, place = _best(row, scores[row, column], len(scores), k)
    return row[kept], place, column[kept]


def _best(
    row: np.ndarray, scores: np.ndarray, num_rows: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which of the entries, given row by row, are a row's k largest; their places."""
    counts = np.bincount(row, minlength=num_rows)
    starts = np.cumsum(counts) - counts
    worse = np.full((num_rows, counts.max(initial=0)), np.inf, scores.dtype)
    worse[row, np.arange(len(row)) - starts[row]] = -scores
    order = np.argsort(worse, axis=1, kind="stable")[:, :k]
    is_entry = np.arange(order.shape[1]) < counts[:, None]
    return (starts[:, None] + order)[is_entry], np.nonzero(is_entry)[1]


class Candidates(NamedTuple):
    """Entries of some rows among which their largest are, row by row.

    Attributes:
        rows: (c,) rows, from 0, in rising order.
        columns: (c,) columns, in rising order within a row.
        scores: (c,) entries.
    """

    rows: np.ndarray
    columns: np.ndarray
    scores: np.ndarray


class RunningLargest:
    """The k largest entries of each row of a matrix that comes in tiles.

    Rows are always given in the same blocks, and to a block of rows its columns come in
    rising order: an entry equal to the last of a full list is then too late for it.

    Attributes:
        columns: (n, k) int32, best first, equal ones in rising order; -1 for none.
        scores: (n, k) float32 entries, -inf for none. Both hold what has been `merge`d.
    """

    def __init__(self, num_rows: int, k: int) -> None:
        """Begin with empty lists.

        Args:
            num_rows: n.
            k: Length of the lists.
        """
        self.columns = np.full((num_rows, k), -1, np.int32)
        self.scores = np.full((num_rows, k), -np.inf, np.float32)
        self._waiting: dict[int, list[Candidates]] = {}

    def candidates(self, rows: slice, columns: slice, tile: np.ndarray) -> Candidates:
        """What of a tile may be among the largest. Threads may call it.

        Args:
            rows: The tile's rows, a block.
            columns: Its columns.
            tile: Its entries.

        Returns:
            The candidates.
        """
        k = self.scores.shape[1]
        above = tile > self.scores[rows, -1:]
        if np.count_nonzero(above) > MANY * k * len(tile):
            row, _, column = largest(np.ascontiguousarray(tile), k)
            order = np.lexsort((column, row))
            row, column = row[order], column[order]
        elif above.flags.c_contiguous:
            row, column = np.divmod(np.flatnonzero(above), tile.shape[1])
        else:
            column, row = np.divmod(np.flatnonzero(above.T), len(tile))
            order = np.argsort(row, kind="stable")
            row, column = row[order], column[order]
        scores = tile[row, column]
        numbers = (column + columns.start).astype(np.int32)
        return Candidates(row.astype(np.int32), numbers, scores)

    def add(self, rows: slice, found: Candidates) -> None:
        """Keep candidates of a block of rows, after those of all columns before.

        Args:
            rows: The block.
            found: Its candidates.
        """
        waiting = self._waiting.setdefault(rows.start, [])
        waiting.append(found)
        if sum(len(some.rows) for some in waiting) >= self.scores[rows].size:
            self.merge(rows)

    def merge(self, rows: slice) -> None:
        """Bring the lists of a block up to date.

        Args:
            rows: The block.
        """
        num_rows, k = self.scores[rows].shape
        has = self.columns[rows] >= 0
        held = Candidates(
            np.nonzero(has)[0].astype(np.int32),
            self.columns[rows][has],
            self.scores[rows][has],
        )
        some = [held, *self._waiting.pop(rows.start, [])]
        row, column, scores = map(np.concatenate, zip(*some, strict=True))
        order = np.argsort(row, kind="stable")
        row, column, scores = row[order], column[order], scores[order]
        kept, place = _best(row, scores, num_rows, k)
        self.columns[rows][row[kept], place] = column[kept]
        self.scores[rows][row[kept], place] = scores[kept]
