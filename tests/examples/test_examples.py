"""Every program in `examples/` runs as it stands."""

import os
import subprocess
import sys

import pytest

from tests.repo import source

EXAMPLES = sorted((source.ROOT / "examples").glob("*.py"))
SHOWN = {
    "same_person": ["images 0 and 4: the same person", "images 0 and 8: two people"]
}
"""What an example must print, by its name."""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    env = {**os.environ, "PYTHONPATH": str(source.ROOT), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for line in SHOWN.get(path.stem, []):
        assert line in done.stdout.splitlines()


def test_there_are_examples():
    assert {*SHOWN} <= {path.stem for path in EXAMPLES}
