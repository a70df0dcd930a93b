"""Signals in every part of the work: how soon it ends, what it says, what is kept."""

import dataclasses
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.chaos.bench import Bench
from benchmarks.chaos.hooked import Hook
from benchmarks.chaos.kills import SHIPPED, contents_of
from benchmarks.chaos.outcomes import (
    FAULTS,
    HANG,
    ONE_LINE,
    OTHER,
    TRACE,
    TRACEBACK,
    Done,
    Ended,
    difference,
    figures_of,
    judged,
    trace_of,
)

KIND = "signals"
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MOST_SECONDS = 20.0
"""From the signal to the end of the process."""
AT_STEP = "ceil_jax.experiment.keeper:Keeper.at_step"
COMPILE = "jax._src.compiler:compile_or_get_cached"
SCORE = "ceil_jax.experiment.score:Scorer.score"


class Part(NamedTuple):
    """A part of the work that gets a signal.

    Attributes:
        name: Of the part.
        at: A function of it.
        call: Which call of it.
        start: The folder to start from: of `Bench`, "" for an empty one.
        mode: Of the program.
    """

    name: str
    at: str
    call: int = 1
    start: str = ""
    mode: str = "train"


PARTS = (
    Part("loading", "ceil_jax.datasets.loading:_in_memory"),
    Part("preparing", "ceil_jax.datasets.writing:PlainRecordWriter.write"),
    Part("embedding", "ceil_jax.embedding.embedder:Embedder.__call__", 2, "unscored"),
    Part("clustering", "ceil_jax.training.pseudo_labels:find"),
    Part("matching", "ceil_jax.training.pseudo_labels:match_across"),
    Part("fitting", AT_STEP, 2),
    Part("compiling", COMPILE, 20),
    Part("scoring", SCORE, 1, "halfway"),
    Part("reporting", "ceil_jax.experiment.results_files:write", 1, "unscored"),
    Part("picture", "ceil_jax.experiment.score:Scorer.draw", 1, "unscored"),
    Part("exporting", "ceil_jax.experiment.modes.export:save", 1, "whole", "export"),
    Part("converting", "ceil_jax.weights.converted:write", mode="convert"),
    Part("evaluating", SCORE, 1, "unscored", "evaluate"),
)


FINISHING = Part("scoring", SCORE, 1, "unscored")
SLOW = {
    "fitting, steps of 5 s": (AT_STEP, 4, 5.0),
    "fitting, steps of 12 s": (AT_STEP, 4, 12.0),
    "loading, 60 s in C": ("ceil_jax.datasets.loading:_in_memory", 1, 60.0),
    "preparing, 60 s in C": (
        "ceil_jax.datasets.writing:PlainRecordWriter.write",
        1,
        60.0,
    ),
    "clustering, 60 s in C": ("ceil_jax.training.pseudo_labels:find", 3, 60.0),
    "compiling, 60 s in C": (COMPILE, 20, 60.0),
    "saving, 60 s in C": ("ceil_jax.checkpoints.stored:write", 1, 60.0),
    "scoring, 60 s in C": (SCORE, 3, 60.0),
}
"""By name: a function, which call of it, and the seconds that it then takes."""
STARTING = (0.1, 0.3, 0.6, 1.0, 1.5, 2.5)
"""Seconds after the start of the process."""


def run(bench: Bench) -> None:
    """Send signals in each part, then in parts that are slow.

    Args:
        bench: The run.
    """
    if bench.small:
        _signalled(bench, FINISHING, Hook(FINISHING.at, signal=signal.SIGTERM))
        return
    for number in SIGNALS:
        for part in PARTS:
            _signalled(bench, part, Hook(part.at, call=part.call, signal=number))
        for seconds in STARTING:
            _early(bench, seconds, number)
        if number == signal.SIGTERM:
            for name, (at, call, seconds) in SLOW.items():
                hook = Hook(at, call, number, 1.0, seconds, every=at == AT_STEP)
                _signalled(bench, Part(name, at, call), hook)


def _words(bench: Bench, part: Part, workdir: Path, prepared: Path | None) -> list[str]:
    if part.mode == "train":
        return bench.words(workdir, prepared=prepared)
    if part.mode == "convert":
        return ["--mode=convert", f"--weights={SHIPPED}", f"--output={workdir}"]
    return [f"--mode={part.mode}", f"--workdir={workdir}"]


def _signalled(bench: Bench, part: Part, hook: Hook) -> None:
    workdir = (
        bench.copied(getattr(bench, part.start)) if part.start else bench.new_folder()
    )
    note = bench.new_folder("note")
    prepared = bench.new_folder("prepared") if "preparing" in part.name else None
    words = _words(bench, part, workdir, prepared)
    done = bench.run(words, dataclasses.replace(hook, note=str(note)))
    end = time.monotonic()
    number = signal.Signals(hook.signal)
    name = f"{part.name}, {number.name}"
    if not note.exists():
        detail = f"the part was not reached: status {done.status}; {done.err[-300:]}"
        bench.tally.add(Ended(KIND, name, OTHER, detail, done.command))
        return
    seconds = end - float(note.read_text())
    outcome, detail = _of_stop(done, number, seconds)
    if outcome not in FAULTS:
        again = _again(bench, part, words, workdir, done, name)
        outcome, detail = again.outcome, again.detail
    bench.tally.add(
        Ended(KIND, name, outcome, detail, done.command, part.name, seconds)
    )


def _of_stop(done: Done, number: signal.Signals, seconds: float) -> tuple[str, str]:
    """Whether a process ended as it should after a signal."""
    said = [line for line in done.err.splitlines() if line.startswith("stopped by")]
    if done.status is None or seconds > MOST_SECONDS:
        return HANG, f"{seconds:.1f} s; {said}"
    if TRACE in done.err or TRACE in done.out:
        return TRACEBACK, f"status {done.status}; {trace_of(done)}"
    if done.status != 128 + number:
        return OTHER, f"status {done.status}; {done.err[-300:]}"
    if len(said) != 1 or number.name not in said[0] or "error:" in done.err:
        return OTHER, f"not one line: {done.err[-300:]}"
    return ONE_LINE, ""


def _again(
    bench: Bench,
    part: Part,
    words: list[str],
    workdir: Path,
    done: Done,
    name: str,
) -> Ended:
    """Give the same command again; it must come to the same."""
    if part.mode == "train":
        return bench.end_of_stop(KIND, name, done, workdir)
    again = bench.call(words)
    if part.mode == "convert":
        differs = "" if contents_of(workdir) else "nothing was converted"
    elif part.mode == "export":
        differs = "" if (workdir / "embeddings.npz").exists() else "no embeddings"
    else:
        path = workdir / "results.json"
        differs = difference(lambda: figures_of(path), bench.wanted["results.json"])
    outcome, detail = judged(again, differs)
    return Ended(KIND, name, outcome, detail, done.command)


def _early(bench: Bench, seconds: float, number: signal.Signals) -> None:
    """A signal soon after the start, be it before the program can answer it."""
    times = [0.0]

    def send(process: "subprocess.Popen[str]") -> None:
        time.sleep(seconds)
        times[0] = time.monotonic()
        process.send_signal(number)

    workdir = bench.new_folder()
    done = bench.run(bench.words(workdir), meanwhile=send)
    passed = time.monotonic() - times[0]
    outcome, detail = _of_stop(done, number, passed)
    if done.status == -number and not done.err:
        outcome, detail = ONE_LINE, ""  # the system's own end of a process
    name = f"{seconds} s after the start, {number.name}"
    bench.tally.add(
        Ended(KIND, name, outcome, detail, done.command, "starting", passed)
    )
