"""A disk that is full, or a folder that is gone, in each part of the work."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.chaos.bench import Bench
from benchmarks.chaos.hooked import FILLER, Hook
from benchmarks.chaos.kills import SHIPPED, contents_of
from benchmarks.chaos.outcomes import (
    GOOD,
    IDENTICAL,
    OTHER,
    Done,
    Ended,
    difference,
    embeddings_of,
    judged,
)

KIND = "full disk"
DISK = "24m"


class Phase(NamedTuple):
    """When the disk becomes full.

    Attributes:
        name: Of the part of the work.
        at: A function of it.
        call: Which call of it.
        start: The folder to start from: of `Bench`, "" for an empty one.
        mode: Of the program.
        on_disk: What lies on the disk: the run, "prepared" or "compiled".
    """

    name: str
    at: str
    call: int = 1
    start: str = ""
    mode: str = "train"
    on_disk: str = "run"


WRITE = "ceil_jax.datasets.writing:PlainRecordWriter.write"
PHASES = (
    Phase("preparing", WRITE, on_disk="prepared"),
    Phase(
        "writing the index", "ceil_jax.datasets.index:write_index", on_disk="prepared"
    ),
    Phase("compiling", "jax._src.compiler:compile_or_get_cached", on_disk="compiled"),
    Phase("first files", "ceil_jax.experiment.trained_on:of_images"),
    Phase("saving the first checkpoint", "ceil_jax.checkpoints.stored:write"),
    Phase("saving a later checkpoint", "ceil_jax.checkpoints.stored:write", 3),
    Phase("saving within an epoch", "ceil_jax.experiment.keeper:Keeper.at_step", 3),
    Phase("log", "ceil_jax.experiment.logs:EpochLog.write", 2),
    Phase("scores", "ceil_jax.experiment.selection:Scores.add"),
    Phase("comparison", "ceil_jax.experiment.comparison:Comparison.add", 2),
    Phase("results", "ceil_jax.experiment.results_files:write", 1, "unscored"),
    Phase("picture", "ceil_jax.experiment.score:Scorer.draw", 1, "unscored"),
    Phase("export", "numpy:savez", 1, "whole", "export"),
    Phase("convert", "ceil_jax.weights.converted:write", mode="convert"),
)
SMALL = ("results",)


def run(bench: Bench) -> None:
    """Fill the disk in each phase, make room, and go on.

    Args:
        bench: The run.
    """
    for phase in PHASES:
        if not bench.small or phase.name in SMALL:
            _limited(bench, phase)
    if bench.small:
        return
    _gone(bench)
    with _small_disk(bench.new_folder("disk")) as disk:
        if disk is None:
            print("no small disk can be mounted here: files are limited instead")
            return
        for phase in PHASES:
            _filled(bench, phase, disk)


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of its own in memory, where this process may mount one."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    can = shutil.which("mount") and hasattr(os, "geteuid") and os.geteuid() == 0
    if not can or subprocess.run(mount, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class _Places(NamedTuple):
    workdir: Path
    prepared: Path | None
    words: list[str]


def _places(bench: Bench, phase: Phase, disk: Path) -> _Places:
    """The folders of a command, those that matter on the disk."""
    workdir, prepared = bench.new_folder(), None
    if phase.on_disk == "run":
        workdir = disk / workdir.name
    if phase.start:
        shutil.copytree(getattr(bench, phase.start), workdir)
    if phase.on_disk == "prepared":
        prepared = disk / bench.new_folder("prepared").name
    if phase.mode == "export":
        words = ["--mode=export", f"--workdir={workdir}"]
    elif phase.mode == "convert":
        words = ["--mode=convert", f"--weights={SHIPPED}", f"--output={workdir}"]
    else:
        words = bench.words(workdir, prepared=prepared)
    if phase.on_disk == "compiled":
        words.append(f"--config.compilation_cache={disk / 'compiled'}")
    if phase.name == "saving within an epoch":
        words.append("--config.save_minutes=1e-9")
    return _Places(workdir, prepared, words)


def _limited(bench: Bench, phase: Phase) -> None:
    """No file may have a byte any more: an error of the same kind everywhere."""
    folder = bench.new_folder("disk")
    folder.mkdir()
    places = _places(bench, phase, folder)
    done = bench.run(places.words, Hook(phase.at, phase.call, limit=0))
    _end(bench, f"{phase.name}, files limited", phase, places, done)


def _filled(bench: Bench, phase: Phase, disk: Path) -> None:
    places = _places(bench, phase, disk)
    done = bench.run(places.words, Hook(phase.at, phase.call, fill=str(disk)))
    (disk / FILLER).unlink(missing_ok=True)
    _end(bench, f"{phase.name}, disk full", phase, places, done)
    for left in disk.iterdir():
        shutil.rmtree(left)


def _end(bench: Bench, name: str, phase: Phase, places: _Places, done: Done) -> None:
    """One line at the fault, or the work goes on without; then all is made good."""
    outcome, detail = judged(
        done, _differs(bench, phase, places) if done.status == 0 else ""
    )
    if outcome in GOOD:
        again = bench.call(places.words)
        second, why = judged(again, _differs(bench, phase, places))
        if second != IDENTICAL:
            outcome = OTHER if second in GOOD else second
            detail = f"with room again: {why}"
    bench.tally.add(Ended(KIND, name, outcome, detail, done.command))
    if outcome in GOOD:
        shutil.rmtree(places.workdir, ignore_errors=True)


def _differs(bench: Bench, phase: Phase, places: _Places) -> str:
    if phase.mode == "convert":
        return difference(lambda: bool(contents_of(places.workdir)), True)
    if phase.mode == "export":
        path = places.workdir / "embeddings.npz"
        return difference(lambda: bool(embeddings_of(path)), True)
    return bench.differs(places.workdir)


def _gone(bench: Bench) -> None:
    """The run's folder, or the prepared data, removed while a training goes on."""
    for call in (2, 5):
        workdir = bench.new_folder()
        hook = Hook(
            "ceil_jax.experiment.keeper:Keeper.at_step", call, remove=str(workdir)
        )
        done = bench.run(bench.words(workdir), hook)
        outcome, detail = judged(done, bench.differs(workdir))
        if outcome in GOOD:
            outcome, detail = _from_the_start(bench, workdir)
        name = f"the run's folder removed at step {call}"
        bench.tally.add(Ended(KIND, name, outcome, detail, done.command))
    for at in (
        "ceil_jax.experiment.keeper:Keeper.at_step",
        "ceil_jax.datasets.loading:_in_memory",
    ):
        workdir, home = bench.new_folder(), bench.new_folder("prepared")
        words = bench.words(workdir, prepared=home)
        done = bench.run(words, Hook(at, remove=str(home)))
        outcome, detail = judged(
            done, bench.differs(workdir) if done.status == 0 else ""
        )
        if outcome in GOOD:
            outcome, detail = _from_the_start(bench, workdir)
        name = f"prepared data removed at {at.rpartition('.')[2]}"
        bench.tally.add(Ended(KIND, name, outcome, detail, done.command))


def _from_the_start(bench: Bench, workdir: Path) -> tuple[str, str]:
    again = bench.finished(workdir)
    outcome, detail = judged(again, bench.differs(workdir))
    return (outcome, detail) if outcome == IDENTICAL else (OTHER, f"again: {detail}")
