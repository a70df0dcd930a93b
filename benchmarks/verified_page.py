"""What is shown on docs/verification.md, a part for each record."""

import textwrap
from pathlib import Path

from benchmarks import markdown, record

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "benchmarks" / "recorded"
PAGE = ROOT / "docs" / "verification.md"


def show(output: Path, recorded: Path, part: str) -> None:
    """Print a record; if it is the one that is kept, write its part of the page.

    Args:
        output: The record.
        recorded: Where the one that is kept lies.
        part: Name of the page's part, see `markdown.replace_part`.
    """
    found = record.read(output)
    machine = ", ".join(f"{key} {value}" for key, value in found.machine.items())
    text = f"{found.markdown(heading=False)}\nMeasured {found.date} on {machine}."
    print(text)
    if output == recorded:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(markdown.replace_part(page, part, wrapped(text)))


def wrapped(text: str) -> str:
    """Markdown whose sentences are no wider than a page's; tables stay."""
    lines = (
        line if line.startswith("|") else textwrap.fill(line, 99)
        for line in text.splitlines()
    )
    return "\n".join(lines)
