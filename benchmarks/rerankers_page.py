"""The tables of docs/reranking.md, from the record of `benchmarks.rerankers`."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks import markdown, record
from benchmarks.record import Record, Table

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "benchmarks" / "recorded" / "rerankers.json"
PAGE = ROOT / "docs" / "reranking.md"
NUM_SETTINGS = 3
"""Tables of generated people; one of few images and those of the layouts follow."""


def write(recorded: Path = RECORDED, page: Path = PAGE) -> None:
    """Put the tables of a record between the marks of the page.

    Args:
        recorded: The record.
        page: The page, with the parts `compared` and `few images`.
    """
    found = record.read(recorded)
    text = page.read_text(encoding="utf-8")
    for name, part in (("compared", compared(found)), ("few images", few(found))):
        text = markdown.replace_part(text, name, markdown.wrapped(part))
    page.write_text(text, encoding="utf-8")


def compared(found: Record) -> str:
    """Every re-ranker on generated people, then on each layout of real ones.

    Args:
        found: The record.

    Returns:
        Markdown: a table for each setting of generated people, and one for the two
        modes of each layout.
    """
    settings, layouts = found.tables[:NUM_SETTINGS], found.tables[NUM_SETTINGS + 1 :]
    parts = [table.markdown() for table in settings]
    pairs = zip(layouts[::2], layouts[1::2], strict=True)
    parts += [_side_by_side(first, second) for first, second in pairs]
    told = f"{found.machine['processor']}, {found.machine['cores']} cores"
    parts.append(f"Measured {found.date} on {told}.")
    return "\n\n".join(parts)


def few(found: Record) -> str:
    """What few images of each person do.

    Args:
        found: The record.

    Returns:
        Markdown: a table.
    """
    return found.tables[NUM_SETTINGS].markdown()


def _side_by_side(first: Table, second: Table) -> str:
    """Two modes of a layout in one table, without gains and times."""
    both = f"{first.caption[:-1]}; {second.caption}"
    modes = (_mode(table) for table in (first, second))
    names = ["re-ranker"]
    for mode in modes:
        names += [f"{mode}: Rank-1", "mAP"]
    rows: list[Sequence[str | int | float]] = [
        [one[0], one[1], one[3], other[1], other[3]]
        for one, other in zip(first.rows, second.rows, strict=True)
    ]
    return markdown.table(both, names, rows)


def _mode(table: Table) -> str:
    """The words after the data set's name, which begins the caption."""
    return table.caption.split("**")[1].split(maxsplit=1)[1]
