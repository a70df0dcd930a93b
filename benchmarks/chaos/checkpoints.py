"""Every file of the newest checkpoints damaged in every way, then used."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.chaos.bench import Bench
from benchmarks.chaos.damage import DAMAGES, files_of
from benchmarks.chaos.outcomes import (
    IDENTICAL,
    OTHER,
    SILENT,
    TOLD,
    Done,
    Ended,
    difference,
    embeddings_of,
    figures_of,
    judged,
)

KIND = "checkpoints"
SMALL_NUMBER = 2
Spoil = Callable[[Path], None]


def run(bench: Bench) -> None:
    """Resume, evaluate and export with damaged checkpoints.

    Args:
        bench: The run.
    """
    folder, rng = bench.halfway / "checkpoints", bench.rng(KIND)
    names = sorted((p.name for p in folder.iterdir()), key=_order)
    within, newest = names[-1], names[-2]
    if ".step" not in within:
        raise RuntimeError(f"{folder} holds no state within an epoch: {names}")
    spoils = _spoils(rng, folder, within) | _spoils(rng, folder, newest)
    spoils |= _folders(names)
    chosen = list(spoils)
    if bench.small:
        chosen = rng.sample(chosen, SMALL_NUMBER)
    for name in chosen:
        _resumed(bench, name, spoils[name])
    ends = _spoils(rng, folder, newest) | _folders(names)
    chosen = list(ends)
    if bench.small:
        chosen = rng.sample(chosen, SMALL_NUMBER // 2)
    wanted = _undisturbed(bench, names[-3:-1])
    for name in chosen:
        _used(bench, name, ends[name], wanted, "evaluate")
        if not bench.small and rng.random() < 0.25:
            _used(bench, name, ends[name], wanted, "export")
    if not bench.small:
        _none_is_whole(bench)


def _order(name: str) -> tuple[int, int]:
    epoch, _, step = name.partition(".step")
    return (int(epoch), -1) if step else (int(epoch), 10**9)


def _spoils(rng: random.Random, folder: Path, place: str) -> dict[str, Spoil]:
    """What damages one checkpoint, by name; each takes a run's folder."""
    found: dict[str, Spoil] = {}
    for file in files_of(folder / place):
        for name, damage in DAMAGES.items():

            def spoil(workdir: Path, file: Path = file, damage: Any = damage) -> None:
                damage(workdir / "checkpoints" / place / file, rng)

            found[f"{place}/{file}: {name}"] = spoil
    return found


def _folders(names: list[str]) -> dict[str, Spoil]:
    """What exchanges, empties or replaces whole checkpoints."""
    first, second, within = names[-3], names[-2], names[-1]

    def path(workdir: Path, name: str) -> Path:
        return workdir / "checkpoints" / name

    def swap(workdir: Path) -> None:
        path(workdir, first).rename(path(workdir, "x"))
        path(workdir, second).rename(path(workdir, first))
        path(workdir, "x").rename(path(workdir, second))

    def older(workdir: Path) -> None:
        shutil.rmtree(path(workdir, second))
        shutil.copytree(path(workdir, first), path(workdir, second))

    def renamed(workdir: Path) -> None:
        path(workdir, second).rename(path(workdir, str(int(second) + 1)))

    def other_state(workdir: Path) -> None:
        shutil.rmtree(path(workdir, second) / "state")
        shutil.copytree(path(workdir, first) / "state", path(workdir, second) / "state")

    def other_record(workdir: Path) -> None:
        for item in ("record", "digest"):
            shutil.rmtree(path(workdir, second) / item)
            shutil.copytree(path(workdir, first) / item, path(workdir, second) / item)

    def emptied(workdir: Path) -> None:
        shutil.rmtree(path(workdir, second))
        path(workdir, second).mkdir()

    def file(workdir: Path) -> None:
        shutil.rmtree(path(workdir, second))
        path(workdir, second).write_text("")

    def within_as_end(workdir: Path) -> None:
        path(workdir, within).rename(path(workdir, within.partition(".")[0]))

    def within_later(workdir: Path) -> None:
        path(workdir, within).rename(path(workdir, f"{within}0"))

    return {
        f"{each.__name__} of {first}, {second}, {within}": each
        for each in (
            swap,
            older,
            renamed,
            other_state,
            other_record,
            emptied,
            file,
            within_as_end,
            within_later,
        )
    }


