"""`rerank.candidates`: its time, and how much of the whole set's gain it keeps.

One query at a time asks a store that holds all other images of both modalities; the
nearest of these are re-ranked alone, and what was not returned follows by plain
similarity. Ranked and scored are the images of the other modality. The yardstick is
`gcr` over all images at once.

    python -m benchmarks.candidates
    python -m benchmarks.candidates --people=FOLDER   # holds SYSU-MM01, RegDB, LLCM
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags

from benchmarks import flagged, layouts, people
from benchmarks.layouts import Search
from benchmarks.people import Side
from benchmarks.record import Record, Table
from ceil_jax.common.progress import bar
from ceil_jax.evaluation import metrics
from ceil_jax.rerank import candidates, gcr

SIZES = (25, 50, 100, 200, 400)
ONE_SIDED = 200
ACROSS = f"{ONE_SIDED} of the other modality"
WIDTH = 512
SIDES = ("infrared queries", "visible queries")
Figures = dict[str, tuple[float, float]]
"""Rank-1 and mAP in percent, of "plain", "joint" and each number of candidates."""

_FLAGS = flagged.own(__name__)
_SEEDS = flags.DEFINE_integer(
    "seeds", 10, "Seeds of generated people, from 1.", flag_values=_FLAGS
)
_PEOPLE = flags.DEFINE_string(
    "people", "", "Folder that holds real images in the layouts.", flag_values=_FLAGS
)
_RUNS = flags.DEFINE_integer("runs", 50, "Timed calls of each.", flag_values=_FLAGS)
_CACHE = flags.DEFINE_string(
    "cache", "runs/rerankers", "Where embeddings are kept.", flag_values=_FLAGS
)


def figures(similarity: np.ndarray, found: Search) -> tuple[float, float]:
    """Rank-1 and mAP of a search.

    Args:
        similarity: (Q, G).
        found: Query, gallery and protocol.

    Returns:
        Both in percent.
    """
    query, gallery, protocol = found
    scored = metrics.evaluate(
        similarity,
        query.identities,
        gallery.identities,
        query.cameras,
        gallery.cameras,
        protocol=protocol,
    )
    return 100 * float(scored.cmc[0]), 100 * scored.mean_ap


def kept(found: Search, sizes: Sequence[int] = SIZES) -> Figures:
    """Figures by number of candidates, beside plain ones and those of the whole set.

    `ONE_SIDED` candidates of the other modality alone are tried as well.

    Args:
        found: Query, gallery and protocol; the queries are in the store, too.
        sizes: Numbers of candidates; those that the store does not hold are left out.

    Returns:
        The figures.
    """
    query, gallery, _ = found
    store = np.concatenate([query.features, gallery.features])
    cameras = np.concatenate([query.cameras, gallery.cameras])
    joint = gcr(query.features, gallery.features, query.cameras, gallery.cameras)
    plain = query.features @ gallery.features.T
    result = {"plain": figures(plain, found), "joint": figures(joint, found)}
    nearness = query.features @ store.T
    np.fill_diagonal(nearness, -np.inf)  # a query does not find itself
    nearest = np.argsort(-nearness, axis=1)
    returned = {str(n): nearest[:, :n] for n in sizes if n < len(store)}
    num_queries = len(query.features)
    if len(gallery.features) >= ONE_SIDED:
        across = np.argsort(-plain, axis=1)[:, :ONE_SIDED]
        returned[ACROSS] = num_queries + across
    for name, lists in returned.items():
        ranked = plain.astype(np.float64)
        for number, rows in enumerate(lists):
            scores = candidates(
                store[number], store[rows], cameras[number], cameras[rows]
            )
            of_gallery = rows >= num_queries
            columns = rows[of_gallery] - num_queries
            # Above all others; where scores are equal, by plain similarity.
            ranked[number, columns] *= 1e-9
            ranked[number, columns] += 2 + scores[of_gallery]
        result[name] = figures(ranked, found)
    return result


def share(found: Figures, name: str) -> float:
    """Part of the joint form's gain in mAP that is kept, in percent."""
    plain, joint = found["plain"][1], found["joint"][1]
    return 100 * (found[name][1] - plain) / (joint - plain)


def gain_table(by_seed: Sequence[Figures], caption: str) -> Table:
    """Means over seeds, with their standard deviation.

    Args:
        by_seed: Figures of each.
        caption: Of the table.

    Returns:
        The table.
    """
    rows = []
    for name in ("plain", *map(str, SIZES), ACROSS, "joint"):
        if name not in by_seed[0]:
            continue
        values = np.array([(*each[name], share(each, name)) for each in by_seed])
        label = f"{name} candidates" if name.isdigit() else name
        rows.append([label, *map(spread, values.T)])
    return Table(caption, ["", "Rank-1", "mAP", "gain in mAP kept, %"], rows)


