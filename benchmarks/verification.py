"""False accept rates that thresholds promise, and what is found on other people.

The shipped encoder embeds generated people of several seeds: each seed is 40 people and
six cameras of its own. Thresholds are made on some people and tried on others. Their
images are those that the demo tests on; more for pairs of one moment. What is found
is kept in `benchmarks/recorded/verification.json` and shown in `docs/verification.md`.

    python -m benchmarks.verification               # measure and write, some minutes
    python -m benchmarks.verification --norun       # only write

With `OPENBLAS_NUM_THREADS=1` the cost is measured without threads that wait for a core.
"""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import app, flags

from benchmarks import flagged, people, record, verified_cost, verified_page
from benchmarks.record import Record, Table
from benchmarks.verified_people import IN_FRAME, Rows, moments, rows_of
from ceil_jax.evaluation import image_pairs, verification
from ceil_jax.evaluation.calibration import Calibration
from ceil_jax.evaluation.image_pairs import PairScores, pair_scores
from ceil_jax.evaluation.same_moment import calibrate_same_moment

RECORDED = verified_page.RECORDED / "verification.json"
FARS = (1e-1, 1e-2, 1e-3)
PAIRS = ("visible-visible", "infrared-infrared", "visible-infrared")

_FLAGS = flagged.own(__name__)
_SEEDS = flags.DEFINE_integer("seeds", 10, "Sets of people.", flag_values=_FLAGS)
_HALVES = flags.DEFINE_integer(
    "halves", 10, "Divisions of each set into halves.", flag_values=_FLAGS
)
_RUN = flags.DEFINE_bool(
    "run", True, "Measure; else only write the page anew.", flag_values=_FLAGS
)
_CACHE = flags.DEFINE_string(
    "cache", "runs/verification", "Folder of embeddings.", flag_values=_FLAGS
)


class Trial(NamedTuple):
    """A threshold from some people, tried on others."""

    pair: str
    far: float
    promised_tar: float
    found_far: float
    found_tar: float
    inside: bool
    cautious_far: float | None


def tried(found: Calibration, scores: dict[str, PairScores]) -> list[Trial]:
    """What each threshold does on other people.

    Args:
        found: Thresholds.
        scores: Pairs of other people.

    Returns:
        A trial for each threshold.
    """
    trials = []
    for name, pair in found.pairs.items():
        genuine, impostor = (side.similarities for side in scores[name][:2])
        for point in pair.points:
            far = float(np.mean(impostor >= point.threshold))
            low, high = point.far_interval or (0.0, None)
            upper = point.threshold_interval and point.threshold_interval.high
            trials.append(
                Trial(
                    name,
                    point.far,
                    point.tar or 0.0,
                    far,
                    float(np.mean(genuine >= point.threshold)),
                    low <= far <= (1.0 if high is None else high),
                    None if upper is None else float(np.mean(impostor >= upper)),
                )
            )
    return trials


