"""Scoring and the related re-rankers against the released code's algorithms.

python -m benchmarks.evaluation
"""

from typing import Any

import numpy as np
from absl import app, flags

from benchmarks import embeddings, flagged, measure
from benchmarks.embeddings import EMBEDDING, WIDTH
from benchmarks.record import Record, Table
from benchmarks.released import ecn as released_ecn
from benchmarks.released import evaluation as released
from benchmarks.released import k_reciprocal as released_k_reciprocal
from ceil_jax.common import threads
from ceil_jax.evaluation import metrics
from ceil_jax.evaluation.similarities import Products
from ceil_jax.neighbours import tiles
from ceil_jax.rerank import ecn, k_reciprocal

NUM_CAMERAS, NUM_FEATURES, PEOPLE = 9, 32, 351
LARGE_WIDTH, LARGE_NOISE, IMAGES_A_PERSON = 256, 1.7, 20

_FLAGS = flagged.own(__name__)
_QUERIES = flags.DEFINE_integer(
    "queries", 7166, "Queries that are scored; 0 for none.", flag_values=_FLAGS
)
_GALLERY = flags.DEFINE_integer(
    "gallery", 1400, "Images that they are ranked among.", flag_values=_FLAGS
)
_RERANKED = flags.DEFINE_integer(
    "reranked", 4000, "Images re-ranked, 1/4 queries; 0 for none.", flag_values=_FLAGS
)
_LARGE = flags.DEFINE_integer(
    "large", 0, "The same, far larger; ours alone. 0: none.", flag_values=_FLAGS
)
_FEATURES = flags.DEFINE_integer(
    "features",
    0,
    "Gallery images that 3/10 as many queries are scored among from features; 0: none.",
    flag_values=_FLAGS,
)
_RUNS = flags.DEFINE_integer("runs", 3, "Measured runs.", flag_values=_FLAGS)


def people(
    num_queries: int,
    num_gallery: int,
    *,
    num_people: int = PEOPLE,
    width: int = NUM_FEATURES,
    noise: float = 1.0,
) -> tuple[np.ndarray, ...]:
    """Features of people seen by cameras.

    Args:
        num_queries: Queries.
        num_gallery: Gallery images.
        num_people: People.
        width: Numbers of a row.
        noise: Spread of a person's images beside that of people.

    Returns:
        The arguments of `metrics.evaluate_features` that have no name.
    """
    rng = np.random.default_rng(0)
    query_ids = rng.integers(num_people, size=num_queries)
    gallery_ids = rng.integers(num_people, size=num_gallery)
    own = rng.normal(size=(num_people, width))
    sides = []
    for ids in (query_ids, gallery_ids):
        rows = own[ids] + noise * rng.normal(size=(len(ids), width))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        sides.append(rows.astype(np.float32))
    cameras = rng.integers(1, NUM_CAMERAS + 1, num_queries + num_gallery)
    both = cameras[:num_queries], cameras[num_queries:]
    return *sides, query_ids, gallery_ids, *both


def scores(num_queries: int, num_gallery: int) -> tuple[np.ndarray, ...]:
    """Similarities of people, each about four times in a gallery of 1,400.

    Args:
        num_queries: Queries.
        num_gallery: Gallery images.

    Returns:
        The arguments of `metrics.evaluate` that have no name.
    """
    query, gallery, *labels = people(num_queries, num_gallery)
    return query @ gallery.T, *labels


def _scores(num_queries: int, num_gallery: int, *others: str) -> tuple[Any, ...]:
    return *scores(num_queries, num_gallery), *others


def _evaluate(*arguments: Any) -> metrics.Metrics:
    *arrays, protocol = arguments
    return metrics.evaluate(*arrays, protocol=protocol)


def scoring(num_queries: int, num_gallery: int, runs: int) -> Table:
    """Every protocol beside the loop over queries.

    Args:
        num_queries: Queries.
        num_gallery: Gallery images.
        runs: Measured runs of each.

    Returns:
        The table.
    """
    arguments = scores(num_queries, num_gallery)
    rows = []
    for protocol in metrics.PROTOCOLS:
        cases = {"theirs": released.evaluate, "ours": metrics.evaluate}
        results = {}

        def call(name: str, protocol: str = protocol) -> None:
            results[name] = cases[name](*arguments, protocol=protocol)  # noqa: B023

        times = measure.timings(
            {name: lambda name=name, call=call: call(name) for name in cases}, runs=runs
        )
        apart = max(
            float(np.abs(np.subtract(a, b)).max())
            for a, b in zip(results["theirs"], results["ours"][:3], strict=True)
        )
        ratio = times["theirs"].median / times["ours"].median
        theirs, ours = str(times["theirs"]), str(times["ours"])
        memory = measure.growth_gib(
            _evaluate, num_queries, num_gallery, protocol, prepare=_scores
        )
        shown = [protocol, theirs, ours, round(ratio, 1), memory, f"{apart:.0e}"]
        rows.append(shown)
    return Table(
        f"CMC, mAP and mINP of {num_queries:,} queries x {num_gallery:,} images; "
        f"seconds, median and spread of {runs} runs in turns; memory of ours beside "
        "its arguments, in a process of its own.",
        [
            *("protocol", "loop over queries", "ceil-jax", "ratio"),
            *("GiB", "figures differ by"),
        ],
        rows,
    )


