"""What `make` would run is understood by the shell and by the program."""

import os
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.repo import program, source

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="no make here")


def dry_run(*words: str) -> list[list[str]]:
    """Words of the commands that make would run; the shell must understand them."""
    # Under `make test` the outer make's flags and variables must not come along.
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    shown = subprocess.run(
        ["make", "--no-print-directory", "-n", *words],
        cwd=source.ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr
    subprocess.run(["bash", "-n"], input=shown.stdout, text=True, check=True)
    return [shlex.split(line) for line in shown.stdout.splitlines()]


def config_of(commands: list[list[str]], monkeypatch):
    """The configuration of the one command of the program."""
    found = [a for a in map(program.arguments_of_main, commands) if a is not None]
    (arguments,) = found
    monkeypatch.chdir(source.ROOT)
    # The library finds the overridden fields there.
    monkeypatch.setattr(sys, "argv", ["main", *arguments])
    return program.parse(sys.argv)


def test_demo(monkeypatch):
    assert config_of(dry_run("demo"), monkeypatch).dataset == "synthetic"
    flags = "DEMO_FLAGS=--config.seed=7 --config.stage1_epochs=2"
    changed = config_of(dry_run("demo", flags), monkeypatch)
    assert (changed.seed, changed.stage1_epochs) == (7, 2)


@pytest.mark.parametrize(
    ("layout", "dataset"),
    [("RegDB", "regdb"), ("SYSU-MM01", "sysu_mm01"), ("LLCM", "llcm")],
)
def test_people(monkeypatch, layout, dataset):
    words = ["people", "PEOPLE=x"]
    if layout != "RegDB":  # the default
        words.append(f"LAYOUT={layout}")
    config = config_of(dry_run(*words), monkeypatch)
    assert config.dataset == dataset
    assert config.data_dir == f"x/{layout}"
    assert config.allow_partial
    assert config.image_size == (96, 48)


def test_test():
    tail = ["-m", "pytest", "-n", "3", "--dist", "worksteal", "-x", "tests/repo"]
    commands = dry_run("test", "WORKERS=3", "PYTEST_FLAGS=-x", "TEST=tests/repo")
    assert commands[-1][1:] == tail
    assert commands[-1][0].endswith("python")


STUB = """#!/usr/bin/env bash
case "$1" in
  -c) exit {status} ;;
  *) shift 4; echo "$@" ;;
esac
"""


@pytest.mark.parametrize("what", ["demo", "dev", "docs"])
@pytest.mark.parametrize("is_known", [True, False])
def test_installation(what, is_known, tmp_path):
    """By digest where the locks know the machine, within the ranges in any case."""
    python = tmp_path / "python"
    python.write_text(STUB.format(status=0 if is_known else 1))
    python.chmod(0o755)
    done = subprocess.run(
        ["bash", "locks/install", str(python), what],
        cwd=source.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    ranges = "requirements.txt" if what == "demo" else f"requirements-{what}.txt"
    digests = [
        "--quiet --require-hashes -r locks/build.txt",
        f"--quiet --require-hashes --no-build-isolation -r locks/{what}.txt",
    ]
    rest = f"--quiet -c constraints.txt -r {ranges}"
    assert done.stdout.splitlines() == [*(digests if is_known else []), rest]


@pytest.mark.parametrize("what", ["demo", "dev", "docs"])
def test_what_is_installed_follows_the_locks(what):
    target = {"demo": "install", "dev": "install-dev", "docs": "docs"}[what]
    commands = dry_run(target, "VENV=none", "DOCS_VENV=apart")
    folder = "apart" if what == "docs" else "none"
    assert ["bash", "locks/install", f"{folder}/bin/python", what] in commands


def test_docs():
    build = ["-q", "-E", "-a", "-W", "--keep-going", "docs", "docs/_build/html"]
    assert ["apart/bin/sphinx-build", *build] in dry_run("docs", "DOCS_VENV=apart")
