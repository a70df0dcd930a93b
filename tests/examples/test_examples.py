"""Every example runs to its end, and says something."""

import os
import subprocess
import sys

import pytest

from tests.repo import source

EXAMPLES = source.files("examples")
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(source.ROOT),
    "JAX_PLATFORMS": "cpu",
}


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=source.relative)
def test_it_runs(path, tmp_path):
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
