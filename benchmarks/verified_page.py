"""What is shown on docs/verification.md, a part for each record."""

from pathlib import Path

from benchmarks import record

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
    print(record.read(output).part())
    if output == recorded:
        record.on_page(recorded, PAGE, part)
