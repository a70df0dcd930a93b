"""The run that is disturbed: its command, its folders, its undisturbed result."""

import functools
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.chaos.hooked import Hook
from benchmarks.chaos.outcomes import (
    HANG,
    IDENTICAL,
    OTHER,
    Done,
    Ended,
    Tally,
    difference,
    judged,
    result_of,
)
from benchmarks.chaos.worker import PROGRAM, ROOT, Worker, shown
from ceil_jax.experiment import results_files

CONFIG = "--config=configs/synthetic.py"
HANG_SECONDS = 400.0
"""Nothing here takes a quarter of that on one core."""
SMALL = {
    "init_from": "",
    "stage1_epochs": 2,
    "stage2_epochs": 1,
    "save_epoch": 1,
    "num_devices": 1,
    "encoder.width": 4,
    "synthetic.num_train_identities": 8,
    "synthetic.num_test_identities": 6,
    "batch.visible_rows": 8,
    "batch.stage1_steps": 3,
    "batch.stage2_steps": 3,
    "clustering.k1": 8,
    "clustering.min_samples": 2,
    "evaluation.num_trials": 2,
    "evaluation.num_pictured_queries": 2,
    "evaluation.control": "",
}


def small_words() -> list[str]:
    """The demo in three epochs of three steps, as words of a command line."""
    return [f"--config.{name}={value}" for name, value in SMALL.items()]


