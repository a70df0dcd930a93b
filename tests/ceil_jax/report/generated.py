"""Generated runs: what a page takes, made without training."""

import dataclasses
from typing import Any

import numpy as np

from ceil_jax.evaluation.chosen import GROUPS
from ceil_jax.evaluation.rankings import (
    Cells,
    EachQuery,
    Images,
    Lists,
    ModeRankings,
)
from ceil_jax.evaluation.results import (
    FIGURES,
    ModeResults,
    RerankParams,
    Results,
    Spread,
)
from ceil_jax.report.contents import (
    Chosen,
    Contents,
    Matches,
    OtherModel,
    Pictures,
    Plane,
    Sheet,
    Support,
)
from ceil_jax.report.matches import pairs
from ceil_jax.report.sections import lists as ranked_lists
from ceil_jax.report.thumbnails import thumbnails

NASTY = "<b>\"&'🙂</script>" + "x" * 200


def side(generator, num, people, cameras, stem="p"):
    identities = np.arange(num) % people
    taken = generator.choice(cameras, num)
    names = [
        f"cam{c}/{i:04}/{stem}{n}.jpg"
        for n, (i, c) in enumerate(zip(identities, taken, strict=True))
    ]
    return Images(np.array(names), identities.astype(np.int64), taken.astype(np.int64))


def mode(
    num_queries=24,
    num_gallery=40,
    people=8,
    trials=3,
    cameras=((3, 6), (1, 2, 4)),
    kinds=("plain", "gcr"),
    top=14,
    seed=0,
    stem="p",
) -> ModeRankings:
    """A mode; queries of camera 3 do not count camera 2."""
    generator = np.random.default_rng(seed)
    query = side(generator, num_queries, people, cameras[0], f"{stem}-q")
    gallery = side(generator, num_gallery, people, cameras[1], f"{stem}-g")
    same = query.identities[:, None] == gallery.identities
    counts = ~((query.cameras[:, None] == 3) & (gallery.cameras == 2))
    lists, each, cells, places = {}, {}, {}, {}
    for strength, kind in enumerate(kinds, start=1):
        scores = generator.normal(size=same.shape) + strength * same
        order = np.argsort(-scores, axis=1)
        ranked = np.take_along_axis(counts, order, axis=1)
        numbers = np.where(ranked, np.cumsum(ranked, axis=1), 0)
        places[kind] = np.zeros_like(numbers)
        np.put_along_axis(places[kind], order, numbers, axis=1)
        head = order[:, :top]
        lists[kind] = (head, scores, ranked)
        each[kind] = _each(same, order, ranked, numbers, trials, generator)
        cells[kind] = _cells(query, gallery, same & counts, places[kind])
    made = {}
    for kind, (head, scores, _) in lists.items():
        other = places[kinds[1 - kinds.index(kind)]] if len(kinds) > 1 else None
        take = lambda values, head=head: np.take_along_axis(values, head, axis=1)
        zeros = np.zeros(head.shape, np.int32)
        made[kind] = Lists(
            head.astype(np.int32),
            take(scores).astype(np.float32) / 10,
            take(places[kind]).astype(np.int32),
            zeros if other is None else take(other).astype(np.int32),
            take(same),
        )
    return ModeRankings(
        "infrared",
        "visible",
        query,
        gallery,
        np.array(["0" * 64] * trials),
        np.unique(query.cameras),
        np.unique(gallery.cameras),
        made,
        each,
        cells,
    )


def _each(same, order, ranked, numbers, trials, generator) -> EachQuery:
    precision, first = [], []
    for q in range(len(same)):
        right = same[q][order[q]] & ranked[q]
        at = numbers[q][right]
        first.append(at[0] if len(at) else 0)
        precision.append(np.mean(np.arange(1, len(at) + 1) / at) if len(at) else np.nan)
    jitter = generator.normal(0, 0.01, (trials, 1))
    jitter[0] = 0
    values = np.clip(np.array(precision)[None] + jitter, 0, 1).astype(np.float32)
    return EachQuery(values, values, np.tile(np.array(first, np.int32), (trials, 1)))


