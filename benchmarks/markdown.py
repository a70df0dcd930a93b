"""Tables and parts of pages in Markdown, by the standard library alone."""

import textwrap
from collections.abc import Sequence

from benchmarks.measure import number

Cell = str | int | float


def table(caption: str, headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table with its caption above.

    Args:
        caption: One sentence: what was measured, how.
        headers: Of the columns, with units.
        rows: Words, and numbers, which are shown with three figures that count.

    Returns:
        Markdown.

    Raises:
        ValueError: A row has not as many cells as there are headers.
    """
    lines = [list(headers)]
    for row in rows:
        if len(row) != len(headers):
            raise ValueError(f"{row=} must have {len(headers)} cells")
        lines.append([_cell(value) for value in row])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    shown = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    return "\n".join([caption, "", *shown])


def _cell(value: Cell) -> str:
    return number(value) if isinstance(value, float) else str(value)


def folded(summary: str, body: str) -> str:
    """What only some readers want, behind a line that opens it.

    Args:
        summary: The line, without markup.
        body: Markdown.

    Returns:
        Markdown with an element of HTML around the body.
    """
    head = f"<details>\n<summary>{summary}</summary>"
    return f"{head}\n\n{body}\n\n</details>"


def replace_part(text: str, name: str, content: str) -> str:
    """Put new content between a page's marks.

    Args:
        text: The page.
        name: Of the part: its marks are `<!-- NAME -->` and `<!-- /NAME -->`.
        content: What stands between them.

    Returns:
        The page with the new part.

    Raises:
        ValueError: A mark is missing.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"the page has no {begin} ... {end}")
    return f"{before}{begin}\n\n{content.strip()}\n\n{end}{after}"


def wrapped(text: str) -> str:
    """Sentences no wider than a page's; tables and code stay.

    Args:
        text: Markdown, a paragraph a line.

    Returns:
        The same, in lines of at most 99 characters.
    """
    lines = (
        line if line.startswith(("|", "```")) else textwrap.fill(line, 99)
        for line in text.splitlines()
    )
    return "\n".join(lines)
