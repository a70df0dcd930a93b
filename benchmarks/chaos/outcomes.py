"""How a disturbed run ended, judged from outside, and how many ended how."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.markdown import Cell
from ceil_jax.common.files import read_json

IDENTICAL = "identical"
TOLD = "told"
ONE_LINE = "one clear line"
GOOD = (IDENTICAL, TOLD, ONE_LINE)
SILENT, TRACEBACK, HANG, OTHER = "silent wrong", "traceback", "hang", "other"
FAULTS = (SILENT, TRACEBACK, HANG, OTHER)
TRACE = "Traceback (most recent call last)"


class Done(NamedTuple):
    """A process, or a call of the program, that has ended.

    Attributes:
        status: Its exit status; negative for a signal, None where it did not end.
        out: What it printed on stdout.
        err: What it printed on stderr.
        seconds: How long it took.
        command: What was run, as a shell takes it.
    """

    status: int | None
    out: str
    err: str
    seconds: float
    command: str


class Ended(NamedTuple):
    """One disturbance and its end.

    Attributes:
        kind: Such as "kills".
        name: What was done, within its kind.
        outcome: One of `GOOD` or `FAULTS`.
        detail: What shows a fault; "" where there is none.
        command: The command that shows it.
        part: The part of the work that got a signal; "" elsewhere.
        seconds: From the signal to the end; None elsewhere.
    """

    kind: str
    name: str
    outcome: str
    detail: str = ""
    command: str = ""
    part: str = ""
    seconds: float | None = None


def judged(done: Done, difference: str, *, is_told: bool = False) -> tuple[str, str]:
    """The outcome of a command that was to do its work, or to refuse it.

    Args:
        done: The command.
        difference: How its result differs from an undisturbed one's; "" for not.
        is_told: Whether such a difference is allowed, if a warning says it.

    Returns:
        The outcome and what shows it.
    """
    last = last_line(done)
    if done.status is None:
        return HANG, f"no end after {done.seconds:.0f} s; {last}"
    if TRACE in done.err or TRACE in done.out:
        return TRACEBACK, f"status {done.status}; {trace_of(done)}"
    if done.status == 2:
        if is_one_error(done.err) and "(None)" not in last:
            return ONE_LINE, last
        return OTHER, f"status 2 without one clear line: {done.err[-400:]!r}"
    if done.status != 0:
        return OTHER, f"status {done.status}; {last}"
    if not difference:
        return IDENTICAL, ""
    if is_told and any(line.startswith("warning:") for line in _lines(done.err)):
        return TOLD, difference
    return SILENT, difference


def trace_of(done: Done) -> str:
    """The beginning of the first traceback, on one line.

    Args:
        done: A command that printed one.

    Returns:
        A few hundred characters.
    """
    text = done.err if TRACE in done.err else done.out
    before, _, after = text.partition(TRACE)
    return " ".join((before[-100:] + after[:700]).split())


def is_one_error(text: str) -> bool:
    """Whether stderr ends in its only line of an error.

    Args:
        text: All of stderr.

    Returns:
        True if so.
    """
    lines = _lines(text)
    errors = [line for line in lines if line.startswith("error:")]
    return len(errors) == 1 and lines[-1] == errors[0]


def last_line(done: Done) -> str:
    """The last line of stderr, or of stdout where that is empty."""
    lines = _lines(done.err) or _lines(done.out) or [""]
    return lines[-1][:300]


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def result_of(workdir: Path) -> dict[str, Any]:
    """What a finished run has come to, without its times and its warnings.

    Args:
        workdir: The run's folder.

    Returns:
        Figures, the digest of the weights, the epochs' log and the comparison.

    Raises:
        OSError: A file is missing.
        ValueError: A file is no JSON.
    """
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    passing = ("seconds", "compilations")
    found = {
        "results.json": figures_of(workdir / "results.json"),
        "metrics.jsonl": [
            {name: v for name, v in json.loads(line).items() if name not in passing}
            for line in lines
        ],
    }
    comparison = workdir / "comparison.json"
    if comparison.exists():
        rows = read_json(comparison)
        for row in rows.values():
            row["results"].pop("warnings", None)
        found["comparison.json"] = rows
    return found


def figures_of(path: Path) -> dict[str, Any]:
    """The figures of a file and the digest of the weights they belong to.

    Args:
        path: Of the layout of `results.json`.

    Returns:
        Plain values.
    """
    whole = read_json(path)
    kept = ("checkpoint", "modes", "selection", "seed", "protocol", "trials")
    return {name: whole[name] for name in kept} | {"model": whole["engine"]["model"]}


def difference(found: Callable[[], Any], wanted: Any) -> str:
    """How a result differs from what it should be.

    Args:
        found: Reads the result.
        wanted: What it should be.

    Returns:
        A few words; "" where it is the same.
    """
    try:
        got = found()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"no result: {type(error).__name__}: {error}"
    if got == wanted:
        return ""
    if isinstance(got, dict) and isinstance(wanted, dict):
        names = sorted({*got, *wanted})
        differ = [name for name in names if got.get(name) != wanted.get(name)]
        return f"other {', '.join(differ)}"
    return "another result"


def embeddings_of(path: Path) -> dict[str, bytes]:
    """The columns of an exported file, as bytes.

    Args:
        path: `embeddings.npz`.

    Returns:
        By name.
    """
    with np.load(path) as stored:
        return {name: stored[name].tobytes() for name in stored.files}


class Tally:
    """All ends of a run of the benchmark."""

    def __init__(self) -> None:
        """Begin with none."""
        self.ends: list[Ended] = []

    def add(self, ended: Ended) -> None:
        """Take note of an end; a fault is printed at once.

        Args:
            ended: The end.
        """
        self.ends.append(ended)
        if ended.outcome in FAULTS:
            print(f"{ended.outcome}: {ended.kind}, {ended.name}: {ended.detail}")
            print(f"  {ended.command}", flush=True)

    @property
    def faults(self) -> list[Ended]:
        """Those that must not be."""
        return [ended for ended in self.ends if ended.outcome in FAULTS]

    def by_outcome(self) -> list[list[Cell]]:
        """A row per kind: its name, then how often each outcome, then their sum."""
        rows: list[list[Cell]] = []
        for kind in dict.fromkeys(ended.kind for ended in self.ends):
            found = [ended.outcome for ended in self.ends if ended.kind == kind]
            counts = [found.count(outcome) for outcome in (*GOOD, *FAULTS)]
            rows.append([kind, *counts, len(found)])
        return rows

    def by_part(self) -> list[list[Cell]]:
        """A row per part that got signals: count, median and worst seconds to end."""
        rows: list[list[Cell]] = []
        timed = [ended for ended in self.ends if ended.seconds is not None]
        for part in dict.fromkeys(ended.part for ended in timed):
            seconds = _seconds(ended for ended in timed if ended.part == part)
            middle = float(np.median(seconds))
            rows.append([part, len(seconds), round(middle, 2), round(max(seconds), 2)])
        return rows


def _seconds(ends: Iterable[Ended]) -> list[float]:
    return [ended.seconds for ended in ends if ended.seconds is not None]
