"""The small files of a run damaged, then the run used."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.chaos.bench import Bench
from benchmarks.chaos.damage import DAMAGES, flip_highest
from benchmarks.chaos.outcomes import (
    GOOD,
    SILENT,
    TOLD,
    Done,
    Ended,
    difference,
    figures_of,
    judged,
)

KIND = "small files"
JSON_FILES = ("config.json", "scores.json", "comparison.json", "results.json")
FILES = (*JSON_FILES, "metrics.jsonl", "trained_on.npz", "writer.json")
LOGS = ("metrics.jsonl", "comparison.json")
"""What is lost of them does not come back; that it is lost must be said."""
OTHER_VALUES = {
    "a list": "[]",
    "a number": "3",
    "null": "null",
    "an object": "{}",
    "a list in an object": '{"1": [], "epoch": null, "stage 1": 7, "host": 3}',
    "no UTF-8": "\udcff\udcfe{",
    "much nested": "[" * 20_000,
}
SMALL_NUMBER = 2


def run(bench: Bench) -> None:
    """Resume, evaluate, export and repeat with damaged files.

    Args:
        bench: The run.
    """
    rng = bench.rng(KIND)
    spoils = {
        f"{file}: {name}": spoil
        for file in FILES
        for name, spoil in _spoils(rng, file).items()
    }
    trials = [(name, mode) for name in spoils for mode in _modes(name)]
    if bench.small:
        trials = rng.sample(trials, SMALL_NUMBER)
    for name, mode in trials:
        _used(bench, name, spoils[name], mode)


def _modes(name: str) -> tuple[str, ...]:
    if name.startswith(("results.json", "config.json")):
        return ("train", "repeat", "evaluate", "export")
    return ("train", "evaluate")


def _spoils(rng: random.Random, file: str) -> dict[str, Callable[[Path], Any]]:
    """What damages a file of a run's folder, by name."""
    found: dict[str, Callable[[Path], Any]] = {}
    damages = dict(DAMAGES)
    if file != "trained_on.npz":
        damages["bit flip"] = flip_highest
    for name, damage in damages.items():
        found[name] = lambda path, damage=damage: damage(path, rng)
    for name, text in OTHER_VALUES.items():
        if file != "trained_on.npz" or name == "a list":
            found[name] = lambda path, text=text: path.write_text(
                text, errors="surrogateescape"
            )
    if file == "metrics.jsonl":
        for name in ("a list", "a number", "no UTF-8"):
            text = OTHER_VALUES[name]
            found[f"{name} as last line"] = lambda path, text=text: path.write_bytes(
                path.read_bytes() + text.encode(errors="surrogateescape") + b"\n"
            )
    return {
        name: lambda workdir, spoil=spoil: spoil(workdir / file)
        for name, spoil in found.items()
    }


def _used(bench: Bench, name: str, spoil: Callable[[Path], Any], mode: str) -> None:
    file = name.partition(":")[0]
    is_over = mode != "train"
    workdir = bench.copied(bench.whole if is_over else bench.halfway)
    if file == "writer.json":  # left behind by a kill, on another host
        text = json.dumps({"host": "other", "pid": 1, "since": "x", "token": "y"})
        (workdir / file).write_text(text)
    if (workdir / file).exists():
        spoil(workdir)
    elif not is_over:
        (workdir / file).write_text("")
        spoil(workdir)
    if mode in ("train", "repeat"):
        done = bench.finished(workdir)
    else:
        done = bench.call([f"--mode={mode}", f"--workdir={workdir}"])
    bench.tally.add(_end(bench, f"{name}, {mode}", file, done, workdir, mode))


def _end(
    bench: Bench, name: str, file: str, done: Done, workdir: Path, mode: str
) -> Ended:
    if mode == "export":
        differs = "" if (workdir / "embeddings.npz").exists() else "no embeddings"
    elif mode == "evaluate":
        differs = _of_some_figures(bench, workdir)
    else:
        differs = bench.differs(workdir)
    outcome, detail = judged(done, differs, is_told=file in LOGS)
    if outcome == TOLD and differs not in (f"other {one}" for one in LOGS):
        outcome, detail = SILENT, differs
    if outcome in GOOD:
        shutil.rmtree(workdir)
    return Ended(KIND, name, outcome, detail, done.command)


def _of_some_figures(bench: Bench, workdir: Path) -> str:
    """The figures of an evaluation, wherever it keeps them."""
    wanted = bench.wanted["results.json"]
    paths = [workdir / "results.json", *sorted((workdir / "results").glob("*.json"))]
    found = [difference(lambda path=path: figures_of(path), wanted) for path in paths]
    return "" if "" in found else found[0]
