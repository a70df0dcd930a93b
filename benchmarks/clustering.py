"""Clustering from given neighbour lists: against the released loops, and by size.

python -m benchmarks.clustering
python -m benchmarks.clustering --sizes=50000,200000
"""

import numpy as np
from absl import app, flags

from benchmarks import flagged, measure
from benchmarks.embeddings import EMBEDDING, K1, NUM_IMAGES, WIDTH, Images, images
from benchmarks.record import Curve, Record, Table
from benchmarks.released import clustering as released
from ceil_jax.clustering.dbscan import dbscan
from ceil_jax.clustering.jaccard import from_neighbours

K2, EPS, MIN_SAMPLES = 6, 0.6, 4

_FLAGS = flagged.own(__name__)
_SIZES = flags.DEFINE_list(
    "sizes", ["5000", "15000", "50000"], "Images.", flag_values=_FLAGS
)
_AGAINST = flags.DEFINE_integer(
    "against", 8000, "Images of the comparison; 0 for none.", flag_values=_FLAGS
)
_WHOLE = flags.DEFINE_integer(
    "whole", NUM_IMAGES, "Images of a whole data set; 0 for none.", flag_values=_FLAGS
)
_RUNS = flags.DEFINE_integer(
    "runs", 3, "Measured runs of the comparison.", flag_values=_FLAGS
)


def labels(made: Images) -> np.ndarray:
    """Everything but the search for neighbours.

    Args:
        made: The images.

    Returns:
        (N,) clusters, -1 for an outlier.
    """
    near = from_neighbours(made.features, made.neighbours, k1=K1, k2=K2, largest=EPS)
    return dbscan(near, min_samples=MIN_SAMPLES)


def _prepared(num_rows: int, width: int) -> tuple[Images]:
    return (images(num_rows, width),)


def comparison(num_rows: int, runs: int) -> Table:
    """Times and labels beside those of the released loops.

    Args:
        num_rows: Images.
        runs: Measured runs of each.

    Returns:
        The table.
    """
    made = images(num_rows, EMBEDDING)
    settings = {"k1": K1, "k2": K2, "eps": EPS, "min_samples": MIN_SAMPLES}
    found: dict[str, np.ndarray] = {}

    def ours() -> None:
        found["ours"] = labels(made)

    def theirs() -> None:
        found["theirs"] = released.labels(
            made.features, made.neighbours.indices, **settings
        )

    times = measure.timings({"theirs": theirs, "ours": ours}, runs=runs)
    ratio = times["theirs"].median / times["ours"].median
    different = int((found["ours"] != found["theirs"]).sum())
    return Table(
        f"Jaccard distance and DBSCAN of {num_rows:,} images from given lists, "
        f"d={EMBEDDING:,}, k1={K1}, k2={K2}; seconds, median and spread of {runs} runs "
        "in turns.",
        ["released loops", "ceil-jax", "ratio", "clusters", "labels that differ"],
        [
            [
                str(times["theirs"]),
                str(times["ours"]),
                round(ratio, 1),
                int(found["ours"].max()) + 1,
                different,
            ]
        ],
    )


def one_size(num_rows: int, width: int) -> list[str | int | float]:
    """Cost of one size in a process of its own.

    Args:
        num_rows: Images.
        width: Of their embeddings.

    Returns:
        A line of the table.
    """
    cost = measure.in_new_process(labels, num_rows, width, prepare=_prepared)
    found = cost.result
    return [
        num_rows,
        width,
        cost.seconds,
        cost.peak_gib,
        cost.peak_gib - cost.before_gib,
        int(found.max()) + 1,
        round(100 * float((found < 0).mean()), 1),
    ]


def main(argv: list[str]) -> None:
    """Measure and show."""
    del argv
    tables = [comparison(_AGAINST.value, _RUNS.value)] if _AGAINST.value else []
    whole = [one_size(_WHOLE.value, EMBEDDING)] if _WHOLE.value else []
    by_size = [one_size(int(size), WIDTH) for size in _SIZES.value]
    headers = ["images", "d", "s", "peak GiB", "of it in the call", "clusters"]
    tables.append(
        Table(
            "Everything but the search for neighbours, the first call of a process of "
            f"its own, k1={K1}; {NUM_IMAGES:,} is SYSU-MM01's visible set.",
            [*headers, "outliers %"],
            [*whole, *by_size],
        )
    )
    sizes = [[float(value) for value in line[:4]] for line in by_size]
    x, seconds, peak = ([line[place] for line in sizes] for place in (0, 2, 3))
    curves = [
        Curve("clustering", "ceil-jax", "images", "seconds", x, seconds),
        Curve("clustering_memory", "ceil-jax", "images", "peak GiB", x, peak),
    ]
    command = (
        f"python -m benchmarks.clustering --sizes={','.join(_SIZES.value)} "
        f"--against={_AGAINST.value} --whole={_WHOLE.value}"
    )
    Record("Clustering", command, tables, curves).show()


if __name__ == "__main__":
    app.run(main)