def of_halves(sets: Sequence[Rows], num_halves: int) -> list[Trial]:
    """Thresholds from half of a set's people, tried on the other half."""
    trials = []
    for seed, rows in enumerate(sets):
        known = np.unique(rows.identities)
        for half in range(num_halves):
            order = np.random.default_rng((seed, half)).permutation(known)
            mine, other = np.split(order, [len(known) // 2])
            found = verification.calibrate(*rows.of(mine), fars=FARS)
            trials += tried(found, pair_scores(*rows.of(other)))
    return trials


def of_other_sets(sets: Sequence[Rows]) -> list[Trial]:
    """Thresholds from a set's people, tried on every other set's."""
    scores = [pair_scores(*rows) for rows in sets]
    found = [verification.calibrate(*rows, fars=FARS) for rows in sets]
    return [
        trial
        for a, b in itertools.permutations(range(len(sets)), 2)
        for trial in tried(found[a], scores[b])
    ]


def promises(caption: str, trials: Iterable[Trial]) -> Table:
    """Promised and found rates, by pair of modalities and FAR."""
    lines = []
    of_all = list(trials)
    for name, far in itertools.product(PAIRS, FARS):
        some = [t for t in of_all if (t.pair, t.far) == (name, far)]
        if not some:
            continue
        fars = np.array([t.found_far for t in some])
        upper = [t.cautious_far for t in some]
        cautious = np.array([np.nan if far is None else far for far in upper])
        lines.append(
            [
                name,
                percent(far),
                mean_and_range(fars),
                share(fars > far),
                share([t.inside for t in some]),
                share(cautious[np.isfinite(cautious)] > far),
                share(~np.isfinite(cautious)),
                f"{percent(np.mean([t.promised_tar for t in some]))} / "
                f"{percent(np.mean([t.found_tar for t in some]))}",
            ]
        )
    headers = [
        *("pair", "FAR promised %", "found %, mean (range)", "above the promise"),
        *("inside its interval", "cautious: above", "cautious: none"),
        "TAR % promised / found",
    ]
    return Table(caption, headers, lines)


def one_threshold(sets: Sequence[Rows], far: float = 1e-2) -> Table:
    """What one threshold for every pair of modalities does."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in PAIRS}
    for rows in sets:
        (pooled,) = verification.calibrate(*rows[:3], fars=(far,)).pairs.values()
        for name, scores in pair_scores(*rows).items():
            genuine, impostor = (side.similarities for side in scores[:2])
            at = pooled.points[0].threshold
            rates = float(np.mean(impostor >= at)), float(np.mean(genuine >= at))
            found[name].append(rates)
    lines = []
    for name, rates in found.items():
        fars, tars = np.array(rates).T
        lines.append([name, mean_and_range(fars), percent(tars.mean())])
    return Table(
        f"One threshold at a FAR of {far:.0%} over all pairs of a set, modalities "
        f"mixed: what it is within and across them. Mean (range) of {len(sets)} sets.",
        ["pair", "FAR %", "TAR %"],
        lines,
    )


def by_camera(sets: Sequence[Rows], far: float = 1e-2) -> Table:
    """How far the FAR of two cameras is from that of their modalities."""
    lines = []
    for name in PAIRS:
        rates = []
        for rows in sets:
            scores = pair_scores(*rows)[name]
            pair = verification.calibrate_pairs(scores, fars=(far,))
            for part in image_pairs.by_cameras(scores).values():
                accepted = part.impostor.similarities >= pair.points[0].threshold
                rates.append(float(np.mean(accepted)))
        spread = (percent(rate) for rate in np.quantile(rates, (0.05, 0.5, 0.95)))
        lines.append([name, len(rates) // len(sets), *spread])
    return Table(
        f"FAR of single pairs of cameras at the threshold of their modalities, made "
        f"for {far:.0%}, over the pairs of cameras of {len(sets)} sets.",
        ["pair", "camera pairs", "5th percentile %", "median %", "95th percentile %"],
        lines,
    )


def one_camera(sets: Sequence[Rows], far: float = 1e-2) -> Table:
    """FAR of two people before one camera, at the threshold of pairs of two cameras."""
    lines = []
    for name in PAIRS[:2]:
        rates = []
        for rows in sets:
            at = verification.calibrate(*rows, fars=(far,)).threshold(name, far)
            scores = pair_scores(*rows, same_camera=True)[name]
            own = [
                part.impostor.similarities >= at
                for (first, second), part in image_pairs.by_cameras(scores).items()
                if first == second
            ]
            rates.append(float(np.mean(np.concatenate(own))))
        lines.append([name, percent(far), mean_and_range(rates)])
    return Table(
        f"Pairs of two people before one camera, at the threshold that pairs of two "
        f"cameras have for {far:.0%}. Mean (range) of {len(sets)} sets.",
        ["pair", "FAR of two cameras %", "FAR of one camera %"],
        lines,
    )


def without_labels(sets: Sequence[Rows]) -> Table:
    """Thresholds from pairs of one moment, tried across cameras on other people."""
    found: dict[tuple[str, float], list[tuple[float, float, float]]] = {}
    fars = (0.1, 0.01)
    for seed, rows in enumerate(sets):
        rng = np.random.default_rng(seed)
        mine, other = np.split(rng.permutation(np.unique(rows.identities)), 2)
        placed, times = moments(rows.of(mine), rng)
        blind = calibrate_same_moment(
            placed.features, placed.cameras, times, placed.modalities, fars=fars
        )
        labelled = verification.calibrate(*rows.of(mine), fars=fars)
        scores = pair_scores(*rows.of(other))
        for name, far in itertools.product(blind.pairs, fars):
            genuine, impostor = (side.similarities for side in scores[name][:2])
            at = blind.threshold(name, far)
            rates = impostor >= at, genuine >= at
            kept = genuine >= labelled.threshold(name, far)
            shares = [float(np.mean(part)) for part in (*rates, kept)]
            found.setdefault((name, far), []).append((shares[0], shares[1], shares[2]))
    lines = []
    for (name, far), rates in found.items():
        of_far, tar, kept = np.array(rates).T
        own = mean_and_range(of_far), percent(tar.mean()), percent(kept.mean())
        lines.append([name, percent(far), *own])
    return Table(
        f"Thresholds without labels: {IN_FRAME} people before a camera at a time, half "
        f"of a set's people; tried on pairs of two cameras of the other half. Mean "
        f"(range) of {len(sets)} sets.",
        ["pair", "FAR promised %", "FAR found %", "TAR %", "TAR % with labels"],
        lines,
    )


def mean_and_range(rates: Any) -> str:
    """Shares in percent."""
    low, high = percent(np.min(rates)), percent(np.max(rates))
    return f"{percent(np.mean(rates))} ({low}-{high})"


def percent(value: Any) -> str:
    """A rate with two figures that count."""
    return f"{100 * value:.2g}" if value < 0.1 else f"{100 * value:.1f}"


def share(values: Any) -> str:
    """How many of some trials."""
    found = np.asarray(values, bool)
    return "-" if not len(found) else f"{100 * found.mean():.0f} %"


def measured(num_seeds: int, num_halves: int, cache: Path) -> Record:
    """All tables.

    Args:
        num_seeds: Sets of people.
        num_halves: Divisions of each.
        cache: Folder of embeddings.

    Returns:
        The record.
    """
    variables = people.variables_of(None)
    files = {seed: cache / f"pretrained_{seed}.npz" for seed in range(1, num_seeds + 1)}
    sides = [people.embed(variables, seed, file) for seed, file in files.items()]
    sets = [rows_of(one) for one in sides]
    halves = of_halves(sets, num_halves)
    others = of_other_sets(sets)
    tables = [
        promises(
            f"Thresholds from 20 people, tried on 20 others before the same cameras; "
            f"{num_halves} divisions of each of {num_seeds} sets.",
            halves,
        ),
        promises(
            f"Thresholds from a set's 40 people, tried on each other set's 40, before "
            f"other cameras; {num_seeds} sets.",
            others,
        ),
        one_threshold(sets),
        by_camera(sets),
        one_camera(sets),
        without_labels([rows_of(one, demo=False) for one in sides]),
        verified_cost.beside_scoring(sets[0]),
        verified_cost.large(100_000, 256),
    ]
    command = "OPENBLAS_NUM_THREADS=1 python -m benchmarks.verification"
    command += f" --seeds={num_seeds}"
    return Record("Verification", f"{command} --halves={num_halves}", tables)


def main(argv: list[str]) -> None:
    """Measure, then write."""
    del argv
    output = Path(record.OUTPUT.value or RECORDED)
    if _RUN.value:
        found = measured(_SEEDS.value, _HALVES.value, verified_page.ROOT / _CACHE.value)
        record.write(found, output)
    verified_page.show(output, RECORDED, "measured")


if __name__ == "__main__":
    app.run(main)
