"""What a benchmark leaves: tables and curves, from which the docs are made."""

import datetime
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from absl import flags

from benchmarks import markdown, measure

OUTPUT = flags.DEFINE_string("output", None, "File to write the record to, as JSON.")


@dataclass(frozen=True)
class Table:
    """Some figures.

    Attributes:
        caption: One sentence: what was measured, how.
        headers: Of the columns, with units.
        rows: Words and numbers as they are to be read.
    """

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]

    def markdown(self) -> str:
        """The table as Markdown, its caption above."""
        return markdown.table(self.caption, self.headers, self.rows)


@dataclass(frozen=True)
class Curve:
    """Cost by size, for a plot with two logarithmic axes.

    Attributes:
        plot: Name of the picture that it is drawn in.
        label: Of the curve.
        x_label: Of the horizontal axis.
        y_label: Of the vertical axis, with its unit.
        x: Sizes.
        y: Costs.
    """

    plot: str
    label: str
    x_label: str
    y_label: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Record:
    """All that one benchmark found.

    Attributes:
        title: A heading of the docs.
        command: What makes it.
        tables: The figures.
        curves: What is plotted.
        notes: Sentences that a reader needs.
        machine: What it ran on.
        date: When, e.g. 2026-11-25.
        load: Programs that wanted to run when it began.
    """

    title: str
    command: str
    tables: Sequence[Table] = ()
    curves: Sequence[Curve] = ()
    notes: Sequence[str] = ()
    machine: dict[str, str] = field(default_factory=measure.machine)
    date: str = field(default_factory=lambda: f"{datetime.date.today()}")
    load: float = field(default_factory=lambda: os.getloadavg()[0])

    def markdown(self, *, heading: bool = True) -> str:
        """Everything but the curves as Markdown.

        Args:
            heading: Whether the title stands above.

        Returns:
            Markdown.
        """
        parts = [f"## {self.title}"] if heading else []
        parts.append(f"```bash\n{self.command}\n```")
        parts += [table.markdown() for table in self.tables]
        parts += list(self.notes)
        return "\n\n".join(parts) + "\n"

    def part(self, *facts: str) -> str:
        """What a page of the docs shows of it.

        Args:
            *facts: Which facts of the machine are told; all by default.

        Returns:
            Markdown in lines of a page's width.
        """
        told = facts or tuple(self.machine)
        machine = ", ".join(f"{name} {self.machine[name]}" for name in told)
        found = self.markdown(heading=False)
        return markdown.wrapped(f"{found}\nMeasured {self.date} on {machine}.")

    def show(self) -> None:
        """Print it, and write it where `--output` says."""
        print(self.markdown())
        if OUTPUT.value:
            write(self, Path(OUTPUT.value))


def write(record: Record, path: Path) -> None:
    """Write a record as JSON.

    Args:
        record: What was found.
        path: The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(record), indent=1) + "\n")


def read(path: Path) -> Record:
    """Read a record.

    Args:
        path: The file.

    Returns:
        What was found.
    """
    fields: dict[str, Any] = json.loads(path.read_text())
    fields["tables"] = [Table(**table) for table in fields["tables"]]
    fields["curves"] = [Curve(**curve) for curve in fields["curves"]]
    return Record(**fields)


def on_page(recorded: Path, page: Path, part: str, *facts: str) -> None:
    """Write a part of a page of the docs from a record.

    Args:
        recorded: The record.
        page: The page.
        part: Name of the part, see `markdown.replace_part`.
        *facts: See `Record.part`.
    """
    text = page.read_text(encoding="utf-8")
    shown = read(recorded).part(*facts)
    page.write_text(markdown.replace_part(text, part, shown), encoding="utf-8")
