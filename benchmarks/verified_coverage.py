"""How often intervals hold the truth, on similarities whose truth is known.

What is found is kept in `benchmarks/recorded/verified_coverage.json` and shown in
`docs/verification.md`.

    python -m benchmarks.verified_coverage               # measure and write, minutes
    python -m benchmarks.verified_coverage --norun       # only write
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import app, flags
from scipy import stats

from benchmarks import flagged, record, verified_page
from benchmarks.record import Record, Table
from ceil_jax.evaluation import error_rates
from ceil_jax.evaluation.resampling import Clustered, Interval, intervals

RECORDED = verified_page.RECORDED / "verified_coverage.json"
FARS = (1e-1, 1e-2, 1e-3)

_FLAGS = flagged.own(__name__)
_SETS = flags.DEFINE_integer(
    "sets", 1000, "Sets of 10, 20 and 40 people.", flag_values=_FLAGS
)
_LARGE = flags.DEFINE_integer(
    "large_sets", 200, "Sets of 100 people.", flag_values=_FLAGS
)
_RUN = flags.DEFINE_bool(
    "run", True, "Measure; else only write the page anew.", flag_values=_FLAGS
)
_OFFSETS = np.array([[0, 0.3, -0.2, 0.1], [0, 0, -0.4, 0.2], [0, 0, 0, 0.3], [0] * 4])
"""What each two of four cameras add to a similarity, above the diagonal."""


class World(NamedTuple):
    """Whom there can be. Similarities are sums of normal parts.

    s = p_a + p_b + q_ab + g_i + g_j + e, and `genuine` more for a genuine pair

    Attributes:
        name: Of the table.
        of_person: Standard deviation of p: some people are like many.
        of_pair: Of q: some two are like each other.
        of_view: Of g, of each image.
        of_images: Of e, of each pair of images.
        genuine: By which genuine pairs are more similar.
        few: Share of people whose p is 1.5 higher.
        shots: Images of a person.
        varied: Whether 2 to 16 are drawn about `shots` for each person, and each image
            shown by one of four cameras, pairs of one camera being left out.
    """

    name: str
    of_person: float = 0.7
    of_pair: float = 0.5
    of_view: float = 0.0
    of_images: float = 1.0
    genuine: float = 2.5
    few: float = 0.0
    shots: int = 4
    varied: bool = False

    def simulated(
        self, rng: np.random.Generator, num_people: int
    ) -> tuple[Clustered, Clustered]:
        """Similarities of all pairs of images.

        Args:
            rng: Draws them.
            num_people: People.

        Returns:
            Genuine and impostor pairs.
        """
        own = rng.normal(0, self.of_person, num_people)
        own += 1.5 * (rng.random(num_people) < self.few)
        between = rng.normal(0, self.of_pair, (num_people, num_people))
        shots = np.full(num_people, self.shots)
        if self.varied:
            shots = rng.geometric(1 / self.shots, num_people).clip(2, 16)
        people = np.repeat(np.arange(num_people, dtype=np.int32), shots)
        view = rng.normal(0, self.of_view, len(people))
        i, j = np.triu_indices(len(people), 1)
        a, b = people[i], people[j]
        scores = own[a] + own[b] + between[a, b] + view[i] + view[j]
        scores += rng.normal(0, self.of_images, len(i))
        same = a == b
        kept = np.ones(len(i), bool)
        if self.varied:
            camera = rng.integers(len(_OFFSETS), size=len(people))
            first, second = np.sort([camera[i], camera[j]], axis=0)
            scores += _OFFSETS[first, second]
            kept = first != second
        mine, other = kept & same, kept & ~same
        genuine = Clustered.of(scores[mine] + self.genuine, a[mine])
        return genuine, Clustered.of(scores[other], a[other], b[other])

    def _above(self, threshold: float, is_genuine: bool) -> float:
        """Share of the pairs of all people there could be: of normal parts, mixed."""
        alike = 2 if is_genuine else np.sqrt(2)
        parts = alike * self.of_person, self.of_pair, self.of_images
        scale = np.sqrt(np.square(parts).sum() + 2 * self.of_view**2)
        means = _OFFSETS[np.triu_indices(4, 1)] if self.varied else np.zeros(1)
        means = means + (self.genuine if is_genuine else 0)
        counts = np.array([0, 1, 2])
        shares = stats.binom.pmf(counts, 2, self.few)
        if is_genuine:
            shares = np.array([1 - self.few, 0, self.few])
        rest = threshold - means[:, None] - 1.5 * counts
        return float((stats.norm.sf(rest, scale=scale) @ shares).mean())

    def far(self, threshold: float) -> float:
        """The FAR of a threshold over all people there could be."""
        return self._above(threshold, is_genuine=False)

    def tar(self, threshold: float) -> float:
        """The TAR of a threshold over all people there could be."""
        return self._above(threshold, is_genuine=True)

    def threshold(self, far: float) -> float:
        """The threshold that has a FAR over all people there could be."""
        return _root(lambda t: self.far(t) - far)

    def equal_error(self) -> float:
        """The equal error rate over all people there could be."""
        return self.far(_root(lambda t: self.far(t) + self.tar(t) - 1))


def _root(difference: Callable[[float], float]) -> float:
    """Where a difference of rates that falls with the threshold is 0."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if difference(middle) > 0 else (low, middle)
    return low