def reranking(num_images: int, runs: int) -> Table:
    """The related re-rankers, from features to similarities.

    Args:
        num_images: Queries, a quarter, and gallery images.
        runs: Measured runs of each.

    Returns:
        The table.
    """
    features = embeddings.features(num_images, EMBEDDING)
    query, gallery = np.split(features, [num_images // 4])
    cases = {
        "k-reciprocal": (released_k_reciprocal.k_reciprocal, k_reciprocal),
        "ECN": (released_ecn.ecn, ecn),
    }
    rows = []
    for name, (theirs, ours) in cases.items():
        times = measure.timings(
            {
                "theirs": lambda theirs=theirs: theirs(query, gallery),
                "ours": lambda ours=ours: ours(query, gallery),
                "product": lambda: features @ features.T,
                "tiles": lambda: _multiplied(features),
            },
            runs=runs,
        )
        dense, sparse, product, tiled = (time.median for time in times.values())
        ratios = dense / sparse, (dense - product) / (sparse - tiled)
        want = theirs(query, gallery)
        apart = np.abs(want - ours(query, gallery)).max() / np.abs(want).max()
        shown = [round(ratio, 1) for ratio in ratios]
        shown += [
            measure.growth_gib(method, num_images, EMBEDDING, prepare=_sides)
            for method in (theirs, ours)
        ]
        rows.append([name, *map(str, times.values()), *shown, f"{float(apart):.0e}"])
    return Table(
        f"Re-ranking of {num_images:,} images, a quarter of them queries, "
        f"d={EMBEDDING:,}, from features; seconds, median and spread of "
        f"{runs} runs in turns. The product of all features with each other alone "
        "stands beside them, by NumPy as in the dense versions and in tiles as in "
        "ceil-jax: what is left of each without its own is the second ratio. Memory "
        "beside the features, in processes of their own.",
        [
            *("method", "dense", "ceil-jax", "product", "in tiles", "ratio"),
            *("ratio of the rest", "GiB, dense", "GiB", "relative difference"),
        ],
        rows,
    )


def _multiplied(features: np.ndarray) -> None:
    threads.for_each(lambda tile: list(tile.halves()), tiles.of_pairs(features))


def _sides(num_images: int, width: int = WIDTH) -> tuple[np.ndarray, np.ndarray]:
    features = embeddings.features(num_images, width)
    query, gallery = np.split(features, [num_images // 4])
    return query, gallery


def large(num_images: int) -> Table:
    """Cost of the re-rankers far beyond what dense matrices allow.

    Args:
        num_images: Queries, a quarter, and gallery images.

    Returns:
        The table.
    """
    rows = []
    for name, method in (("k-reciprocal", k_reciprocal), ("ECN", ecn)):
        cost = measure.in_new_process(method, num_images, prepare=_sides)
        result = cost.result.nbytes / 2**30
        rows.append([name, num_images, cost.seconds, cost.peak_gib, result])
    return Table(
        f"Re-ranking of {num_images:,} images, a quarter of them queries, "
        f"d={WIDTH}, in a process of its own.",
        ["method", "images", "s", "peak GiB", "of it the result"],
        rows,
    )


def _large_people(num_gallery: int, *others: str) -> tuple[np.ndarray | str, ...]:
    arguments = people(
        num_gallery * 3 // 10,
        num_gallery,
        num_people=max(2, num_gallery // IMAGES_A_PERSON),
        width=LARGE_WIDTH,
        noise=LARGE_NOISE,
    )
    return *arguments, *others


def _multiply(query: np.ndarray, gallery: np.ndarray, *_: np.ndarray) -> None:
    for _block in Products(query, gallery).blocks():
        pass


def _score(*arguments: Any) -> metrics.Metrics:
    *arrays, protocol = arguments
    return metrics.evaluate_features(*arrays, protocol=protocol)


def from_features(num_gallery: int) -> Table:
    """Cost of an evaluation whose matrix of similarities would be too large.

    Args:
        num_gallery: Gallery images; there are 3/10 as many queries.

    Returns:
        The table.
    """
    prepared = {"prepare": _large_people}
    cost = measure.in_new_process(_multiply, num_gallery, **prepared)
    rows = [["products alone", cost.seconds, cost.before_gib, cost.peak_gib, "", ""]]
    for protocol in metrics.PROTOCOLS:
        cost = measure.in_new_process(_score, num_gallery, protocol, **prepared)
        figures = cost.result.cmc[0], cost.result.mean_ap
        percent = [f"{100 * figure:.1f}" for figure in figures]
        rows.append([protocol, cost.seconds, cost.before_gib, cost.peak_gib, *percent])
    num_queries = num_gallery * 3 // 10
    matrix = measure.number(num_queries * num_gallery * 4 / 2**30)
    return Table(
        f"CMC, mAP and mINP of {num_queries:,} queries x {num_gallery:,} images from "
        f"features, d={LARGE_WIDTH}, {IMAGES_A_PERSON} images a person, each in a "
        f"process of its own. The matrix of similarities would take {matrix} GiB.",
        ["protocol", "s", "GiB before", "peak GiB", "Rank-1 %", "mAP %"],
        rows,
    )


def main(argv: list[str]) -> None:
    """Measure and show."""
    del argv
    tables = []
    if _QUERIES.value:
        tables.append(scoring(_QUERIES.value, _GALLERY.value, _RUNS.value))
    if _RERANKED.value:
        tables.append(reranking(_RERANKED.value, _RUNS.value))
    if _LARGE.value:
        tables.append(large(_LARGE.value))
    if _FEATURES.value:
        tables.append(from_features(_FEATURES.value))
    command = (
        f"python -m benchmarks.evaluation --queries={_QUERIES.value} "
        f"--reranked={_RERANKED.value} --large={_LARGE.value}"
    )
    if _FEATURES.value:
        command += f" --features={_FEATURES.value}"
    Record("Scoring, k-reciprocal and ECN", command, tables).show()


if __name__ == "__main__":
    app.run(main)
