"""False alarms and coverage of the intervals of `--mode compare`, on simulated people.

Two models see the same people, queries and galleries. Every person stands at a place of
a normal space; each model sees some people displaced, for all their images at once, and
each image with noise, both in part as the other model does; some people are harder for
both. So queries of a person fail together, and the two models fail alike. Where both
have equal noise, every difference that is called one is a false alarm; where the second
has less, the truth is the mean over all simulated sets.

    python -m benchmarks.compared              # measure and write docs/comparing.md
    python -m benchmarks.compared --norun      # only write
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import app, flags

from benchmarks import flagged, record
from benchmarks.record import Record, Table
from ceil_jax.evaluation import paired, paired_rankings, seeds
from ceil_jax.evaluation.paired import Sums

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "benchmarks" / "recorded" / "compared.json"
PAGE = ROOT / "docs" / "comparing.md"
DISPLACED, OWN, HARD = 0.5, 0.5, 0.4
"""Noise that models share, or not; spread of how hard people are, as a logarithm."""
WIDTH, GALLERIES, CAMERAS = 12, 10, 2

_FLAGS = flagged.own(__name__)
_PEOPLE = flags.DEFINE_list(
    "people", ["10", "20", "40", "100"], "Numbers of people.", flag_values=_FLAGS
)
_SETS = flags.DEFINE_integer(
    "sets", 250, "Simulated sets of each number.", flag_values=_FLAGS
)
_RUN = flags.DEFINE_bool(
    "run", True, "Measure; else only write the page anew.", flag_values=_FLAGS
)


class Found(NamedTuple):
    """What the queries of one model found, each (galleries, queries)."""

    precision: np.ndarray
    is_first: np.ndarray


def simulated(
    rng: np.random.Generator, num_people: int, queries: np.ndarray, less: float
) -> tuple[np.ndarray, list[Found]]:
    """Two models on the same searches; a gallery holds two images of each person.

    Args:
        rng: Draws them.
        num_people: People.
        queries: How many each has, (people,).
        less: Noise of the second model, as a part of the first's.

    Returns:
        Whom each query shows, and what either model found.
    """
    ids = np.repeat(np.arange(num_people), queries)
    per_person = GALLERIES * CAMERAS
    shown = np.repeat(np.arange(num_people), per_person)
    place = rng.normal(size=(num_people, WIDTH))
    hard = np.exp(HARD * rng.normal(size=num_people))[ids, None]
    shared = [rng.normal(size=(n, WIDTH)) for n in (num_people, len(ids), len(shown))]
    found = []
    for factor in (1.0, less):
        moved, asked, held = (
            DISPLACED * noise + OWN * rng.normal(size=noise.shape) for noise in shared
        )
        query = place[ids] + factor * hard * (moved[ids] + asked)
        gallery = place[shown] + factor * held
        query, gallery = (
            x / np.linalg.norm(x, axis=1, keepdims=True) for x in (query, gallery)
        )
        shape = len(ids), num_people, GALLERIES, CAMERAS
        scores = (query @ gallery.T).astype(np.float32).reshape(shape)
        own = scores[np.arange(len(ids)), ids]
        before = [
            (scores > own[:, None, :, c : c + 1]).sum(axis=(1, 3))
            for c in range(CAMERAS)
        ]
        first, second = np.sort(np.stack(before), axis=0) + 1
        found.append(Found(((1 / first + 2 / second) / 2).T, (first == 1).T * 1.0))
    return ids, found


def of_bootstrap(
    sums: Sums, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """Intervals by 999 draws of people: percentiles, and Student's.

    Args:
        sums: The figure by person.
        rng: Draws them.

    Returns:
        Ends of the intervals by name.

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 12, 13.
    """
    gaps, counts, num = sums.second - sums.first, sums.counts, len(sums.counts)
    weights = rng.multinomial(num, np.full(num, 1 / num), 999).astype(np.float64)
    weights = np.concatenate([np.ones((1, num)), weights])  # the people themselves
    totals = weights @ counts
    means = weights @ gaps / totals
    away = (gaps[None] - means[:, None] * counts[None]) / totals[:, None]
    away = away.mean(axis=2)
    errors = np.sqrt(num / (num - 1) * (weights * away**2).sum(axis=1))
    drawn = means.mean(axis=1)
    size = np.where(errors > 0, errors, np.inf)
    low, high = np.quantile(((drawn - drawn[0]) / size)[1:], [0.025, 0.975])
    ends = np.quantile(drawn[1:], [0.025, 0.975])
    return {
        "percentiles": (float(ends[0]), float(ends[1])),
        "bootstrap-t": (drawn[0] - high * errors[0], drawn[0] - low * errors[0]),
    }


METHODS = ("ours", "bootstrap-t", "percentiles", "over queries")


def intervals(
    ids: np.ndarray, found: Sequence[Found], rng: np.random.Generator
) -> tuple[float, dict[str, tuple[float, float]]]:
    """The difference of the mAP, and its interval by every method."""
    sides = found[0].precision, found[1].precision
    sums = paired.by_person(*sides, ids)
    ours = paired.difference(sums)
    queries = paired.difference(paired.by_person(*sides, np.arange(len(ids))))
    ends = {"ours": (ours.low, ours.high), "over queries": (queries.low, queries.high)}
    return ours.difference, ends | of_bootstrap(sums, rng)


def _queries(rng: np.random.Generator, num_people: int, unequal: bool) -> np.ndarray:
    return rng.integers(2, 16, num_people) if unequal else np.full(num_people, 4)


def coverage(people: Sequence[int], num_sets: int, less: float) -> Table:
    """How often intervals do not hold the truth, and how wide they are.

    Args:
        people: Numbers of people.
        num_sets: Simulated sets of each.
        less: Noise of the second model, as a part of the first's; 1 for a null.

    Returns:
        The table.
    """
    lines = []
    for unequal in (False, True) if less == 1 else (False,):
        for num in people:
            rng = np.random.default_rng((num, unequal, round(100 * less)))
            gaps, ends = [], {name: [] for name in METHODS}
            for _ in range(num_sets):
                each = _queries(rng, num, unequal)
                gap, by_method = intervals(*simulated(rng, num, each, less), rng)
                gaps.append(gap)
                for name in METHODS:
                    ends[name].append(by_method[name])
            truth = 0.0 if less == 1 else float(np.mean(gaps))
            missed = [
                100 * np.mean([not low <= truth <= high for low, high in ends[name]])
                for name in METHODS
            ]
            width = 100 * np.mean([high - low for low, high in ends["ours"]])
            said = "2 to 15" if unequal else "4"
            shown = [f"{share:.1f}" for share in missed]
            lines.append([num, said, *shown, f"{100 * truth:.1f}", f"{width:.1f}"])
    what = "two models alike: false alarms" if less == 1 else "the second model better"
    return Table(
        f"Shares of {num_sets:,} simulated sets, in %, whose 95 % interval of the "
        f"difference of mAP does not hold the truth; {what}.",
        [
            *("people", "queries each", *METHODS),
            *("truth, points", "width of ours, points"),
        ],
        lines,
    )


def whole_tables(people: Sequence[int], num_sets: int) -> Table:
    """False alarms of the verdict, and of any row of a table of four figures.

    Args:
        people: Numbers of people.
        num_sets: Simulated sets of each.

    Returns:
        The table.
    """
    lines = []
    for num in people:
        rng = np.random.default_rng((num, 7))
        alarms = []
        for _ in range(num_sets):
            ids, found = simulated(rng, num, np.full(num, 4), 1.0)
            _, again = simulated(rng, num, np.full(num, 4), 1.0)
            p = [
                paired.difference(paired.by_person(one, other, ids)).p
                for pair in (found, again)
                for one, other in zip(*pair, strict=True)
            ]
            counted = paired_rankings.resolved(p, 0)
            alarms.append((counted[0], any(counted), min(p) <= 0.05))
        shares = 100 * np.mean(alarms, axis=0)
        lines.append([num, *(f"{share:.1f}" for share in shares)])
    return Table(
        f"Two models alike, {num_sets:,} sets: shares in % in which the verdict, and "
        "any of four figures, is called a difference; and what they give one by one.",
        ["people", "the verdict", "any figure", "any interval without 0"],
        lines,
    )


def recipes(num_sets: int) -> Table:
    """False alarms of recipes compared over training seeds.

    Args:
        num_sets: Simulated pairs of recipes for each number of seeds.

    Returns:
        The table.
    """
    lines = []
    for num in (6, 10):
        rng = np.random.default_rng((num, 8))
        sides = rng.normal(50, 3, (num_sets, 2, num))
        found = [
            seeds.difference(dict(enumerate(a)), dict(enumerate(b))) for a, b in sides
        ]
        alarms = 100 * np.mean([each.p <= 0.05 for each in found])
        half = np.mean([each.high - each.low for each in found]) / 2
        lines.append([num, f"{alarms:.1f}", f"{half:.1f}"])
    return Table(
        f"Two recipes alike whose figure a seed moves by a standard deviation of 3 "
        f"points; {num_sets:,} pairs of recipes.",
        ["paired seeds", "false alarms %", "half an interval, points"],
        lines,
    )


def main(argv: list[str]) -> None:
    """Measure, record, write the page."""
    del argv
    if _RUN.value:
        people, num = [int(each) for each in _PEOPLE.value], _SETS.value
        found = Record(
            "Intervals of comparisons",
            "python -m benchmarks.compared",
            [
                coverage(people, num, 1.0),
                coverage(people, num, 0.85),
                whole_tables(people, num),
                recipes(10 * num),
            ],
        )
        record.write(found, RECORDED)
    record.on_page(RECORDED, PAGE, "measured")


if __name__ == "__main__":
    app.run(main)
