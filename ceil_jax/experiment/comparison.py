"""What one run scored on its way, side by side."""

import json
from pathlib import Path

from ceil_jax.common.files import write_json
from ceil_jax.evaluation.results import Results
from ceil_jax.report import table


class Comparison:
    """Figures by name, kept in a file so that a resumed run still has them."""

    def __init__(self, path: Path, *, keep: bool) -> None:
        """Open the file.

        Args:
            path: `comparison.json` of the run; written at the first `add`.
            keep: Whether to go on with what it holds (a resumed run) or start anew.
        """
        self._path = path
        self._notes: dict[str, str] = {}
        self.rows: dict[str, Results] = {}
        if keep and path.exists():
            for name, row in json.loads(path.read_text()).items():
                self.rows[name] = Results.from_json(row["results"])
                self._notes[name] = row["note"]

    def add(self, name: str, results: Results, note: str = "") -> None:
        """Add one line, or replace the one of that name.

        Args:
            name: What was scored.
            results: Its figures.
            note: Anything to be said about it.
        """
        self.rows[name] = results
        self._notes[name] = note
        record = {
            name: {"results": row.to_json(), "note": self._notes[name]}
            for name, row in self.rows.items()
        }
        write_json(self._path, record)

    def table(self, control: tuple[Results, str] | None = None) -> str:
        """The lines side by side, in the first mode of the protocol.

        Args:
            control: Figures of a recorded run and what it was, for the last line.

        Returns:
            The table.
        """
        mode = next(iter(next(iter(self.rows.values())).modes))
        lines = [
            table.ComparisonRow(name, results.modes[mode], self._notes[name])
            for name, results in self.rows.items()
        ]
        if control is not None:
            results, note = control
            lines.append(table.ComparisonRow("control", results.modes[mode], note))
        return table.comparison_table(lines, mode=mode)
