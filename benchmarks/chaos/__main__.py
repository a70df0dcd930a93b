"""Disturb the program in every way that is known, and count how it ends.

    python -m benchmarks.chaos --seed=1 --kills=30
    python -m benchmarks.chaos --only=checkpoints

Every run is of the embedded data set in small. A disturbed run must come to the same
bits as an undisturbed one, or say in one line why it does not.
"""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from absl import app, flags, logging

from benchmarks import flagged, markdown
from benchmarks.chaos import (
    checkpoints,
    full_disk,
    kills,
    prepared,
    signals,
    small_files,
    two_processes,
)
from benchmarks.chaos.bench import Bench, small_words
from benchmarks.chaos.outcomes import FAULTS, GOOD, Tally

_FLAGS = flagged.own(__name__)
_SEED = flags.DEFINE_integer("seed", 1, "Of all random choices.", flag_values=_FLAGS)
_KILLS = flags.DEFINE_integer(
    "kills", 30, "How many at random moments.", lower_bound=0, flag_values=_FLAGS
)
_ONLY = flags.DEFINE_multi_string("only", [], "Kinds to do.", flag_values=_FLAGS)
_SMALL = flags.DEFINE_boolean(
    "small", False, "One or a few of each kind.", flag_values=_FLAGS
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where to work; by default in /tmp.", flag_values=_FLAGS
)

KINDS: dict[str, Callable[[Bench, int], None]] = {
    "kills": kills.run,
    "checkpoints": lambda bench, _: checkpoints.run(bench),
    "prepared": lambda bench, _: prepared.run(bench),
    "small files": lambda bench, _: small_files.run(bench),
    "signals": lambda bench, _: signals.run(bench),
    "two processes": lambda bench, _: two_processes.run(bench),
    "full disk": lambda bench, _: full_disk.run(bench),
}

IN_WORKER = ("checkpoints", "prepared", "small files")
"""Kinds whose commands one process does, one after another."""


def report(tally: Tally) -> str:
    """The tables.

    Args:
        tally: All ends.

    Returns:
        Markdown.
    """
    headers = ["kind", *GOOD, *FAULTS, "all"]
    text = markdown.table("How it ended.", headers, tally.by_outcome())
    if rows := tally.by_part():
        headers = ["part", "signals", "median, s", "worst, s"]
        caption = "From the signal to the end of the process."
        text += "\n\n" + markdown.table(caption, headers, rows)
    return text


def write(tally: Tally, path: Path) -> None:
    """Write every end, and the tables.

    Args:
        tally: All ends.
        path: The file.
    """
    record: dict[str, Any] = {
        "seed": _SEED.value,
        "faults": len(tally.faults),
        "outcomes": tally.by_outcome(),
        "parts": tally.by_part(),
        "ends": [ended._asdict() for ended in tally.ends],
    }
    path.write_text(json.dumps(record, indent=2) + "\n")


def disturb(bench: Bench, names: list[str], num_kills: int) -> None:
    """Disturb in the named ways.

    Args:
        bench: The run; where it is small, kinds that wait for processes of their own
            are done beside those that keep the worker busy.
        names: Of `KINDS`.
        num_kills: How many kills at random moments.
    """

    def do(chosen: list[str]) -> None:
        for name in chosen:
            begin = time.monotonic()
            KINDS[name](bench, num_kills)
            print(f"== {name}: {time.monotonic() - begin:.0f} s", flush=True)

    if not bench.small:
        do(names)
        return
    with ThreadPoolExecutor(2) as pool:
        bench.halfway  # noqa: B018  # both begin with it
        lanes = [[n for n in names if (n in IN_WORKER) == own] for own in (True, False)]
        for each in [pool.submit(do, lane) for lane in lanes]:
            each.result()


def main(argv: list[str]) -> None:
    """Disturb, print the tables and write them; status 1 where there is a fault."""
    del argv
    names = _ONLY.value or list(KINDS)
    unknown = set(names) - set(KINDS)
    if unknown:
        raise app.UsageError(f"--only={unknown.pop()} must be of {', '.join(KINDS)}")
    logging.set_verbosity(logging.WARNING)  # Orbax tells of all that it reads
    # What `nohup` and background jobs ignore would be ignored by every run, too.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(_WORKDIR.value or scratch).absolute()
        tally = Tally()
        with Bench(
            folder, small_words(), seed=_SEED.value, tally=tally, small=_SMALL.value
        ) as bench:
            try:
                disturb(bench, names, _KILLS.value)
            finally:  # of what was stopped, too
                print(f"\n{report(tally)}", flush=True)
                write(tally, folder / "chaos.json")
    print(f"\n{len(tally.ends)} disturbances, {len(tally.faults)} faults")
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    app.run(main)
