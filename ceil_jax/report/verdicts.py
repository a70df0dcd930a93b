"""What a comparison says: the verdict in one sentence, and what to know beside it."""

from collections.abc import Sequence

import numpy as np

from ceil_jax.report import numbers
from ceil_jax.report.comparing import Pair, Row, Run

FIGURE_WORDS = {"rank1": "Rank-1", "mAP": "mAP"}
KIND_WORDS = {"plain": "plain", "gcr": "R"}
FEW_PEOPLE = 10
"""Fewer people than in the simulations of docs/comparing.md."""


def search_words(mode: str) -> str:
    """A search as a sentence names it.

    Args:
        mode: Its name, e.g. "visible_to_infrared".

    Returns:
        "visible to infrared search".
    """
    return f"{mode.replace('_', ' ')} search"


def title(pairs: Sequence[Pair]) -> str:
    """The verdict in a few words.

    Args:
        pairs: The base with every other run.

    Returns:
        A heading.
    """
    if len(pairs) == 1:
        return _title(pairs[0])
    differ = [each.other.letter for each in pairs if each.counts]
    base = pairs[0].base.letter
    if not differ:
        return f"No run is shown to differ from {base}"
    verb = "differs" if len(differ) == 1 else "differ"
    return f"{_listed(differ)} {verb} from {base}"


def _title(found: Pair) -> str:
    what = "recipes" if found.is_of_recipes else "checkpoints"
    if found.reason and found.is_of_recipes and found.rests_on is not None:
        return f"Too few {found.several} for a verdict"
    if found.reason:
        return "No verdict: these two cannot be paired"
    if not found.counts:
        return "Not resolved"
    assert found.rests_on is not None
    better = found.other if found.rests_on.gap > 0 else found.base
    if found.several == "splits":
        return f"Trained on these people, {better.letter} is the better recipe"
    return f"These two {what} differ: {better.letter} is better"


def sentence(found: Pair) -> str:
    """The verdict in one sentence, with its figures.

    Args:
        found: The comparison.

    Returns:
        Plain text.
    """
    row = found.rests_on
    if row is None:
        return f"{found.reason[:1].upper()}{found.reason[1:]}."
    where = f"In {search_words(row.mode)}"
    figure = f"{'re-ranked ' if row.kind == 'gcr' else ''}{FIGURE_WORDS[row.figure]}"
    ahead, behind = found.other, found.base
    if row.gap < 0:
        ahead, behind = behind, ahead
    lead = f"{abs(row.gap):.1f} points of {figure}"
    lost = f"{where} {ahead.letter} is {lead} ahead of {behind.letter}"
    if row.low is None or row.high is None:
        return f"{lost}, but {found.reason}."
    interval = f"{signed(row.low)} to {signed(row.high)} over {found.over}"
    if row.is_resolved:
        led = f"{where} {ahead.letter} leads {behind.letter} by {lead}"
        return f"{led} (95 % interval {interval}){_after_re_ranking(found)}."
    if row.low == row.high == 0:
        return f"{where} both find the same: the difference of {figure} is 0."
    if row.low <= 0 <= row.high:
        return f"{lost}, but the 95 % interval, {interval}, holds 0."
    return (
        f"{lost} (95 % interval {interval}), which does not count beside the other "
        "runs that were compared."
    )


def _after_re_ranking(found: Pair) -> str:
    """What the re-ranked figure beside a resolved plain one says."""
    row = found.rests_on
    assert row is not None
    beside = (row.mode, "gcr", row.figure)
    same = [r for r in found.rows if r[:3] == beside and row.kind == "plain"]
    if not same:
        return ""
    if not same[0].is_resolved:
        return "; after re-ranking the difference is not resolved"
    if (same[0].gap > 0) == (row.gap > 0):
        return f", and by {abs(same[0].gap):.1f} after re-ranking"
    behind = found.base if row.gap > 0 else found.other
    return f", but after re-ranking {behind.letter} leads by {abs(same[0].gap):.1f}"


def row_words(row: Row) -> str:
    """A figure as tables name it.

    Args:
        row: The row.

    Returns:
        "plain mAP", "R Rank-1" and so on.
    """
    return f"{KIND_WORDS[row.kind]} {FIGURE_WORDS[row.figure]}"


def signed(value: float) -> str:
    """Points with their sign.

    Args:
        value: Points.

    Returns:
        One decimal; an infinite end as a word.
    """
    if np.isinf(value):
        return "unbounded"
    return numbers.signed(value).removeprefix("±")


def notices(runs: Sequence[Run], pairs: Sequence[Pair]) -> list[tuple[str, str, str]]:
    """What a reader must know besides.

    Args:
        runs: All, the base first.
        pairs: The base with every other.

    Returns:
        The kind ("warn" or "info"), the cause, and what follows from it.
    """
    found = []
    if any(each.several == "splits" and not each.reason for each in pairs):
        text = (
            "The interval says whether other test people, or other trainings on halves "
            "of the same people, would change the verdict. Splits share their people: "
            "what others to train on would change, no splits of one data set can tell."
        )
        found.append(("info", "A training for each split.", text))
    if any(each.several == "training seeds" for each in pairs):
        text = (
            "The interval is over training seeds on these test people, not over other"
        )
        found.append(("info", "The same people.", f"{text} people."))
    if any(each.is_of_one_model for each in pairs):
        text = (
            "Both sides have the same weights: the verdict rests on the re-ranked mAP."
        )
        found.append(("info", "One model.", text))
    if any(not (e.reason or e.is_of_recipes or e.is_of_one_model) for e in pairs):
        text = (
            "The interval says whether other people would change the verdict, not "
            "whether another training seed would: of the recipes nothing is said. "
            "--seeds 1-6 trains for that."
        )
        found.append(("info", "One training each.", text))
    people = [each.num_people for each in pairs if each.num_people]
    if people and min(people) < FEW_PEOPLE:
        text = f"Intervals were tried on {FEW_PEOPLE} people and more."
        found.append(("warn", f"People: {min(people)}.", text))
    for run in runs:
        found += [("warn", f"{run.letter}:", warning) for warning in run.warnings]
    return found


def _listed(letters: Sequence[str]) -> str:
    *first, last = letters
    return f"{', '.join(first)} and {last}" if first else last
