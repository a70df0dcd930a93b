"""What one run scored on its way, side by side."""

from pathlib import Path

from ceil_jax.common.files import read_json, write_json
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import damaged
from ceil_jax.report import table

GREY, RANDOM, PRETRAINED = "grey pixels", "random weights", "pretrained"
STAGE_1 = "stage 1"
_FIRST = (GREY, RANDOM, PRETRAINED, STAGE_1)  # in this order, whenever they are added


class Comparison:
    """Figures by name, kept in a file so that a resumed run still has them."""

    def __init__(self, path: Path, *, keep: bool) -> None:
        """Open the file.

        Args:
            path: `comparison.json` of the run; written at the first `add`.
            keep: Whether to go on with what it holds (a resumed run) or start anew. A
                damaged file is set aside.
        """
        self._path = path
        self._notes: dict[str, str] = {}
        self.rows: dict[str, Results] = {}
        if keep and path.exists():
            wrong = self._read()
        else:
            wrong = "it is no file" if path.exists() and not path.is_file() else ""
        if wrong:
            damaged.set_aside(path, wrong, "the lines that could be read are kept")

    def _read(self) -> str:
        """Take over the lines of the file that are right; what is wrong with it."""
        try:
            record = read_json(self._path)
        except (OSError, ValueError) as error:
            return damaged.reason(error)
        if not isinstance(record, dict):
            return "it holds no lines"
        wrong = ""
        for name, row in record.items():
            try:
                results, note = Results.from_json(row["results"]), row["note"]
                if not isinstance(note, str):
                    raise TypeError(f"its note is {note!r}")
            except (KeyError, TypeError, ValueError) as error:
                wrong = f"{name}: {damaged.reason(error)}"
            else:
                self.rows[name], self._notes[name] = results, note
        return wrong

    def add(self, name: str, results: Results, note: str = "") -> None:
        """Add one line, or replace the one of that name.

        Args:
            name: What was scored.
            results: Its figures.
            note: Anything to be said about it.
        """
        self.rows[name], self._notes[name] = results, note
        first = [each for each in _FIRST if each in self.rows]
        others = [each for each in self.rows if each not in _FIRST]
        self.rows = {each: self.rows[each] for each in (*first, *others)}
        record = {
            name: {"results": row.to_json(), "note": self._notes[name]}
            for name, row in self.rows.items()
        }
        write_json(self._path, record)

    def table(self, control: tuple[Results, str] | None = None) -> str:
        """The lines side by side, in the first mode of the newest one's protocol.

        Args:
            control: Figures of a recorded run and what it was, for the last line.

        Returns:
            The table.
        """
        mode = next(iter(list(self.rows.values())[-1].modes))
        lines = [
            table.ComparisonRow(name, results.modes[mode], self._notes[name])
            for name, results in self.rows.items()
            if mode in results.modes
        ]
        if control is not None and mode in control[0].modes:
            results, note = control
            lines.append(table.ComparisonRow("control", results.modes[mode], note))
        return table.comparison_table(lines, mode=mode)
