"""All re-rankers on the same features, and what one gallery image per person does.

The features are the pretrained encoder's; every re-ranker has its defaults. Figures
compare with no paper's. With `--output=benchmarks/recorded/rerankers.json` it writes
the tables of `docs/reranking.md` as well.

    python -m benchmarks.rerankers
    python -m benchmarks.rerankers --people=FOLDER   # holds SYSU-MM01, RegDB, LLCM
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags

from benchmarks import flagged, layouts, people, rerank_auto, rerankers_page
from benchmarks.candidates import figures, spread
from benchmarks.layouts import Search
from benchmarks.people import Side
from benchmarks.record import OUTPUT, Record, Table
from ceil_jax import rerank
from ceil_jax.common.progress import bar

SETTINGS = {
    "single-shot": "16 infrared queries of each person, one gallery image of each of "
    "four visible cameras",
    "4-shot": "16 infrared queries of each person, four gallery images of each of four "
    "visible cameras",
    "ten and ten": "ten images of each person from one visible camera against ten from "
    "one infrared camera",
}
"""What each is."""
COUNTS = (1, 2, 4, 8, 16)
"""Images of each person."""
Ranked = Callable[[Side, Side], np.ndarray]
RELEASED = {"k1": 45, "k2": 90, "beta": 0.08, "scale": 0.7}
"""Numbers of the propagation that the released CEIL holds, switched off."""

_FLAGS = flagged.own(__name__)
_SEEDS = flags.DEFINE_integer(
    "seeds", 10, "Seeds of generated people, from 1.", flag_values=_FLAGS
)
_PEOPLE = flags.DEFINE_string(
    "people", "", "Folder that holds real images in the layouts.", flag_values=_FLAGS
)
_CACHE = flags.DEFINE_string(
    "cache", "runs/rerankers", "Where embeddings are kept.", flag_values=_FLAGS
)


def _plain(query: Side, gallery: Side) -> np.ndarray:
    return query.features @ gallery.features.T


def _named(name: str, *, cameras: bool = False, **options: float) -> Ranked:
    """A re-ranker by name, with or without cameras."""
    function: Any = rerank.by_name(name)

    def ranked(query: Side, gallery: Side) -> np.ndarray:
        sides = (query.cameras, gallery.cameras) if cameras else ()
        return function(query.features, gallery.features, *sides, **options)

    return ranked


def _gcr_auto(query: Side, gallery: Side) -> np.ndarray:
    return rerank.gcr(
        query.features,
        gallery.features,
        query.cameras,
        gallery.cameras,
        **rerank.auto(query.features, gallery.features),
    )


def _propagated_gcr(query: Side, gallery: Side) -> np.ndarray:
    rows = np.concatenate([query.features, gallery.features])
    cameras = np.concatenate([query.cameras, gallery.cameras])
    found = rerank.propagate(rows, cameras)
    first, second = np.split(found, [len(query.features)])
    return rerank.gcr(first, second, query.cameras, gallery.cameras)


METHODS: dict[str, Ranked] = {
    "plain": _plain,
    "GCR, cameras": _named("gcr", cameras=True),
    "GCR, cameras, `auto`": _gcr_auto,
    "GCR": _named("gcr"),
    "GNN": _named("gnn"),
    "k-reciprocal": _named("k_reciprocal"),
    "ECN": _named("ecn"),
    "CA-Jaccard, cameras": _named("ca_jaccard", cameras=True),
    "NFC": _named("nfc"),
    "propagate, cameras": _named("propagate", cameras=True),
    "propagate": _named("propagate"),
    "propagate, cameras, 45 and 90": _named("propagate", cameras=True, **RELEASED),
    "propagate, then GCR, cameras": _propagated_gcr,
}
FEW_METHODS = ("GCR, cameras", "GCR, cameras, `auto`", "k-reciprocal", "NFC")
"""Those that are tried on few images of each person."""


def scored(found: Search, name: str) -> tuple[float, float, float]:
    """Rank-1, mAP and the CPU time of one method.

    Args:
        found: Query, gallery and protocol.
        name: One of `METHODS`.

    Returns:
        Percent, percent, seconds.
    """
    start = time.process_time()
    similarity = METHODS[name](found[0], found[1])
    seconds = time.process_time() - start
    return (*figures(similarity, found), seconds)


def table(searches: Sequence[Search], caption: str) -> Table:
    """Figures of every method over some searches.

    Args:
        searches: Of as many seeds or trials.
        caption: Of the table.

    Returns:
        The table; gains are on plain, and the time is that of the fastest search: the
        first pays for what is loaded and compiled.
    """
    values = {
        name: np.array([scored(found, name) for found in searches]) for name in METHODS
    }
    rows = []
    for name, of_one in values.items():
        gains = of_one - values["plain"]
        row = [name]
        for column in (0, 1):
            row.append(spread(of_one[:, column]))
            row.append("" if name == "plain" else f"{gains[:, column].mean():+.1f}")
        rows.append([*row, f"{of_one[:, 2].min():.2g}"])
    headers = ["re-ranker", "Rank-1", "gain", "mAP", "gain", "CPU seconds"]
    return Table(caption, headers, rows)


def few(
    sides: dict[str, Side], seed: int, num_queries: int, num_gallery: int
) -> Search:
    """Some infrared images of each person against some visible ones.

    Args:
        sides: Test images of both modalities.
        seed: Of the draws.
        num_queries: Infrared images of each person.
        num_gallery: Visible images of each person, of cameras drawn for each.

    Returns:
        The search.
    """
    rng = np.random.default_rng(seed)
    drawn = []
    for side, number in (
        (sides["infrared"], num_queries),
        (sides["visible"], num_gallery),
    ):
        rows = [
            rng.choice(np.flatnonzero(side.identities == one), number, replace=False)
            for one in np.unique(side.identities)
        ]
        drawn.append(side.take(np.concatenate(rows)))
    return drawn[0], drawn[1], "sysu_mm01"


def few_table(by_seed: Sequence[dict[str, Side]]) -> Table:
    """Gains on plain by the images of each person.

    Args:
        by_seed: Test images of each seed.

    Returns:
        The table.
    """
    rows = []
    for num_gallery in COUNTS:
        for num_queries in COUNTS:
            searches = [
                few(sides, seed, num_queries, num_gallery)
                for seed, sides in enumerate(by_seed)
            ]
            plain = np.array([scored(found, "plain")[:2] for found in searches])
            means = " / ".join(f"{value:.1f}" for value in plain.mean(axis=0))
            row: list[str | int] = [num_gallery, num_queries, means]
            for name in FEW_METHODS:
                found = [scored(search, name)[:2] for search in searches]
                gains = np.array(found) - plain
                worse = (gains < 0).sum(axis=0)
                row.append(
                    " / ".join(f"{gain:+.1f}" for gain in gains.mean(axis=0))
                    + f" ({worse[0]}, {worse[1]})"
                )
            rows.append(row)
    return Table(
        f"Generated people, {len(by_seed)} seeds: Rank-1 / mAP of plain similarity, "
        "and gains on it; in brackets the number of seeds on which each got worse.",
        ["gallery images", "query images", "plain", *FEW_METHODS],
        rows,
    )


def main(argv: list[str]) -> None:
    """Measure and show."""
    del argv
    cache, variables = Path(_CACHE.value), people.variables_of(None)
    by_seed = [
        people.embed(variables, seed, cache / f"people{seed}.npz")
        for seed in range(_SEEDS.value)
    ]
    tables = []
    with bar(total=len(SETTINGS) + 1, desc="tables", unit="table") as shown:
        for setting, what in SETTINGS.items():
            searches = [
                rerank_auto.search(sides, setting, seed + 1)
                for seed, sides in enumerate(by_seed)
            ]
            about = f"**Generated people, {setting}**: {what}"
            about += f". Mean ± standard deviation over {len(searches)} seeds, %."
            tables.append(table(searches, about))
            shown.update(1)
        tables.append(few_table(by_seed))
        shown.update(1)
    for name in layouts.FOLDERS if _PEOPLE.value else ():
        given = layouts.searches(
            people.by_jax(variables), name, Path(_PEOPLE.value), cache / "prepared"
        )
        for mode, searches in given.items():
            sizes = " and ".join(str(len(side.features)) for side in searches[0][:2])
            about = f"**{mode}**, {sizes} images, {len(searches)} trials."
            tables.append(table(searches, about))
    command = f"python -m benchmarks.rerankers --seeds={_SEEDS.value}"
    command += " --people=FOLDER" if _PEOPLE.value else ""
    Record("Re-rankers", command, tables).show()
    if OUTPUT.value and Path(OUTPUT.value).resolve() == rerankers_page.RECORDED:
        rerankers_page.write()


if __name__ == "__main__":
    app.run(main)
