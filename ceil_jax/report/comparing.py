"""Runs beside the first of them: every figure, and what a verdict rests on."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.evaluation import paired, paired_rankings, paired_splits, seeds
from ceil_jax.evaluation.paired import Difference
from ceil_jax.evaluation.paired_rankings import FIGURES, resolved
from ceil_jax.evaluation.rankings import KINDS, Rankings
from ceil_jax.evaluation.results import Results
from ceil_jax.evaluation.seeds import MIN_PAIRS, SeedDifference


class Split(NamedTuple):
    """The model of one of several splits.

    Attributes:
        results: Its figures.
        rankings: What its queries found; None where that is not known.
        model: Its digest; "" if unknown.
    """

    results: Results
    rankings: Rankings | None
    model: str = ""


_NO_RANKINGS = (
    "{} has no rankings.npz beside its figures, which says what every query found: "
    "--mode evaluate makes it"
)


@dataclass(frozen=True)
class Run:
    """One side of a comparison: an evaluation, or several runs of one recipe.

    Attributes:
        letter: What it is called: "A" is the base.
        name: The end of its path.
        note: What it is, e.g. "epoch 18, seed 1".
        results: Its figures; those of the first seed where it has several, the mean of
            several splits.
        rankings: What its queries found; None where that is not known.
        model: Digest of the model; "" if unknown.
        by_seed: Figures by training seed; empty elsewhere.
        by_split: The models of a data set's splits; empty elsewhere.
        warnings: What a reader of its figures must know.
    """

    letter: str
    name: str
    note: str
    results: Results
    rankings: Rankings | None = None
    model: str = ""
    by_seed: Mapping[int, Results] = field(default_factory=dict)
    by_split: Mapping[int, Split] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def several(self) -> str:
        """What it has several of: "training seeds", "splits", or ""."""
        return "training seeds" if self.by_seed else "splits" if self.by_split else ""


class Row(NamedTuple):
    """One figure of the base and of another run.

    Attributes:
        mode: Name of the search.
        kind: "plain" or "gcr".
        figure: "rank1" or "mAP".
        first: The base's, in percent.
        second: The other's.
        gap: Second less first, in points.
        low: Lower end of its 95 % interval; None where there is no interval.
        high: Upper end.
        is_resolved: Whether it counts as a difference.
    """

    mode: str
    kind: str
    figure: str
    first: float
    second: float
    gap: float
    low: float | None = None
    high: float | None = None
    is_resolved: bool = False

    @property
    def word(self) -> str:
        """The row's verdict: "better", "worse", "not resolved", or "" for none."""
        if self.low is None:
            return ""
        if not self.is_resolved:
            return "not resolved"
        return "better" if self.gap > 0 else "worse"


@dataclass(frozen=True)
class Pair:
    """The base and another run.

    Attributes:
        base: The base.
        other: The other.
        rows: Every figure that both have.
        rests_on: The row that the verdict rests on; None where there is none.
        reason: Why there is no verdict; "" where there is one.
        over: What the interval is over, e.g. "40 people".
        by_number: Differences of the figure that the verdict rests on by training seed
            or split.
        p: Probability of so great a difference of that figure if there were none.
        num_people: People that the interval is over; 0 where it is over seeds.
    """

    base: Run
    other: Run
    rows: tuple[Row, ...]
    rests_on: Row | None = None
    reason: str = ""
    over: str = ""
    by_number: Mapping[int, float] = field(default_factory=dict)
    p: float = 1.0
    num_people: int = 0

    @property
    def several(self) -> str:
        """What both have several of: "training seeds", "splits", or ""."""
        return self.base.several if self.base.several == self.other.several else ""

    @property
    def is_of_recipes(self) -> bool:
        """Whether both are several seeds, or splits."""
        return bool(self.several)

    @property
    def is_of_one_model(self) -> bool:
        """Whether both have the same weights, so that R is what is asked about."""
        return self.rests_on is not None and self.rests_on.kind == "gcr"

    @property
    def counts(self) -> bool:
        """Whether the figure that the verdict rests on is resolved."""
        resolved = self.rests_on is not None and self.rests_on.is_resolved
        return resolved and not self.reason


