"""Cost of GCR: against the released dense algorithm, and by the size of the gallery.

The people are points on a sphere with images around them; `--noise` says how far
around, and with it how much people mix: at 0.6 most lists hold one person, at 1.2
most hold several. Large galleries come as neighbour lists, see `near_people`.

    python -m benchmarks.gcr --gallery=10000,30000,100000,300000,1000000
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from absl import app, flags

from benchmarks import flagged, measure
from benchmarks.record import Curve, Record, Table
from benchmarks.released import gcr as released
from ceil_jax import neighbours
from ceil_jax.rerank import gcr, gcr_topk
from ceil_jax.rerank.gcr import from_neighbours

NUM_FEATURES, IMAGES_PER_PERSON, NUM_CAMERAS, K1 = 64, 20, 6, 28
SETTINGS = {"k1": K1, "k2": 7, "camera_weight": 0.5}
NEAR_PEOPLE = 64

_FLAGS = flagged.own(__name__)
_GALLERY = flags.DEFINE_list(
    "gallery",
    ["10000", "30000", "100000", "300000"],
    "Gallery images.",
    flag_values=_FLAGS,
)
_MIXED = flags.DEFINE_list(
    "mixed_gallery",
    ["10000", "30000"],
    "Gallery images of people who mix.",
    flag_values=_FLAGS,
)
_QUERIES = flags.DEFINE_integer(
    "queries", 1000, "Queries of a large gallery.", flag_values=_FLAGS
)
_NOISE = flags.DEFINE_list(
    "noise", ["0.6", "1.2"], "Spread of a person's images.", flag_values=_FLAGS
)
_MEMORY = flags.DEFINE_float(
    "memory_gib", None, "Budget of gcr_topk.", flag_values=_FLAGS
)
_DENSE_ROWS = flags.DEFINE_integer(
    "dense_rows",
    8000,
    "Rows to compare with the dense algorithm; 0 for not at all.",
    flag_values=_FLAGS,
)
_WIDTH = flags.DEFINE_integer(
    "width", 2048, "Features of those rows.", flag_values=_FLAGS
)
_RUNS = flags.DEFINE_integer("runs", 3, "Runs of what is compared.", flag_values=_FLAGS)


class People(NamedTuple):
    """Images of people.

    Attributes:
        rows: (n, d) float32 unit rows in a random order.
        person: (n,) number of the person.
        cameras: (n,) from 1.
        centres: (people, d) each person's own direction, of any length.
    """

    rows: np.ndarray
    person: np.ndarray
    cameras: np.ndarray
    centres: np.ndarray


def people(num_rows: int, noise: float, width: int = NUM_FEATURES) -> People:
    """Draw unit rows of people.

    Args:
        num_rows: How many.
        noise: Length of what is added to a person's own direction.
        width: Features; those beyond `NUM_FEATURES` only turn the rows.

    Returns:
        The images.
    """
    rng = np.random.default_rng(0)
    shape = (num_rows // IMAGES_PER_PERSON + 1, NUM_FEATURES)
    centres = rng.normal(size=shape).astype(np.float32)
    person = rng.permutation(num_rows) // IMAGES_PER_PERSON
    rows = rng.standard_normal((num_rows, NUM_FEATURES), np.float32)
    rows = centres[person] + np.float32(noise) * rows
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cameras = rng.integers(1, NUM_CAMERAS + 1, num_rows)
    if width != NUM_FEATURES:
        turned, _ = np.linalg.qr(rng.normal(size=(width, NUM_FEATURES)))
        rows = rows @ turned.T.astype(np.float32)
        centres = centres @ turned.T.astype(np.float32)
    return People(rows, person, cameras, centres)


def near_people(images: People) -> neighbours.Neighbours:
    """The nearest rows among the images of the nearest people.

    An approximate search with the best cells there are: a row is compared with the
    images of the `NEAR_PEOPLE` people whose directions are nearest to its person's.

    Args:
        images: The images.

    Returns:
        Lists of `K1` entries, the row itself first.
    """
    order = np.argsort(images.person, kind="stable")
    ends = np.cumsum(np.bincount(images.person))
    cells = [*np.split(order, ends[:-1])]
    unit = images.centres[: len(cells)]
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    near = neighbours.nearest(unit, k=NEAR_PEOPLE).indices
    indices = np.empty((len(order), K1), np.int32)
    similarities = np.empty((len(order), K1), np.float32)
    for cell, others in zip(cells, near, strict=True):
        candidates = np.concatenate([cells[other] for other in others])
        products = images.rows[cell] @ images.rows[candidates].T
        # The first candidates are the cell itself: every row meets itself.
        np.fill_diagonal(products, np.inf)
        best = np.argpartition(-products, K1 - 1, axis=1)[:, :K1]
        found = np.take_along_axis(products, best, axis=1)
        sort = np.argsort(-found, axis=1)
        indices[cell] = candidates[np.take_along_axis(best, sort, axis=1)]
        similarities[cell] = np.take_along_axis(found, sort, axis=1)
    similarities[:, 0] = 1
    return neighbours.Neighbours(indices, similarities)


def prepared(
    num_gallery: int, num_queries: int, noise: float, memory_gib: float | None
) -> tuple[neighbours.Neighbours, np.ndarray, int, float | None]:
    """What `search` takes.

    Args:
        num_gallery: Gallery images.
        num_queries: Queries.
        noise: Spread of a person's images.
        memory_gib: Passed on.

    Returns:
        Lists, cameras, queries, budget.
    """
    images = people(num_gallery + num_queries, noise)
    return near_people(images), images.cameras, num_queries, memory_gib


def search(
    lists: neighbours.Neighbours,
    cameras: np.ndarray,
    num_queries: int,
    memory_gib: float | None,
) -> None:
    """The best twenty gallery rows of every query, from given neighbours.

    Args:
        lists: Neighbours of query then gallery.
        cameras: Their cameras.
        num_queries: Queries.
        memory_gib: Budget.
    """
    gcr_topk(
        None,
        None,
        cameras[:num_queries],
        cameras[num_queries:],
        top=20,
        neighbours=lists,
        num_queries=num_queries,
        memory_gib=memory_gib,
        **SETTINGS,
    )


def exponent(sizes: list[int], costs: list[float]) -> float:
    """Slope of the line through sizes and costs on logarithmic axes.

    Args:
        sizes: At least one.
        costs: Of each.

    Returns:
        p of cost = c size^p; 0 for a single size.
    """
    if len(sizes) < 2:
        return 0.0
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def by_size(sizes: list[int], noise: float) -> tuple[Table, list[Curve], str]:
    """Cost of `gcr_topk` by the number of gallery images.

    Args:
        sizes: Gallery images.
        noise: Spread of a person's images.

    Returns:
        Table, curves and how the cost grows.
    """
    found: list[measure.Measured] = []
    for size in sizes:
        arguments = size, _QUERIES.value, noise, _MEMORY.value
        found.append(measure.in_new_process(search, *arguments, prepare=prepared))
        print(f"{size}: {found[-1].seconds:.1f} s", flush=True)
    seconds = [one.seconds for one in found]
    peaks = [one.peak_gib for one in found]
    rows = [
        [f"{size:,}", one.seconds, one.peak_gib, one.peak_gib - one.before_gib]
        for size, one in zip(sizes, found, strict=True)
    ]
    mean = f"noise {noise:g}"
    table = Table(
        f"`gcr_topk` from given neighbours, {_QUERIES.value:,} queries, {mean}, each "
        "size in a process of its own; the peak is of the whole process, its growth "
        "without the neighbour lists and the modules.",
        ["gallery", "seconds", "peak GiB", "growth GiB"],
        rows,
    )
    curves = [
        Curve("gcr_seconds", mean, "gallery images", "seconds", sizes, seconds),
        Curve("gcr_memory", mean, "gallery images", "peak GiB", sizes, peaks),
    ]
    grows = (
        f"With {mean}, from {sizes[0]:,} to {sizes[-1]:,} gallery images the time "
        f"grows as size to the {exponent(sizes, seconds):.2f} and the peak as size to "
        f"the {exponent(sizes, peaks):.2f}."
    )
    return table, curves, grows


def against_released(num_rows: int, width: int, runs: int) -> tuple[Table, str]:
    """Time of `gcr` and of the released dense algorithm in turns.

    Args:
        num_rows: Query and gallery rows, half of each.
        width: Features.
        runs: Of each.

    Returns:
        Table and how far the figures are apart.
    """
    images = people(num_rows, float(_NOISE.value[0]), width)
    half = num_rows // 2
    lists = released.neighbours(images.rows, k1=K1)
    sides = images.rows[:half], images.rows[half:]
    cameras = images.cameras[:half], images.cameras[half:]
    ours = neighbours.itself_first(*lists)
    graph: Mapping[str, Callable[[], np.ndarray]] = {
        "ours": lambda: from_neighbours(ours, images.cameras, half, **SETTINGS),
        "released": lambda: released.similarities(
            lists, images.cameras, half, k2=SETTINGS["k2"], camera_weight=0.5
        ),
    }
    whole: Mapping[str, Callable[[], np.ndarray]] = {
        "ours": lambda: gcr(*sides, *cameras, **SETTINGS),
        "released": lambda: released.gcr(*sides, *cameras, **SETTINGS),
    }
    rows, notes = [], []
    for name, pair in (("graph alone", graph), ("with neighbours", whole)):
        timed = measure.timings(pair, runs=runs)
        ratio = timed["released"].median / timed["ours"].median
        row = [name, str(timed["ours"]), str(timed["released"]), f"{ratio:.1f}"]
        rows.append(row)
        apart = np.abs(pair["ours"]() - pair["released"]()).max()
        notes.append(f"{apart:.1e} ({name})")
    table = Table(
        f"N={num_rows:,} (half queries), d={width:,}, against the released dense "
        f"algorithm in PyTorch, in turns in one process; median (range) of {runs}.",
        ["part", "ours, s", "released, s", "ratio"],
        rows,
    )
    return table, f"Largest difference of the similarities: {', '.join(notes)}."


def main(argv: list[str]) -> None:
    """Measure and show the record."""
    del argv
    tables, curves, notes = [], [], []
    if _DENSE_ROWS.value:
        table, note = against_released(_DENSE_ROWS.value, _WIDTH.value, _RUNS.value)
        tables.append(table)
        notes.append(note)
    for noise, sizes in zip(_NOISE.value, (_GALLERY.value, _MIXED.value), strict=False):
        if sizes:
            table, more, note = by_size([*map(int, sizes)], float(noise))
            tables.append(table)
            curves += more
            if len(sizes) > 1:
                notes.append(note)
    Record(
        title="Re-ranking",
        command=f"python -m benchmarks.gcr --gallery={','.join(_GALLERY.value)} "
        f"--mixed_gallery={','.join(_MIXED.value)} --dense_rows={_DENSE_ROWS.value}",
        tables=tables,
        curves=curves,
        notes=notes,
    ).show()


if __name__ == "__main__":
    app.run(main)