def _cells(query, gallery, right, places) -> Cells:
    rows, columns = np.unique(query.cameras), np.unique(gallery.cameras)
    shape = len(rows), len(columns)
    rank1 = np.full(shape, np.nan, np.float32)
    count = np.zeros(shape, np.float32)
    for a, camera in enumerate(rows):
        for b, other in enumerate(columns):
            inside = right[query.cameras == camera][:, gallery.cameras == other]
            number = places[query.cameras == camera][:, gallery.cameras == other]
            there = inside.any(axis=1)
            count[a, b] = there.sum()
            if there.any():
                first = np.where(number > 0, number, 10**6).argmin(axis=1)
                hit = inside[np.arange(len(inside)), first]
                rank1[a, b] = hit[there].mean()
    return Cells(rank1, rank1 * np.float32(0.9), count)


def spreads(value: float) -> dict[str, Spread]:
    return {name: Spread(value + i, 1.5) for i, name in enumerate(FIGURES)}


def figures(rankings, **changes: Any) -> Results:
    """Figures of some modes; the numbers are of no search."""
    modes = {
        name: ModeResults(
            spreads(40.0),
            spreads(50.0) if "gcr" in ranked.each else None,
        )
        for name, ranked in rankings.items()
    }
    given: dict[str, Any] = {
        "protocol": "sysu_mm01",
        "sampling": "ceil",
        "trials": 3,
        "modes": modes,
        "checkpoint": "epoch 18",
        "galleries": "seeds 1-3",
        "rerank": RerankParams(),
        "dataset": "synthetic",
        "seed": 1,
    }
    return Results(**(given | changes))


def epochs(stages=(1, 1, 2, 2, 2)) -> list[dict[str, Any]]:
    """Objects of `metrics.jsonl`."""
    found = []
    for number, stage in enumerate(stages, start=1):
        counts = {"clusters": 90 + number, "proxies": 300, "kept": 90, "images": 100}
        counts |= {"purity": 0.8, "recall": 0.6}
        record = {"epoch": number, "stage": stage, "learning_rate": 0.001 / number}
        record |= {"seconds": {"embed": 2.0, "cluster": 1.0, "fit": 9.0}}
        record |= {"cdl_visible": 3.0 / number, "cdl_infrared": 2.5, "loss": 4.0}
        if stage == 2:
            record |= {"cross_cdl_visible": 4.0, "cross_cdl_infrared": 3.0}
            record |= {"right_matches": 0.4 + number / 20}
        found.append(record | {"visible": counts, "infrared": counts})
    found[0]["seconds"]["fit"] = 60.0
    return found


def take(names):
    """Images by name: plain grey ones that differ."""
    values = [sum(name.encode()) % 200 for name in names]
    images = np.zeros((len(names), 64, 32, 3), np.uint8)
    for image, value in zip(images, values, strict=True):
        image[:] = value
        image[8:40, 8:24] = value + 40
    return images


def pictures(rankings, per_group=2, num_points=60, seed=0, size=take) -> Pictures:
    chosen, support = {}, []
    names: dict[str, bool] = {}
    for name, ranked in rankings.items():
        groups = list(GROUPS) if "gcr" in ranked.lists else ["worst", "median", "best"]
        valid = np.flatnonzero(ranked.each["plain"].first[0] > 0)
        queries = valid[: per_group * len(groups)]
        labels = np.repeat(groups, per_group)[: len(queries)]
        chosen[name] = Chosen(labels, queries)
        for query in queries.tolist():
            names[str(ranked.query.names[query])] = True
            for lists in ranked.lists.values():
                shown = lists.gallery[query]
                names |= {
                    str(n): False for n in ranked.gallery.names[shown[shown >= 0]]
                }
        if "gcr" in ranked.lists and len(queries):
            first = int(ranked.lists["gcr"].gallery[queries[0], 0])
            support.append(
                Support(
                    name,
                    int(queries[0]),
                    first,
                    0.25,
                    np.array(["query", "gallery"]),
                    np.array([3, 1]),
                    np.array([0.35, 0.4]),
                    ranked.gallery.names[:3],
                    np.array([0, 1, 1]),
                    np.array([0.3, 0.2, 0.1]),
                )
            )
    return Pictures(
        thumbnails=thumbnails(list(names), size, list(names.values())),
        plane=plane(num_points, seed),
        chosen=chosen,
        support=tuple(support),
    )