def _resumed(bench: Bench, name: str, spoil: Spoil) -> None:
    workdir = bench.copied(bench.halfway)
    spoil(workdir)
    done = bench.finished(workdir)
    outcome, detail = judged(done, bench.differs(workdir))
    if done.status == 2:
        outcome, detail = OTHER, f"an earlier checkpoint is whole; {detail}"
    bench.tally.add(Ended(KIND, f"{name}, train", outcome, detail, done.command))
    if outcome == IDENTICAL:
        shutil.rmtree(workdir)


def _undisturbed(bench: Bench, epochs: list[str]) -> dict[str, dict[str, Any]]:
    """What the last two epochs evaluate to and embed, the later one first."""
    workdir, found = bench.copied(bench.halfway), {}
    for epoch in reversed(epochs):
        done = bench.call(["--mode=evaluate", f"--workdir={workdir}"])
        bench.need(done, 0)
        bench.need(bench.call(["--mode=export", f"--workdir={workdir}"]), 0)
        found[f"epoch {epoch}"] = {
            "evaluate": _evaluated(workdir),
            "export": embeddings_of(workdir / "embeddings.npz"),
        }
        shutil.rmtree(workdir / "checkpoints" / epoch)
        shutil.rmtree(workdir / "results")
    return found


def _evaluated(workdir: Path) -> dict[str, Any]:
    (path,) = (workdir / "results").glob("*.json")
    return figures_of(path)


def _used(
    bench: Bench,
    name: str,
    spoil: Spoil,
    wanted: dict[str, dict[str, Any]],
    mode: str,
) -> None:
    """Evaluate or export: the newest epoch as ever, or an earlier one that is named."""
    workdir = bench.copied(bench.halfway)
    spoil(workdir)
    done = bench.call([f"--mode={mode}", f"--workdir={workdir}"])

    def found() -> Any:
        if mode == "export":
            return embeddings_of(workdir / "embeddings.npz")
        return _evaluated(workdir)

    newest, *others = wanted
    differs = difference(found, wanted[newest][mode])
    outcome, detail = judged(done, differs, is_told=True)
    if outcome == TOLD:
        if not any(not difference(found, wanted[e][mode]) for e in others):
            outcome, detail = SILENT, "figures of no checkpoint that was there"
        elif mode == "evaluate" and not _has_warning(workdir):
            outcome, detail = SILENT, "the figures do not say that it was passed over"
    bench.tally.add(Ended(KIND, f"{name}, {mode}", outcome, detail, done.command))
    shutil.rmtree(workdir)


def _has_warning(workdir: Path) -> bool:
    (path,) = (workdir / "results").glob("*.json")
    return bool(json.loads(path.read_text())["warnings"])


def _none_is_whole(bench: Bench) -> None:
    """Where no checkpoint is left, nothing is taken and nothing is deleted."""
    for words in (None, "--mode=evaluate", "--mode=export"):
        workdir = bench.copied(bench.halfway)
        for path in (workdir / "checkpoints").glob("*/digest/metadata"):
            path.write_text("{}")
        before = files_of(workdir / "checkpoints")
        done: Done = (
            bench.finished(workdir)
            if words is None
            else bench.call([words, f"--workdir={workdir}"])
        )
        outcome, detail = judged(done, "a model was found")
        if files_of(workdir / "checkpoints") != before:
            outcome, detail = OTHER, "files were removed"
        name = f"none is whole, {words or 'train'}"
        bench.tally.add(Ended(KIND, name, outcome, detail, done.command))
