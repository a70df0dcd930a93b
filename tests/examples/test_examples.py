"""Every file in `examples` runs, in a process of its own, and prints something."""

import os
import subprocess
import sys

import pytest

from tests.repo import source

EXAMPLES = source.files("examples")


@pytest.mark.parametrize("path", EXAMPLES, ids=source.relative)
def test_it_runs(path, tmp_path):
    done = subprocess.run(
        [sys.executable, path],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(source.ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()


def test_there_are_examples():
    assert EXAMPLES
