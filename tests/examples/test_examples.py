"""Every program in `examples` runs as it stands, in a folder of its own."""

import os
import subprocess
import sys

import pytest

from tests.repo import source


@pytest.mark.parametrize("path", source.files("examples"), ids=lambda path: path.stem)
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
    assert done.stdout
    assert "Traceback" not in done.stderr