@functools.cache
def _truths(world: World, far: float) -> tuple[float, float, float]:
    """Threshold and TAR of a FAR, and the equal error rate."""
    at = world.threshold(far)
    return at, world.tar(at), world.equal_error()


WORLDS = (
    World("people differ"),
    World("people differ much", 1.0, 1.0, of_images=0.7, genuine=4.0),
    World("cameras, images vary", of_view=0.3, shots=6, varied=True),
    World("1 of 20 is like many", 0.5, few=0.05),
    World("pairs easy to tell", 0.5, 0.4, of_images=0.6, genuine=4.0),
)


def coverage(
    sets: Mapping[int, int],
    fars: Sequence[float],
    worlds: Sequence[World] = WORLDS,
) -> list[Table]:
    """How often each interval missed the truth, at either end.

    Args:
        sets: How many sets, by number of people.
        fars: False accept rates.
        worlds: Whom the sets are drawn from.

    Returns:
        A table of thresholds and one of equal error rates.
    """
    lines, of_equal = [], []
    for world in worlds:
        for size, runs in sets.items():
            rng = np.random.default_rng(size)
            rows: dict[float, list[list[float]]] = {far: [] for far in fars}
            equal = []
            for _ in range(runs):
                equal.append(_tried(world, rng, size, rows))
            of_equal.append([world.name, size, runs, *_shown(np.array(equal))])
            for far, found in rows.items():
                # A FAR that a set in ten resolves, or fewer, is none of that size.
                if len(found) < runs / 10:
                    continue
                table = np.array(found)
                parts = [_shown(table[:, at : at + 2]) for at in (0, 2, 4)]
                given = table[np.isfinite(table[:, 6]), 6]
                cautious = [
                    _percent(1 - len(given) / len(table)),
                    _percent(given.sum() / len(table)),
                ]
                of_far, at, tar = parts
                shown = [*of_far, at[1], *tar, *cautious]
                lines.append([world.name, size, runs, f"{100 * far:g}", *shown])
    headers = [
        "world",
        "people",
        "sets",
        "FAR %",
        "FAR: no end",
        "missed",
        "threshold missed",
    ]
    headers += ["TAR: no end", "missed", "cautious: none", "cautious: above"]
    return [
        Table(
            "Of simulated sets of people, in %: how many have no upper end of the "
            "FAR's or TAR's 95 % interval; of the others, in how many the truth lay "
            "below / above it; the same of the threshold's, an open end holding all; "
            "how many have no cautious threshold, and in how many of all sets the "
            "cautious threshold's true FAR was above the promise.",
            headers,
            lines,
        ),
        Table(
            "The same of the equal error rate's interval.",
            ["world", "people", "sets", "no end", "missed"],
            of_equal,
        ),
    ]


def _tried(
    world: World,
    rng: np.random.Generator,
    size: int,
    rows: dict[float, list[list[float]]],
) -> list[float]:
    """Misses of one set, added to the rows of its FARs; those of its EER."""
    genuine, impostor = world.simulated(rng, size)
    thresholds = {}
    for far in rows:
        try:
            thresholds[far] = error_rates.threshold_at(impostor.similarities, far)
        except error_rates.UnresolvedError:
            continue
    found = intervals(
        genuine,
        impostor,
        num_units=size,
        fars=tuple(thresholds),
        thresholds=tuple(thresholds.values()),
        confidence=0.95,
    )
    assert found.tar is not None
    assert found.equal_error is not None
    for place, (far, threshold) in enumerate(thresholds.items()):
        at, tar, _ = _truths(world, far)
        of_threshold = found.thresholds[place]
        upper = of_threshold.high
        rows[far].append(
            [
                *_misses(found.far[place], world.far(threshold)),
                of_threshold.low > at,
                upper is not None and upper < at,
                *_misses(found.tar[place], tar),
                np.nan if upper is None else world.far(upper) > far,
            ]
        )
    *_, rate = _truths(world, max(rows))
    return _misses(found.equal_error, rate)


def _misses(interval: Interval, truth: float) -> list[float]:
    """Whether the truth lies below and above; NaN if there is no upper end."""
    if interval.high is None:
        return [np.nan, np.nan]
    return [truth < interval.low, truth > interval.high]


def _shown(misses: np.ndarray) -> list[str]:
    """How many have no upper end, and of the others both kinds of misses."""
    given = misses[np.isfinite(misses[:, 0])]
    if not len(given):
        return ["100", "-"]
    below, above = given.mean(axis=0)
    none = _percent(1 - len(given) / len(misses))
    return [none, f"{_percent(below)} / {_percent(above)}"]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")


def main(argv: list[str]) -> None:
    """Measure, then write."""
    del argv
    output = Path(record.OUTPUT.value or RECORDED)
    if _RUN.value:
        sets = {10: _SETS.value, 20: _SETS.value, 40: _SETS.value, 100: _LARGE.value}
        command = f"python -m benchmarks.verified_coverage --sets={_SETS.value}"
        command += f" --large_sets={_LARGE.value}"
        record.write(Record("Intervals", command, coverage(sets, FARS)), output)
    verified_page.show(output, RECORDED, "intervals")


if __name__ == "__main__":
    app.run(main)
