"""Exact and approximate search for neighbours: seconds, memory and recall.

python -m benchmarks.search
"""

import numpy as np
from absl import app, flags

from benchmarks import embeddings, flagged, measure
from benchmarks.record import Record, Table
from ceil_jax.neighbours.search import GOOD_RECALL, Search, nearest, recall_of

EXACT: tuple[Search, ...] = ("flat", "pairs")
"""Recalls are measured against the first."""
SEARCHES: tuple[Search, ...] = (*EXACT, "ivf", "hnsw")

_FLAGS = flagged.own(__name__)
_ROWS = flags.DEFINE_integer(
    "rows", 100_000, "Rows whose neighbours are searched.", flag_values=_FLAGS
)
_WIDTH = flags.DEFINE_integer("width", 256, "Numbers of a row.", flag_values=_FLAGS)
_WIDE = flags.DEFINE_integer(
    "wide", 50_000, "Rows as wide as embeddings; 0 for none.", flag_values=_FLAGS
)
_K = flags.DEFINE_integer("k", embeddings.K1, "Neighbours of each.", flag_values=_FLAGS)


def _prepared(
    num_rows: int, width: int, k: int, search: Search
) -> tuple[np.ndarray, int, Search]:
    return embeddings.features(num_rows, width), k, search


def _indices(rows: np.ndarray, k: int, search: Search) -> np.ndarray:
    return nearest(rows, k=k, search=search).indices


def table_of(
    names: tuple[Search, ...], num_rows: int, width: int, k: int, about: str = ""
) -> Table:
    """Searches, from features to lists.

    Args:
        names: Which, an exact one first.
        num_rows: Rows.
        width: Numbers of a row.
        k: Neighbours of each, the row itself among them.
        about: What else the table's caption says.

    Returns:
        The table.
    """
    rows = []
    exact, seconds = np.zeros((0, k), np.int32), 0.0
    for search in names:
        cost = measure.in_new_process(
            _indices, num_rows, width, k, search, prepare=_prepared
        )
        if search == names[0]:
            exact, seconds = cost.result, cost.seconds
        rows.append(
            [
                search,
                cost.seconds,
                round(seconds / cost.seconds, 1),
                cost.peak_gib - cost.before_gib,
                round(recall_of(cost.result, exact), 4),
            ]
        )
    return Table(
        f"The {k} nearest of {num_rows:,} rows, d={width}, index and search, each in a "
        f"process of its own{about}.",
        ["search", "s", "ratio", "GiB beside the rows", "recall"],
        rows,
    )


def main(argv: list[str]) -> None:
    """Measure and show."""
    del argv
    k = _K.value
    about = (
        f"; approximate searches go on until {GOOD_RECALL} of some rows' lists is "
        "found, the recall is of all rows"
    )
    tables = [table_of(SEARCHES, _ROWS.value, _WIDTH.value, k, about)]
    if _WIDE.value:
        tables.append(table_of(EXACT, _WIDE.value, embeddings.EMBEDDING, k))
    command = (
        f"python -m benchmarks.search --rows={_ROWS.value} --width={_WIDTH.value} "
        f"--wide={_WIDE.value} --k={k}"
    )
    Record("Search for neighbours", command, tables).show()


if __name__ == "__main__":
    app.run(main)
