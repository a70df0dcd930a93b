"""One small data set, one cache of programs and one whole run for all workers."""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

from ceil_jax.experiment.compilation import use_cache
from tests.integration import small
from tests.repo import source


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    """A folder that the workers of a test run have in common."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "shared"
    folder.mkdir(exist_ok=True)
    # For the rest of the process: JAX opens its cache once.
    use_cache(small.config(folder).compilation_cache)
    return folder


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone among the workers."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def whole(shared) -> tuple[Path, str]:
    """The folder of an uninterrupted run, by the command line, and what it printed."""
    folder, printed = shared / "whole", shared / "whole.txt"
    with locked(shared / "lock"):
        if not printed.exists():
            words = small.words(small.config(shared))
            command = [sys.executable, "-m", "ceil_jax.main", f"--workdir={folder}"]
            # As many virtual devices as this process: they share the cores out, and
            # with them the order of sums.
            environment = os.environ | {"JAX_NUM_CPU_DEVICES": str(len(jax.devices()))}
            done = subprocess.run(
                [*command, "--config=configs/synthetic.py", *words],
                cwd=source.ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            printed.write_text(done.stdout)
    return folder, printed.read_text()
