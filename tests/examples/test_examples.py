"""Every program in `examples` runs as it stands, in a folder of its own."""

import os
import subprocess
import sys

import pytest

from tests.repo import source

EXAMPLES = source.files("examples")
SHOWN = {
    "same_person": ["images 0 and 4: the same person", "images 0 and 8: two people"]
}
"""What an example must print, by its name."""


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    env = {
        **os.environ,
        "PYTHONPATH": str(source.ROOT),
        "CEIL_JAX_CACHE": str(tmp_path / "cache"),
        "TMPDIR": str(tmp_path),
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr
    for line in SHOWN.get(path.stem, []):
        assert line in done.stdout.splitlines()
