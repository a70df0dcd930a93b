"""False alarms of `--mode compare` on recipes that are trained once on each split.

People are split at random into two halves, ten times; on each split both recipes train
a model, which sees the people of the other half. Recipes displace people alike in part,
each in part in its own way for all its models, and each model in a way of its own;
besides, a whole model may be luckier than another, and may owe that to the people that
it was trained on.

    python -m benchmarks.compared_splits          # measure and write docs/comparing.md
    python -m benchmarks.compared_splits --norun  # only write
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import app, flags
from scipy import stats

from benchmarks import flagged, record
from benchmarks.record import Record, Table
from ceil_jax.evaluation import paired, paired_splits
from ceil_jax.evaluation.paired import Sums

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "benchmarks" / "recorded" / "compared_splits.json"
PAGE = ROOT / "docs" / "comparing.md"
SPLITS, QUERIES, IMAGES, WIDTH = 10, 4, 2, 12
SHARED, OF_RECIPE, OF_MODEL, HARD = 0.5, 0.35, 0.35, 0.4
"""Noise of both recipes, of a recipe, of a model; how hard people are, a logarithm."""
METHODS = ("ours", "people alone", "splits alone", "corrected t")

_FLAGS = flagged.own(__name__)
_PEOPLE = flags.DEFINE_list(
    "people", ["20", "40", "100"], "Numbers of people.", flag_values=_FLAGS
)
_SETS = flags.DEFINE_integer(
    "sets", 500, "Simulated sets of each number.", flag_values=_FLAGS
)
_RUN = flags.DEFINE_bool(
    "run", True, "Measure; else only write the page anew.", flag_values=_FLAGS
)


class Luck(NamedTuple):
    """By how much the noise of a whole model varies, as logarithms.

    Attributes:
        of_training: From one training to the next.
        of_half: With the half of the people trained on; all of them together favour
            neither recipe.
        of_all: Likewise, but all of them together may favour one.
    """

    of_training: float = 0.0
    of_half: float = 0.0
    of_all: float = 0.0


LUCKS = {
    "none": Luck(),
    "of trainings": Luck(of_training=0.06),
    "of halves trained on": Luck(of_half=0.06),
    "of all trained on": Luck(of_all=0.06),
}
"""The last is outside of what a verdict is about."""


def simulated(
    rng: np.random.Generator,
    num_people: int,
    luck: Luck,
    less: float = 1.0,
    num_splits: int = SPLITS,
) -> Sums:
    """Average precision of two recipes on the test halves of all splits.

    Args:
        rng: Draws everything.
        num_people: People of all splits; half of them are tested in each.
        luck: What moves whole models.
        less: Noise of the second recipe, as a part of the first's.
        num_splits: Splits.

    Returns:
        The sums by person, a column for each split.
    """
    asked = np.repeat(np.arange(num_people), QUERIES)
    held = np.repeat(np.arange(num_people), IMAGES)
    place = rng.normal(size=(num_people, WIDTH))
    hard = np.exp(HARD * rng.normal(size=num_people))[asked, None]
    sizes = (num_people, len(asked), len(held))

    def draw(scale: float) -> list[np.ndarray]:
        return [scale * rng.normal(size=(size, WIDTH)) for size in sizes]

    shared, recipes = draw(SHARED), [draw(OF_RECIPE) for _ in range(2)]
    worth = luck.of_all * rng.normal(size=(2, num_people))  # of people, to train on
    half = luck.of_half * rng.normal(size=(2, num_people))
    worth += half - half.mean(axis=1, keepdims=True)
    found = np.full((2, num_splits, len(asked)), np.nan)
    for split in range(num_splits):
        is_tested = np.zeros(num_people, bool)
        is_tested[rng.permutation(num_people)[: num_people // 2]] = True
        queries, images = is_tested[asked], is_tested[held]
        for recipe, factor in enumerate((1.0, less)):
            trained = worth[recipe, ~is_tested].sum() / (num_people / 2) ** 0.5
            lucky = luck.of_training * rng.normal() + trained
            own = draw(OF_MODEL)
            moved, query, gallery = (
                factor * np.exp(lucky) * (a + b + c)
                for a, b, c in zip(shared, recipes[recipe], own, strict=True)
            )
            query = (place + moved)[asked] + query
            query = place[asked] + hard * (query - place[asked])
            gallery = place[held] + gallery
            found[recipe, split, queries] = _precision(
                query[queries], gallery[images], asked[queries], held[images]
            )
    return paired.by_person(found[0], found[1], asked)


def _precision(
    query: np.ndarray, gallery: np.ndarray, asked: np.ndarray, held: np.ndarray
) -> np.ndarray:
    """Average precision of each query; two images of a gallery show its person."""
    query, gallery = (
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in (query, gallery)
    )
    scores = query @ gallery.T
    right = asked[:, None] == held
    own = np.sort(scores[right].reshape(len(query), IMAGES), axis=1)[:, ::-1]
    wrong = np.where(right, -np.inf, scores)
    before = (wrong[:, None] > own[:, :, None]).sum(axis=2)
    places = np.arange(1, IMAGES + 1)
    return (places / (before + places)).mean(axis=1)


def intervals(sums: Sums) -> dict[str, tuple[float, float]]:
    """The interval of the difference by every method.

    Args:
        sums: The figure by person, a column for each split.

    Returns:
        Ends by the names of `METHODS`. "corrected t" takes the part of the people that
        is tested, over the part that is trained on, for what splits have in common.

    References:
        Nadeau and Bengio, Machine Learning 52, 2003, the corrected resampled t-test.
    """
    ours, people = paired_splits.difference(sums), paired.difference(sums)
    gaps = paired_splits.by_split(sums)
    reach = stats.t.isf(0.025, len(gaps) - 1) * gaps.std(ddof=1)
    half, corrected = (reach * (1 / len(gaps) + more) ** 0.5 for more in (0, 1))
    middle = float(gaps.mean())
    return {
        "ours": (ours.low, ours.high),
        "people alone": (people.low, people.high),
        "splits alone": (middle - half, middle + half),
        "corrected t": (middle - corrected, middle + corrected),
    }


def table(people: Sequence[int], num_sets: int, less: float = 1.0) -> Table:
    """How often intervals do not hold the truth, and how wide they are.

    Args:
        people: Numbers of people of all splits.
        num_sets: Simulated sets of each.
        less: Noise of the second recipe, as a part of the first's; 1 for a null.

    Returns:
        The table.
    """
    lines = []
    for name, luck in LUCKS.items():
        for num in people:
            rng = np.random.default_rng((num, 9, round(100 * less), *map(ord, name)))
            gaps, ends, moved = [], {method: [] for method in METHODS}, []
            for _ in range(num_sets):
                sums = simulated(rng, num, luck, less)
                of_splits = paired_splits.by_split(sums)
                gaps.append(of_splits.mean())
                moved.append(of_splits.std(ddof=1))
                for method, each in intervals(sums).items():
                    ends[method].append(each)
            truth = 0.0 if less == 1 else float(np.mean(gaps))
            missed = [
                100 * np.mean([not low <= truth <= high for low, high in ends[method]])
                for method in METHODS
            ]
            widths = [
                100 * np.mean([high - low for low, high in ends[method]])
                for method in ("ours", "corrected t")
            ]
            shown = [f"{share:.1f}" for share in missed]
            last = [f"{100 * x:.1f}" for x in (np.mean(moved), truth)]
            wide = [f"{width:.1f}" for width in widths]
            lines.append([num, name, *shown, *last, *wide])
    what = (
        "two recipes alike: false alarms" if less == 1 else "the second recipe better"
    )
    return Table(
        f"Ten splits, a training of each recipe on each. Shares of {num_sets:,} "
        "simulated sets, in %, whose 95 % interval of the difference of mAP does not "
        f"hold the truth; {what}.",
        [
            *("people", "luck of whole models", *METHODS),
            *("std over splits, points", "truth, points"),
            *("width of ours, points", "of corrected t"),
        ],
        lines,
    )


def main(argv: list[str]) -> None:
    """Measure, record, write the page."""
    del argv
    if _RUN.value:
        people, num = [int(each) for each in _PEOPLE.value], _SETS.value
        found = Record(
            "Intervals of comparisons over splits",
            "python -m benchmarks.compared_splits",
            [table(people, num), table(people, num, 0.85)],
        )
        record.write(found, RECORDED)
    record.on_page(RECORDED, PAGE, "measured splits")


if __name__ == "__main__":
    app.run(main)
