"""Running needs no network: whoever tries to reach another machine is stopped."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration import small
from tests.repo import source

# Python's own hook: loaded before anything of ours or of the libraries.
GUARD = """
import os, socket, sys

NEAR = ("localhost", "127.0.0.1", "::1", "", None, socket.gethostname())

def stop(what):
    os.write(2, f"NETWORK: {what}".encode())
    os._exit(97)

def audit(event, words):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = words[1]
        if isinstance(address, tuple) and address[0] not in NEAR:
            stop(f"{event} {address}")
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"):
        if words[0] not in NEAR:
            stop(f"{event} {words[0]}")

sys.addaudithook(audit)
"""
# Libraries that are no Python cannot be watched by it, but be left without a network.
ALONE = ["unshare", "--map-root-user", "--net"]


def is_separable() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0


@pytest.fixture
def guard(tmp_path) -> Path:
    folder = tmp_path / "guard"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(GUARD)
    return folder


def python(guard: Path, *words: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(guard), str(source.ROOT)])
    prefix = ALONE if is_separable() else []
    return subprocess.run(
        [*prefix, sys.executable, *words],
        cwd=source.ROOT,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "program",
    [
        "import socket; socket.create_connection(('192.0.2.1', 80), 1)",
        "import socket; socket.getaddrinfo('example.com', 80)",
        "import urllib.request; urllib.request.urlopen('http://example.com')",
        "import requests; requests.get('https://example.com')",
        "try:\n    import socket; socket.socket().connect(('192.0.2.1', 80))\n"
        "except BaseException: pass",
    ],
)
def test_the_guard_stops_whoever_tries(guard, program):
    done = python(guard, "-c", program)
    assert done.returncode == 97
    assert done.stderr.startswith("NETWORK: ")


def test_the_guard_lets_this_machine_be(guard):
    program = (
        "import socket; a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))"
    )
    done = python(guard, "-c", program)
    assert (done.returncode, done.stdout) == (0, "b'x'\n"), done.stderr


@pytest.mark.slow
def test_a_whole_run_needs_no_network(guard, tmp_path, shared):
    config = small.config(shared)
    config.prepared_dir = str(tmp_path / "prepared")  # images are made here, too
    config.stage1_epochs = config.stage2_epochs = config.optimizer.warmup_epochs = 1
    run = ["-m", "ceil_jax.main", f"--workdir={tmp_path / 'run'}"]
    words = ["--config=configs/synthetic.py", *small.words(config)]
    for command in (
        [*run, *words],
        [*run, "--mode=evaluate", "--config.rerank.k1=5"],
        [*run, "--mode=export"],
    ):
        done = python(guard, *command)
        assert done.returncode == 0, done.stderr[-2000:]
        assert "NETWORK" not in done.stderr
    for name in ("results.json", "embeddings.npz", "checkpoints/2"):
        assert (tmp_path / "run" / name).exists()
