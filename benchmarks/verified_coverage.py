"""How often intervals hold the truth, on similarities whose truth is known."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from benchmarks.record import Table
from ceil_jax.evaluation import error_rates
from ceil_jax.evaluation.resampling import Clustered, interval, resample

OF_PERSON, OF_PAIR, OF_IMAGES = 0.7, 0.5, 1.0
"""Standard deviations: some people are like many, some two are like each other."""
GENUINE = 2.5  # by which genuine pairs are more similar


def simulated(
    rng: np.random.Generator, num_people: int, shots: int = 4
) -> tuple[Clustered, Clustered]:
    """Similarities of all pairs of images, as sums of normal parts.

    s = p_a + p_b + q_ab + e, and 2.5 more for a genuine pair

    Args:
        rng: Draws them.
        num_people: People.
        shots: Images of each.

    Returns:
        Genuine and impostor pairs.
    """
    own = rng.normal(0, OF_PERSON, num_people)
    between = rng.normal(0, OF_PAIR, (num_people, num_people))
    people = np.repeat(np.arange(num_people, dtype=np.int32), shots)
    i, j = np.triu_indices(len(people), 1)
    a, b = people[i], people[j]
    scores = own[a] + own[b] + between[a, b] + rng.normal(0, OF_IMAGES, len(i))
    same = a == b
    genuine = Clustered.of(scores[same] + GENUINE, a[same])
    return genuine, Clustered.of(scores[~same], a[~same], b[~same])


def truth(far: float) -> tuple[float, float]:
    """The threshold that has a FAR over all people there could be, and its TAR."""
    impostor = np.sqrt(2 * OF_PERSON**2 + OF_PAIR**2 + OF_IMAGES**2)
    genuine = np.sqrt(4 * OF_PERSON**2 + OF_PAIR**2 + OF_IMAGES**2)
    threshold = stats.norm.isf(far, scale=impostor)
    return float(threshold), float(stats.norm.sf(threshold, GENUINE, genuine))


def true_far(threshold: float) -> float:
    """The FAR of a threshold over all people there could be."""
    impostor = np.sqrt(2 * OF_PERSON**2 + OF_PAIR**2 + OF_IMAGES**2)
    return float(stats.norm.sf(threshold, scale=impostor))


def coverage(sizes: Sequence[int], fars: Sequence[float], runs: int) -> Table:
    """Shares of runs in which each interval held the truth.

    Args:
        sizes: Numbers of people.
        fars: False accept rates.
        runs: Of each size.

    Returns:
        The table.
    """
    lines = []
    for size in sizes:
        rng = np.random.default_rng(size)
        held: dict[float, list[list[bool]]] = {far: [] for far in fars}
        for run in range(runs):
            genuine, impostor = simulated(rng, size)
            for far, found in _held(genuine, impostor, size, fars, run).items():
                held[far].append(found)
        for far, rows in held.items():
            if rows:
                shares = [f"{100 * share:.0f}" for share in np.mean(rows, axis=0)]
                lines.append([size, f"{100 * far:g}", *shares])
    headers = ["people", "FAR %", "FAR inside %", "threshold %", "TAR %"]
    return Table(
        f"Shares of {runs} simulated sets of people whose 95 % intervals held the "
        "truth: the FAR of the threshold, the threshold of the FAR, the TAR there; and "
        "of those in which the cautious threshold kept its promise.",
        [*headers, "cautious %"],
        lines,
    )


def _held(
    genuine: Clustered, impostor: Clustered, size: int, fars: Sequence[float], seed: int
) -> dict[float, list[bool]]:
    thresholds = {}
    for far in fars:
        try:
            thresholds[far] = error_rates.threshold_at(impostor.similarities, far)
        except error_rates.UnresolvedError:
            continue
    drawn = resample(
        genuine,
        impostor,
        num_units=size,
        fars=tuple(thresholds),
        thresholds=tuple(thresholds.values()),
        num_resamples=400,
        seed=seed,
    )
    assert drawn.tar is not None
    held = {}
    for place, (far, threshold) in enumerate(thresholds.items()):
        at, tar = truth(far)
        ends = [
            interval(figures[place], 0.95)
            for figures in (drawn.far, drawn.thresholds, drawn.tar)
        ]
        truths = true_far(threshold), at, tar
        held[far] = [
            low <= true <= (np.inf if high is None else high)
            for (low, high), true in zip(ends, truths, strict=True)
        ]
        upper = ends[1].high
        held[far].append(upper is None or true_far(upper) <= far)
    return held
