"""A comparison as text."""

import textwrap
from collections.abc import Mapping, Sequence

from ceil_jax.report import verdicts
from ceil_jax.report.comparing import Pair, Run
from ceil_jax.report.table import aligned

WIDTH = 88
"""Of lines of prose."""


def text(
    runs: Sequence[Run],
    pairs: Sequence[Pair],
    fields: Mapping[str, Sequence[str]],
    same: Mapping[str, str],
) -> str:
    """The verdict first, then what it rests on.

    Args:
        runs: The base first.
        pairs: The base with every other.
        fields: What differs between the runs: a text for each run, by its name.
        same: What all have in common, likewise.

    Returns:
        Text of many lines.
    """
    said = [textwrap.fill(verdicts.sentence(pair), WIDTH) for pair in pairs]
    parts = ["\n".join([verdicts.title(pairs), *said])]
    parts.append("\n".join(f"{run.letter}  {run.name}: {run.note}" for run in runs))
    if same:
        alike = "; ".join(f"{what} {value}" for what, value in same.items())
        parts.append(textwrap.fill(f"the same: {alike}", WIDTH))
    parts += [_rows(pair) for pair in pairs if pair.rows]
    parts += [_numbers(pair) for pair in pairs if pair.by_number]
    if fields:
        changed = [[name, *values] for name, values in fields.items()]
        headings = ["what differs", *(run.letter for run in runs)]
        parts.append(aligned(changed, headings))
    else:
        parts.append("no field that changes figures differs")
    told = verdicts.notices(runs, pairs)
    words = {"warn": "warning", "info": "note"}
    if told:
        said = [f"{words[kind]}: {cause} {rest}" for kind, cause, rest in told]
        parts.append("\n".join(textwrap.fill(line, WIDTH) for line in said))
    return "\n\n".join(parts)


def _rows(pair: Pair) -> str:
    """Every figure of two runs."""
    first, second = pair.base.letter, pair.other.letter
    lines = [
        [
            row.mode.replace("_", " "),
            f"{verdicts.row_words(row)}{' *' if row == pair.rests_on else '  '}",
            f"{row.first:.2f}",
            f"{row.second:.2f}",
            f"{row.gap:+.2f}",
            *_interval(row.low, row.high),
            row.word,
        ]
        for row in pair.rows
    ]
    gap = f"{second} - {first}"
    headings = ["search", "figure", first, second, gap, "95 % interval", "verdict"]
    if all(row.low is None for row in pair.rows):
        lines, headings = [line[:-2] for line in lines], headings[:-2]
        return f"{aligned(lines, headings)}\nin %"
    return (
        f"{aligned(lines, headings)}\n"
        f"in %; R = with GCR re-ranking; intervals over {pair.over}; the verdict rests "
        "on *, fixed\nbeforehand; the others are judged together after it (Holm)"
    )


def _numbers(pair: Pair) -> str:
    """The differences of every training seed or split."""
    assert pair.rests_on is not None
    row = pair.rests_on
    shown = ", ".join(f"{place}: {gap:+.1f}" for place, gap in pair.by_number.items())
    gap = f"{pair.other.letter} - {pair.base.letter}"
    said = f"{gap} by {pair.several[:-1]}, {verdicts.row_words(row)}: {shown}"
    return textwrap.fill(said, WIDTH)


def _interval(low: float | None, high: float | None) -> list[str]:
    if low is None or high is None:
        return [""]
    return [f"{verdicts.signed(low)} to {verdicts.signed(high)}"]
