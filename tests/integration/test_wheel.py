"""The package as others get it: built, installed elsewhere, used in a bad folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ceil_jax import __version__
from ceil_jax.experiment.config import Config, field_names
from tests.repo import source

pytestmark = pytest.mark.slow
SOURCES = ("ceil_jax", "pallas_kernels", "configs", "data", "tests/repo")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
TRAP = "raise RuntimeError('a module of the working folder was imported')\n"


def run(*words: object, cwd: Path, status: int = 0) -> str:
    """Run a command as a stranger would; its output, or its last words if it fails."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    env |= {"JAX_PLATFORMS": "cpu", "CEIL_JAX_CACHE": str(cwd / "cache")}
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=env, capture_output=True, text=True
    )
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy of the project."""
    place = tmp_path_factory.mktemp("wheel")
    copy = place / "project"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SOURCES:
        shutil.copytree(source.ROOT / name, copy / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(source.ROOT / name, copy)
    options = ("--no-deps", "--no-build-isolation", "--no-index")
    run(*PIP, "wheel", *options, "-w", place, copy, cwd=place)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture
def hostile(tmp_path) -> Path:
    """A working folder whose packages have the names of ours, and must not be used."""
    folder = tmp_path / "work"
    for name in ("data", "configs", "tests", "benchmarks"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(TRAP)
    return folder


def make_environment(place: Path, wheel: Path, others: Path) -> Path:
    """A fresh environment with the wheel, and with the libraries of a folder."""
    run(sys.executable, "-m", "venv", "--without-pip", place, cwd=place.parent)
    python = place / "bin" / "python"
    options = ("--no-deps", "--no-index", "--no-compile")
    run(*PIP, "--python", python, "install", *options, wheel, cwd=place.parent)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(f"{others}\n")
    return place / "bin"


def of_the_core(wheel: Path) -> set[str]:
    """The installed distributions that the core needs, theirs among them."""
    with zipfile.ZipFile(wheel) as file:
        (name,) = [n for n in file.namelist() if n.endswith("dist-info/METADATA")]
        lines = file.read(name).decode().splitlines()
    start = [x.split(": ", 1)[1] for x in lines if x.startswith("Requires-Dist: ")]
    found: set[str] = set()
    asked = [Requirement(text) for text in start]
    while asked:
        requirement = asked.pop()
        marker = requirement.marker
        if marker and not marker.evaluate({"extra": ""}):
            continue
        if requirement.name.lower() not in found:
            found.add(requirement.name.lower())
            inner = metadata.requires(requirement.name) or []
            asked += [Requirement(text) for text in inner]
    return found


@pytest.fixture
def core(wheel, tmp_path) -> Path:
    """Programs of an environment that holds the core alone."""
    others = tmp_path / "others"
    others.mkdir()
    for name in of_the_core(wheel):
        distribution = metadata.distribution(name)
        tops = {file.parts[0] for file in distribution.files or []}
        for top in tops - {"..", "__pycache__"}:
            (others / top).symlink_to(Path(str(distribution.locate_file(top))))
    return make_environment(tmp_path / "core", wheel, others)


@pytest.fixture
def full(wheel, tmp_path) -> Path:
    """Programs of an environment that holds everything."""
    others = Path(str(metadata.distribution("numpy").locate_file("")))
    return make_environment(tmp_path / "full", wheel, others)


def test_files(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
        described = "\n".join(n for n in file.namelist() if n.endswith(".txt"))
        (place,) = {n.split("/")[0] for n in file.namelist() if ".dist-info/" in n}
        tops = file.read(f"{place}/top_level.txt").decode().split()
    assert place == f"ceil_jax-{__version__}.dist-info"
    assert "entry_points.txt" in described
    assert tops == ["ceil_jax", "pallas_kernels"]
    expected = {
        path.relative_to(source.ROOT).as_posix()
        for top in ("ceil_jax", "pallas_kernels", "configs")
        for path in (source.ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == {n.replace("configs/", "ceil_jax/configs/", 1) for n in expected}
    assert "ceil_jax/pretrained/demo_control.json" in names


USE = """
import numpy as np
from ceil_jax import rerank, weights
from ceil_jax.configs import synthetic
rows = np.eye(6, 8, dtype=np.float32)
assert (rerank.gcr(rows, rows, k1=2, k2=1).argmax(1) == np.arange(6)).all()
config = synthetic.get_config()
assert open(config.evaluation.control).read().startswith("{")
assert weights.architecture(weights.load(config.init_from)).width == 16
try:
    import flax
except ImportError:
    print("no flax")
"""


def test_the_core_in_a_hostile_folder(core, hostile):
    (packages,) = core.parent.glob("lib/python*/site-packages")
    ours = {path.name for path in packages.iterdir()} - {"others.pth", "__pycache__"}
    described = f"ceil_jax-{__version__}.dist-info"
    assert ours == {"ceil_jax", "pallas_kernels", described}
    python, program = core / "python", core / "ceil-jax"
    version = f"ceil-jax {__version__}\n"
    for words in (
        [program],
        [python, "-m", "ceil_jax"],
        [python, "-m", "ceil_jax.main"],
    ):
        assert run(*words, "--version", cwd=hostile) == version
        shown = run(*words, "--help", "--config=regdb", cwd=hostile)
        assert all(f"--{name}=" in shown for name in field_names(Config()))
        assert "--config.matching.k1=18 " in shown
    words = ("--config", "configs/synthetic.py", "--workdir=w")
    told = run(program, *words, cwd=hostile, status=2)
    assert told.startswith("error: --mode train needs flax, ")
    assert told.endswith(": pip install '.[train]' in the folder of ceil-jax\n")
    assert not (hostile / "w").exists()
    assert run(python, "-c", USE, cwd=hostile) == "no flax\n"


def test_everything_in_a_hostile_folder(full, hostile):
    words = [full / "ceil-jax", "--config=configs/synthetic.py"]
    words += ["--config.synthetic.num_train_identities=4"]
    words += ["--config.synthetic.num_test_identities=4"]
    words += ["--config.evaluation.num_trials=2"]
    run(*words, "--mode=prepare", cwd=hostile)
    prepared = list((hostile / "cache").rglob("*.array_record*"))
    assert len(prepared) == 2
    assert run(full / "python", "-c", USE, cwd=hostile) == ""
    asked = "import ceil_jax.pretrained as p; print(p.SYNTHETIC)"
    weights = run(full / "python", "-c", asked, cwd=hostile).strip()
    assert str(full.parent) in weights
    place = ["--mode=evaluate", f"--weights={weights}", "--workdir=w"]
    run(*words, *place, cwd=hostile)
    assert {"results.json", "config.json"} <= {
        p.name for p in (hostile / "w").iterdir()
    }
    build = [full / "python", "-m", "ceil_jax.datasets.build", "folder"]
    told = run(*build, f"--manual_dir={hostile / 'none'}", cwd=hostile, status=1)
    assert "manual_dir is a folder of images" in told