def spread(values: np.ndarray) -> str:
    """Mean and standard deviation."""
    if len(values) < 2:
        return f"{values.mean():.1f}"
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"


def generated(num_seeds: int, cache: Path) -> dict[str, list[Search]]:
    """Searches among generated people, 16 images of each in each modality.

    Args:
        num_seeds: Seeds from 1; people of a seed are numbered from 0, as in the demo.
        cache: Folder of the embeddings.

    Returns:
        By side, a search for each seed.
    """
    variables = people.variables_of(None)
    found: dict[str, list[Search]] = {name: [] for name in SIDES}
    for seed in range(num_seeds):
        sides = people.embed(variables, seed, cache / f"people{seed}.npz")
        infrared = sides["infrared"].take(sides["infrared"].numbers <= 8)
        visible = sides["visible"].take(sides["visible"].numbers <= 4)
        found[SIDES[0]].append((infrared, visible, "sysu_mm01"))
        found[SIDES[1]].append((visible, infrared, "sysu_mm01"))
    return found


def time_table(runs: int) -> Table:
    """Milliseconds by number of candidates.

    Args:
        runs: Calls of each.

    Returns:
        The table.
    """
    rows = []
    for size in (*SIZES, 800):
        side = _drawn(size + 1)
        one, rest = side.take(np.arange(1)), side.take(np.arange(1, size + 1))

        def alone(one: Side = one, rest: Side = rest) -> Any:
            return candidates(
                one.features[0], rest.features, one.cameras[0], rest.cameras
            )

        def joint(one: Side = one, rest: Side = rest) -> Any:
            return gcr(one.features, rest.features, one.cameras, rest.cameras)

        # A search that rounds otherwise may take another of two equally near rows.
        same = gcr(
            one.features, rest.features, one.cameras, rest.cameras, search="pairs"
        )
        difference = float(np.abs(alone() - same[0]).max())
        shown = [f"{ms:.2f}" for call in (alone, joint) for ms in _timed(call, runs)]
        rows.append([size, *shown, f"{difference:.0e}"])
    headers = ["candidates", "candidates, CPU ms", "waited ms", "gcr, CPU ms"]
    return Table(
        f"One query, d={WIDTH}, drawn rows, cameras given: medians of {runs} calls.",
        [*headers, "waited ms", "largest difference"],
        rows,
    )


def _drawn(num_rows: int) -> Side:
    """Rows about twenty centres."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20, WIDTH))[rng.integers(20, size=num_rows)]
    rows += 0.8 * rng.normal(size=rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    numbers = np.arange(num_rows)
    return Side(rows.astype(np.float32), numbers, rng.integers(1, 7, num_rows), numbers)


def _timed(call: Callable[[], Any], runs: int) -> tuple[float, float]:
    """Median milliseconds of CPU time and of waiting."""
    seconds = np.empty((runs, 2))
    for number in range(-3, runs):
        start = time.process_time(), time.perf_counter()
        call()
        end = time.process_time(), time.perf_counter()
        if number >= 0:
            seconds[number] = np.subtract(end, start)
    cpu, waited = 1000 * np.median(seconds, axis=0)
    return float(cpu), float(waited)


def main(argv: list[str]) -> None:
    """Measure and show."""
    del argv
    cache = Path(_CACHE.value)
    tables = [time_table(_RUNS.value)]
    with bar(total=2 * _SEEDS.value, desc="searches", unit="search") as shown:
        for name, searches in generated(_SEEDS.value, cache).items():
            by_seed = []
            for each in searches:
                by_seed.append(kept(each))
                shown.update(1)
            about = f"Generated people, {len(by_seed)} seeds, {name}, 1,280 images"
            tables.append(gain_table(by_seed, f"{about}, mean ± std over seeds, %."))
    if _PEOPLE.value:
        variables = people.variables_of(None)
        for name in layouts.FOLDERS:
            given = layouts.searches(
                people.by_jax(variables), name, Path(_PEOPLE.value), cache / "prepared"
            )
            for mode, each in layouts.whole(given).items():
                about = f"{mode}: {len(each[0].features)} queries"
                about += f", {len(each[1].features)} images ranked, %."
                tables.append(gain_table([kept(each)], about))
    command = f"python -m benchmarks.candidates --seeds={_SEEDS.value}"
    command += " --people=FOLDER" if _PEOPLE.value else ""
    Record("Candidates of one query", command, tables).show()


if __name__ == "__main__":
    app.run(main)
