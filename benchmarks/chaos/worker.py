"""A process that does one command of the program after another, and may be killed.

Starting Python and tracing programs takes seconds, a command on small data far less:
the process keeps the compiled steps from one command to the next.
"""

import dataclasses
import json
import os
import select
import shlex
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from benchmarks.chaos.outcomes import Done

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-m", "ceil_jax.main")


def shown(words: Sequence[str]) -> str:
    """A command of the program as a shell takes it.

    Args:
        words: Those after the program's name.

    Returns:
        One line.
    """
    return shlex.join(["python", "-m", "ceil_jax.main", *words])


class Worker:
    """The process; a context manager. After a hang it is another one."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> "Worker":
        """Return itself."""
        return self

    def __exit__(self, *unused: object) -> None:
        """End the process."""
        self._end()

    def call(self, words: Sequence[str], limit: float) -> Done:
        """Do a command.

        Args:
            words: Those of `ceil_jax.main`.
            limit: Seconds after which it hangs; the process is then killed.

        Returns:
            How it ended.
        """
        with self._lock:
            return self._call(words, limit)

    def _call(self, words: Sequence[str], limit: float) -> Done:
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        begin = time.monotonic()
        process.stdin.write(json.dumps(list(words)) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], limit)
        seconds = time.monotonic() - begin
        answer = process.stdout.readline() if ready else ""
        if not answer:
            status = None if not ready else process.wait()
            self._end()
            return Done(status, "", "", seconds, shown(words))
        status, out, err = json.loads(answer)
        return Done(status, out, err, seconds, shown(words))

    def _started(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.chaos.worker"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _keep_compiled() -> None:
    """Let every command of this process use the steps of the first like it."""
    import jax

    from ceil_jax.experiment import build
    from ceil_jax.experiment.config import field_names
    from ceil_jax.training import steps

    make_trainer, make_embedder = build.trainer_of, build.embedder_of
    make_state = steps.init_state
    trainers: dict[str, Any] = {}
    embedders: dict[str, Any] = {}
    states: dict[str, Any] = {}

    def key_of(config: Any, *others: Any) -> str:
        fields = field_names(config)
        for name in ("data_dir", "prepared_dir"):
            del fields[f"config.{name}"]
        return repr((fields, others))

    def trainer_of(config: Any, splits: Any, devices: Any) -> Any:
        made = make_trainer(config, splits, devices)
        kept = trainers.setdefault(key_of(config), made)
        return dataclasses.replace(made, steps=kept.steps, embed=kept.embed)

    def embedder_of(config: Any, devices: Any, *, flip: bool) -> Any:
        key = key_of(config, flip)
        if key not in embedders:
            embedders[key] = make_embedder(config, devices, flip=flip)
        return embedders[key]

    def init_state(encoder: Any, optimizer: Any, size: Any, **kwargs: Any) -> Any:
        if kwargs["variables"] is not None:
            return make_state(encoder, optimizer, size, **kwargs)
        key = repr((encoder, size, kwargs["seed"]))
        if key not in states:
            states[key] = jax.device_get(make_state(encoder, optimizer, size, **kwargs))
        return jax.tree.map(jax.numpy.array, states[key])

    build.trainer_of, build.embedder_of = trainer_of, embedder_of
    steps.init_state = init_state


def _answer(words: list[str], answers: IO[str]) -> None:
    """Do one command with its streams in files."""
    from ceil_jax.main import main

    status = 1
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            status = main(["ceil_jax.main", *words])
        except BaseException:  # what would end the process, with its trace
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    answers.write(json.dumps([status, *texts]) + "\n")
    answers.flush()


def main() -> None:
    """Answer every line of stdin."""
    answers = os.fdopen(os.dup(1), "w")
    _keep_compiled()
    for line in sys.stdin:
        _answer(json.loads(line), answers)


if __name__ == "__main__":
    main()