class Bench:
    """A configuration and a folder for all runs of it; a context manager.

    Undisturbed runs are made when they are first needed, and copied from then on.
    """

    def __init__(
        self,
        folder: Path,
        words: Sequence[str],
        *,
        seed: int,
        tally: Tally,
        small: bool = False,
        prepared: Path | None = None,
        compiled: Path | None = None,
        whole: Path | None = None,
    ) -> None:
        """Nothing is run yet.

        Args:
            folder: For everything that is written.
            words: What differs from `configs/synthetic.py`, without any folder.
            seed: Of all random choices.
            tally: Where every end is noted.
            small: Whether a minute must be enough.
            prepared: Home of prepared data that may be there already.
            compiled: Likewise of compiled programs.
            whole: The folder of an undisturbed run that is there already.
        """
        self.folder, self.tally, self.small = folder, tally, small
        self._seed = seed
        self._words = list(words)
        self.prepared = prepared or folder / "prepared"
        self._compiled = compiled or folder / "compiled"
        self._whole, self._numbers = whole, itertools.count(1)
        self.worker = Worker()
        folder.mkdir(parents=True, exist_ok=True)
        # Several benches may share a folder, and what is prepared and compiled there.
        self._runs = Path(tempfile.mkdtemp(dir=folder, prefix="runs-"))

    def __enter__(self) -> "Bench":
        """Return itself."""
        return self

    def __exit__(self, *unused: object) -> None:
        """End the worker."""
        self.worker.__exit__()

    def rng(self, kind: str) -> random.Random:
        """The source of a kind's random choices, the same whatever else is done.

        Args:
            kind: Its name.

        Returns:
            The generator, at its start.
        """
        return random.Random(f"{self._seed} {kind}")

    def new_folder(self, name: str = "run") -> Path:
        """A path that nothing is at.

        Args:
            name: What it begins with.

        Returns:
            The path.
        """
        return self._runs / f"{name}-{next(self._numbers)}"

    def words(
        self, workdir: Path | None, *more: str, prepared: Path | None = None
    ) -> list[str]:
        """The words of a command with the whole configuration.

        Args:
            workdir: Its folder; None for none.
            *more: Further words.
            prepared: Home of prepared data, by default the one that all runs share.

        Returns:
            Those after the program's name.
        """
        folder = [f"--workdir={workdir}"] if workdir is not None else []
        return [
            CONFIG,
            *folder,
            *self._words,
            f"--config.prepared_dir={prepared or self.prepared}",
            f"--config.compilation_cache={self._compiled}",
            *more,
        ]

    def call(self, words: Sequence[str]) -> Done:
        """Do a command in the worker.

        Args:
            words: Those after the program's name.

        Returns:
            How it ended.
        """
        return self.worker.call(words, HANG_SECONDS)

    def start(
        self, words: Sequence[str], hook: Hook | None = None
    ) -> "subprocess.Popen[str]":
        """Start a command as a process of its own.

        Args:
            words: Those after the program's name.
            hook: What happens to it.

        Returns:
            The process, which leads a group of its own.
        """
        program = list(PROGRAM)
        if hook is not None:
            program = [sys.executable, "-m", "benchmarks.chaos.hooked", hook.text()]
        return subprocess.Popen(
            [*program, *words],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self,
        words: Sequence[str],
        hook: Hook | None = None,
        meanwhile: Callable[["subprocess.Popen[str]"], Any] | None = None,
    ) -> Done:
        """Do a command in a process of its own.

        Args:
            words: Those after the program's name.
            hook: What happens to it.
            meanwhile: Called with the running process.

        Returns:
            How it ended.
        """
        begin = time.monotonic()
        process = self.start(words, hook)
        if meanwhile is not None:
            meanwhile(process)
        return ended(process, begin, told(words, hook))

    @functools.cached_property
    def whole(self) -> Path:
        """The folder of an undisturbed run."""
        if self._whole is None:
            self._whole = self._made("whole", None, 0)
        return self._whole

    @functools.cached_property
    def wanted(self) -> dict[str, Any]:
        """What the undisturbed run has come to."""
        return result_of(self.whole)

    @functools.cached_property
    def halfway(self) -> Path:
        """The folder of a run that was told to stop within its last epoch."""
        at, steps = "ceil_jax.experiment.keeper:Keeper.at_step", self.num_steps - 1
        hook = Hook(at, call=self.num_epochs * steps, signal=signal.SIGTERM)
        return self._made("halfway", hook, 128 + signal.SIGTERM)

    @functools.cached_property
    def unscored(self) -> Path:
        """The folder of a run that has all its epochs, and no report of them."""
        folder = self.copied(self.whole)
        (folder / "results.json").unlink()
        for part in (results_files.PICTURE, results_files.RANKINGS):
            (folder / part).unlink(missing_ok=True)
        return folder

    def _made(self, name: str, hook: Hook | None, status: int) -> Path:
        """A folder that is made once, and is there the next time.

        Raises:
            RuntimeError: What is measured against does not work.
        """
        folder, made = self.folder / name, self.folder / f"{name}.json"
        words = self.words(folder)
        if not made.exists() or json.loads(made.read_text()) != words:
            made.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            done = self.run(words, hook)
            if done.status != status:
                raise RuntimeError(f"{done.status=}: {done.err}\n{done.command}")
            made.write_text(json.dumps(words))
        return folder

    @property
    def num_epochs(self) -> int:
        """Epochs of both stages."""
        return self._number_of("stage1_epochs") + self._number_of("stage2_epochs")

    @property
    def num_steps(self) -> int:
        """Steps of an epoch, the same in both stages."""
        return self._number_of("batch.stage1_steps")

    def _number_of(self, name: str) -> int:
        (found,) = (
            word.partition("=")[2]
            for word in self._words
            if word.startswith(f"--config.{name}=")
        )
        return int(found)

    def copied(self, source: Path) -> Path:
        """A copy of a run's folder.

        Args:
            source: The folder.

        Returns:
            The copy.
        """
        return Path(shutil.copytree(source, self.new_folder()))

    def need(self, done: Done, status: int) -> None:
        """Give up where what is measured against does not work.

        Args:
            done: A command.
            status: How it must have ended.

        Raises:
            RuntimeError: It ended otherwise.
        """
        if done.status != status:
            raise RuntimeError(f"status {done.status}: {done.err}\n{done.command}")

    def finished(self, workdir: Path, *, prepared: Path | None = None) -> Done:
        """Give the training's command again.

        Args:
            workdir: The folder of the run.
            prepared: As of `words`.

        Returns:
            How it ended.
        """
        return self.call(self.words(workdir, prepared=prepared))

    def differs(self, workdir: Path) -> str:
        """How a run that was disturbed differs from the undisturbed one.

        Args:
            workdir: Its folder.

        Returns:
            A few words; "" where it is the same.
        """
        return difference(lambda: result_of(workdir), self.wanted)

    def end_of_stop(
        self, kind: str, name: str, done: Done, workdir: Path, problem: str = ""
    ) -> Ended:
        """Finish a run that was stopped in some way; it must come to the same.

        Args:
            kind: Of the end.
            name: Of the end.
            done: The command that was stopped.
            workdir: Its folder.
            problem: What was wrong already; "" for nothing.

        Returns:
            The end.
        """
        again = self.finished(workdir)
        outcome, detail = judged(again, self.differs(workdir))
        if outcome != IDENTICAL:
            shown_outcome = HANG if again.status is None else outcome
            if shown_outcome not in (HANG,) and again.status == 2:
                shown_outcome = OTHER  # it must go on
            return Ended(kind, name, shown_outcome, detail, f"{done.command}; again")
        if problem:
            return Ended(kind, name, OTHER, problem, done.command)
        shutil.rmtree(workdir, ignore_errors=True)
        return Ended(kind, name, IDENTICAL)


def ended(process: "subprocess.Popen[str]", begin: float, command: str) -> Done:
    """Wait for a process.

    Args:
        process: The process.
        begin: When it was started, by the monotonic clock.
        command: For the report.

    Returns:
        How it ended; one that hangs is killed.
    """
    try:
        out, err = process.communicate(timeout=HANG_SECONDS)
        status: int | None = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        status = None
    return Done(status, out, err, time.monotonic() - begin, command)


def told(words: Sequence[str], hook: Hook | None) -> str:
    """A command as a shell takes it.

    Args:
        words: Those after the program's name.
        hook: What happens to it.

    Returns:
        One line.
    """
    if hook is None:
        return shown(words)
    program = shown(words).partition("ceil_jax.main")[2]
    return f"python -m benchmarks.chaos.hooked '{hook.text()}'{program}"