def pairs(runs: Sequence[Run], reasons: Sequence[str]) -> list[Pair]:
    """Compare every run with the base.

    Of several runs the figures that the verdicts rest on are judged together, by
    Holm's method: among more runs one leads by chance more often.

    Args:
        runs: The base first.
        reasons: For each of the others why there can be no verdict, where that is known
            already; "" elsewhere.

    Returns:
        A pair for each of the others.
    """
    found = [pair(runs[0], *each) for each in zip(runs[1:], reasons, strict=True)]
    judged = [place for place, each in enumerate(found) if not each.reason]
    together = paired.holm([found[place].p for place in judged])
    for place, is_resolved in zip(judged, together, strict=True):
        if not is_resolved:
            found[place] = _open(found[place])
    return found


def _open(found: Pair) -> Pair:
    """A pair none of whose figures counts as a difference."""
    rows = tuple(row._replace(is_resolved=False) for row in found.rows)
    assert found.rests_on is not None
    rests_on = found.rests_on._replace(is_resolved=False)
    return dataclasses.replace(found, rows=rows, rests_on=rests_on)


def pair(base: Run, other: Run, reason: str = "") -> Pair:
    """Compare a run with the base.

    Args:
        base: The base.
        other: The other.
        reason: Why there can be no verdict, where that is known already.

    Returns:
        With a verdict if their queries, or their training seeds, can be paired.
    """
    if base.several != other.several:
        kinds = [run.several or "one evaluation" for run in (base, other)]
        reason = reason or (
            f"{base.letter} is {kinds[0]} and {other.letter} is {kinds[1]}: give two "
            "of a kind"
        )
        return Pair(base, other, _unpaired(base.results, other.results), reason=reason)
    if base.several == "splits":
        return _of_splits(base, other, reason)
    if base.several:
        return _of_seeds(base, other, reason)
    reason = reason or _reason(base, other)
    if reason or base.rankings is None or other.rankings is None:
        return Pair(base, other, _unpaired(base.results, other.results), reason=reason)
    kind = "gcr" if base.model and base.model == other.model else "plain"
    found = paired_rankings.compared(base.rankings, other.rankings, rests_on=kind)
    rows = tuple(_row(each) for each in found)
    at = found.index(paired_rankings.verdict(found, kind))
    gap = found[at].difference
    noun = "person" if gap.num_people == 1 else "people"
    return Pair(
        *(base, other, rows, rows[at]),
        over=f"{gap.num_people:,} {noun}",
        p=gap.p,
        num_people=gap.num_people,
    )


def _reason(base: Run, other: Run) -> str:
    """Why the queries cannot be paired; "" where they can."""
    for run in (base, other):
        if run.rankings is None:
            if run.results.by_split:
                return f"{run.letter} is the mean of splits: give the folder of all"
            return _NO_RANKINGS.format(run.letter)
    if base.results.protocol != other.results.protocol:
        return (
            f"{base.letter} was scored by the protocol {base.results.protocol}, "
            f"{other.letter} by {other.results.protocol}"
        )
    assert base.rankings is not None
    assert other.rankings is not None
    return paired_rankings.refusal(base.rankings, other.rankings)


