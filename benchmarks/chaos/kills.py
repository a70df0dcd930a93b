"""SIGKILL at random and at chosen moments, then the same command until it is done."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.chaos.bench import Bench
from benchmarks.chaos.hooked import Hook
from benchmarks.chaos.outcomes import (
    IDENTICAL,
    OTHER,
    Ended,
    difference,
    embeddings_of,
    figures_of,
    judged,
)

KIND = "kills"
IN_A_CHAIN = 3
"""Kills of one run before it may finish."""
PLACES = {
    "preparing": ("ceil_jax.datasets.writing:PlainRecordWriter.write", 1),
    "the first step": ("ceil_jax.experiment.keeper:Keeper.at_step", 1),
    "after the first save": ("ceil_jax.checkpoints.stored:write", 1),
    "stage change": ("ceil_jax.training.pseudo_labels:match_across", 1),
    "scoring": ("ceil_jax.experiment.score:Scorer.score", 4),
    "report": ("ceil_jax.experiment.results_files:write", 1),
    "picture": ("ceil_jax.experiment.score:Scorer.draw", 1),
}


def run(bench: Bench, num_kills: int) -> None:
    """Kill at chosen moments, then at random ones.

    Args:
        bench: The run.
        num_kills: How many random ones.
    """
    _while_saving(bench)
    if bench.small:
        return
    for name, (at, call) in PLACES.items():
        _at_place(bench, name, Hook(at, call=call, signal=signal.SIGKILL))
    _export(bench)
    _convert(bench)
    _evaluate(bench)
    begin, rng = time.monotonic(), bench.rng(KIND)
    bench.need(bench.run(bench.words(bench.new_folder())), 0)
    length = time.monotonic() - begin
    for first in range(0, num_kills, IN_A_CHAIN):
        _chain(bench, rng, first, min(IN_A_CHAIN, num_kills - first), length)


def _at_place(bench: Bench, name: str, hook: Hook) -> None:
    workdir, prepared = bench.new_folder(), None
    if name == "preparing":
        prepared = bench.new_folder("prepared")
    done = bench.run(bench.words(workdir, prepared=prepared), hook)
    problem = "" if done.status == -9 else f"status {done.status} instead of a kill"
    bench.tally.add(bench.end_of_stop(KIND, name, done, workdir, problem))


def _while_saving(bench: Bench) -> None:
    """Kill once a half-written checkpoint is there."""
    workdir = bench.copied(bench.halfway)

    def kill(process: "subprocess.Popen[str]") -> None:
        while process.poll() is None:
            if any((workdir / "checkpoints").glob("*.orbax-checkpoint-tmp*")):
                os.kill(process.pid, signal.SIGKILL)
                return
            time.sleep(0.001)

    done = bench.run(bench.words(workdir), meanwhile=kill)
    problem = "" if done.status == -9 else f"status {done.status} instead of a kill"
    bench.tally.add(
        bench.end_of_stop(KIND, "while a checkpoint is saved", done, workdir, problem)
    )


def _chain(
    bench: Bench, rng: random.Random, first: int, number: int, length: float
) -> None:
    """Kill one run again and again, each time later than it has come."""
    workdir = bench.new_folder()
    waits = [rng.uniform(0.05, 0.95) * length for _ in range(number)]
    for place, seconds in enumerate(waits):

        def kill(process: "subprocess.Popen[str]", seconds: float = seconds) -> None:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)

        done = bench.run(bench.words(workdir), meanwhile=kill)
        name = f"random kill {first + place + 1}, after {seconds:.1f} s"
        if place < number - 1:
            fine = done.status in (-9, 0)
            outcome = IDENTICAL if fine else OTHER
            detail = "" if fine else f"status {done.status}: {done.err[-300:]}"
            bench.tally.add(Ended(KIND, name, outcome, detail, done.command))
        else:
            bench.tally.add(bench.end_of_stop(KIND, name, done, workdir))


def _killed_and_done(
    bench: Bench,
    name: str,
    words: list[str],
    at: str,
    differs: Callable[[], str],
) -> None:
    """Kill another mode, then give its command again."""
    done = bench.run(words, Hook(at, signal=signal.SIGKILL))
    again = bench.call(words)
    outcome, detail = judged(again, differs())
    if done.status != -9:
        outcome, detail = OTHER, f"status {done.status} instead of a kill"
    bench.tally.add(Ended(KIND, name, outcome, detail, done.command))


def _export(bench: Bench) -> None:
    other, workdir = bench.copied(bench.whole), bench.copied(bench.whole)
    bench.need(bench.call(["--mode=export", f"--workdir={other}"]), 0)
    wanted = embeddings_of(other / "embeddings.npz")
    _killed_and_done(
        bench,
        "export",
        ["--mode=export", f"--workdir={workdir}"],
        "numpy:savez",
        lambda: difference(lambda: embeddings_of(workdir / "embeddings.npz"), wanted),
    )


def _evaluate(bench: Bench) -> None:
    workdir = bench.copied(bench.whole)
    (workdir / "results.json").unlink()
    _killed_and_done(
        bench,
        "evaluate",
        ["--mode=evaluate", f"--workdir={workdir}"],
        "ceil_jax.experiment.results_files:write",
        lambda: difference(
            lambda: figures_of(workdir / "results.json"), bench.wanted["results.json"]
        ),
    )


def _convert(bench: Bench) -> None:
    output, other = bench.new_folder("converted"), bench.new_folder("converted")
    words = ["--mode=convert", f"--weights={SHIPPED}"]
    bench.need(bench.call([*words, f"--output={other}"]), 0)
    wanted = contents_of(other)
    _killed_and_done(
        bench,
        "convert",
        [*words, f"--output={output}"],
        "ceil_jax.weights.converted:write",
        lambda: difference(lambda: contents_of(output), wanted),
    )
    shutil.rmtree(output, ignore_errors=True)


SHIPPED = "ceil_jax/pretrained/synthetic.safetensors"


def contents_of(folder: Path) -> dict[str, bytes]:
    """The arrays of converted weights, as bytes.

    Args:
        folder: The folder.

    Returns:
        By name.
    """
    import jax

    from ceil_jax import weights

    found = jax.tree_util.tree_leaves_with_path(weights.load(str(folder)))
    return {jax.tree_util.keystr(path): leaf.tobytes() for path, leaf in found}