def plane(num_points=60, seed=0, method="t-SNE") -> Plane:
    generator = np.random.default_rng(seed)
    identities = np.arange(num_points) % 7
    return Plane(
        method,
        np.column_stack(
            [
                generator.integers(25, 775, num_points),
                generator.integers(25, 595, num_points),
            ]
        ).astype(np.int16),
        np.arange(num_points) % 2 == 0,
        identities.astype(np.int64),
        (np.arange(num_points) % 4 + 1).astype(np.int64),
        (identities - 1).astype(np.int64),
        (np.arange(num_points) % 3 == 0).astype(np.int8),
    )


def sheets() -> Pictures:
    """What there is of a folder without labels."""
    names = [f"visible/a/{i}.jpg" for i in range(6)]
    return Pictures(
        thumbnails=thumbnails(names, take, [False] * 6),
        plane=plane(40)._replace(
            identities=np.full(40, -1), right=np.full(40, -1, np.int8)
        ),
        sheets=(
            Sheet(
                "visible",
                17,
                6,
                np.array([1, 2]),
                np.array(names),
                np.array([1, 2, 1, 2, 1, 2]),
                np.arange(6) > 3,
                2,
            ),
        ),
        sizes={"visible": np.array([6, 4, 30]), "infrared": np.zeros(0, np.int64)},
    )


def contents(**changes: Any) -> Contents:
    """A whole run."""
    rankings = changes.pop("rankings", None) or {
        "all": mode(),
        "indoor": mode(seed=1),
    }
    results = figures(rankings)
    given: dict[str, Any] = {
        "run": "demo",
        "version": "0.1.0",
        "results": results,
        "rankings": rankings,
        "pictures": pictures(rankings),
        "epochs": epochs(),
        "others": (
            OtherModel("grey pixels", results.modes, "no model"),
            OtherModel("stage 2", results.modes, is_this=True),
        ),
        "start": "pretrained weights",
        "num_epochs": 18,
        "differences": (("seed", "2", "1"),),
        "commands": (("The embeddings of all images", "ceil-jax --mode export"),),
        "people": 100,
    }
    return Contents(**(given | changes))


def matches(contents, size=(18, 9), seed=0) -> Matches:
    """Maps of every pair of a page: a bright blob in noise."""
    generator = np.random.default_rng(seed)
    shown = ranked_lists.shown(contents, ranked_lists.KEPT[0])
    names = list(pairs(contents.rankings, [(e.mode, e.query) for e in shown]))
    every, at = np.unique(np.array(names), return_inverse=True)
    ends = at.reshape(-1, 2).astype(np.int32)
    y, x = np.mgrid[: size[0], : size[1]]
    centres = generator.uniform(0, 1, (len(names), 2, 1, 1, 2)) * size
    far = (y - centres[..., 0]) ** 2 + (x - centres[..., 1]) ** 2
    maps = np.exp(-far / 8) + generator.normal(0, 0.1, (len(names), 2, *size))
    maps *= 0.5 / maps.sum((2, 3), keepdims=True)
    half = np.full(len(names), 0.5, np.float32)
    return Matches(
        "0" * 64, every, ends[:, 0], ends[:, 1], half, maps.astype(np.float16)
    )


def noisy(names):
    """Images that are hard to make small, at the size of the real data sets."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 255, (len(names), 36, 18, 3), np.uint8)
    images = coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.int16)
    return np.clip(images + generator.integers(-9, 9, images.shape), 0, 255).astype(
        np.uint8
    )


# Queries, images of a gallery, people, galleries, cameras of either, images on the map.
SIZES: dict[str, tuple[Any, ...]] = {
    "SYSU-MM01": (3803, 301, 96, 10, ((3, 6), (1, 2, 4, 5)), 10_578),
    "RegDB": (2060, 2060, 206, 1, ((2,), (1,)), 4120),
}


def of_size(name: str) -> Contents:
    """A run on a real data set of two searches, RN50's maps of every first answer."""
    *size, num_points = SIZES[name]
    rankings = {
        search: mode(*size, top=24, seed=seed)
        for seed, search in enumerate(("all", "indoor"))
    }
    given = pictures(rankings, per_group=12, num_points=num_points, size=noisy)
    found = contents(rankings=rankings, pictures=given, others=())
    return dataclasses.replace(found, matches=matches(found, (18, 9)))