def _of_seeds(base: Run, other: Run, reason: str) -> Pair:
    """Compare two recipes seed by seed."""
    common = sorted(base.by_seed.keys() & other.by_seed.keys())
    if not reason and not common:
        reason = "they have no training seed in common"
    if reason:
        return Pair(base, other, _unpaired(base.results, other.results), reason=reason)
    found: dict[tuple[str, str, str], SeedDifference] = {}
    for key in _keys(base.by_seed[common[0]], other.by_seed[common[0]]):
        sides = [
            {seed: _value(run.by_seed[seed], key) for seed in common}
            for run in (base, other)
        ]
        if not any(np.isnan(list(side.values())).any() for side in sides):
            found[key] = seeds.difference(*sides)
    at = next(place for place, key in enumerate(found) if key[1:] == ("plain", "mAP"))
    is_resolved = resolved([each.p for each in found.values()], at)
    speaks = len(common) >= MIN_PAIRS
    rows = []
    for (key, each), resolves in zip(found.items(), is_resolved, strict=True):
        row = Row(*key, each.first, each.second, each.mean)
        if speaks:
            row = row._replace(low=each.low, high=each.high, is_resolved=resolves)
        rows.append(row)
    if not speaks:
        noun = "pair" if len(common) == 1 else "pairs"
        reason = (
            f"{len(common)} {noun} of training seeds say nothing about recipes, "
            f"{MIN_PAIRS} do: a seed alone moves a figure by points. Train more by "
            "--seeds"
        )
    return Pair(
        *(base, other, tuple(rows), rows[at], reason, f"{len(common)} training seeds"),
        by_number=list(found.values())[at].by_seed,
        p=list(found.values())[at].p,
    )


def _of_splits(base: Run, other: Run, reason: str) -> Pair:
    """Compare two recipes over the splits that both have, and their people."""
    common = sorted(base.by_split.keys() & other.by_split.keys())
    first, second = ({n: run.by_split[n] for n in common} for run in (base, other))
    if not reason and not common:
        reason = "they have no split in common"
    known = [
        {n: each.rankings for n, each in side.items() if each.rankings is not None}
        for side in (first, second)
    ]
    for run, found in zip((base, other), known, strict=True):
        lacks = [n for n in common if n not in found]
        if lacks and not reason:
            reason = _NO_RANKINGS.format(f"{run.letter}, split {lacks[0]},")
    reason = reason or paired_splits.refusal(*known)
    if reason:
        return Pair(base, other, _unpaired(base.results, other.results), reason=reason)
    is_one = all(first[n].model and first[n].model == second[n].model for n in common)
    compared = paired_splits.compared(*known, rests_on="gcr" if is_one else "plain")
    rows = tuple(_row(each) for each in compared.rows)
    if len(common) < MIN_PAIRS:
        rows = tuple(r._replace(low=None, high=None, is_resolved=False) for r in rows)
        noun = "split" if len(common) == 1 else "splits"
        reason = (
            f"{len(common)} {noun} in common say nothing about recipes, {MIN_PAIRS} "
            "do: each is one training. Train more by --mode trials"
        )
    gap = compared.rows[compared.at].difference
    return Pair(
        *(base, other, rows, rows[compared.at], reason),
        over=f"{gap.num_people:,} people and {len(common)} splits",
        by_number=compared.by_split,
        p=gap.p,
        num_people=0 if reason else gap.num_people,
    )


def _keys(one: Results, other: Results) -> list[tuple[str, str, str]]:
    """Mode, kind and figure of all that two results have in common."""
    return [
        (mode, kind, figure)
        for mode in one.modes
        if mode in other.modes
        for kind in KINDS
        if kind == "plain" or (one.modes[mode].gcr and other.modes[mode].gcr)
        for figure in FIGURES
    ]


def _value(results: Results, key: tuple[str, str, str]) -> float:
    """A figure in percent; NaN where these results lack it."""
    mode, kind, figure = key
    side: Any = getattr(results.modes[mode], kind) if mode in results.modes else None
    return side[figure].mean if side else float("nan")


def _unpaired(one: Results, other: Results) -> tuple[Row, ...]:
    """Figures side by side, without intervals."""
    rows = []
    for key in _keys(one, other):
        first, second = _value(one, key), _value(other, key)
        rows.append(Row(*key, first, second, second - first))
    return tuple(rows)


def _row(found: paired_rankings.Row) -> Row:
    gap: Difference = found.difference
    return Row(
        *found[:3],
        *(gap.first, gap.second, gap.difference, gap.low, gap.high),
        found.is_resolved,
    )
