"""The example of docs/extending.md, written down, installed and run."""

import os
import re
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from PIL import Image

from tests.ceil_jax.common.packages import install
from tests.repo import source

PAGE = (source.ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.S | re.M))


@pytest.fixture
def example(tmp_path):
    """The files of the page, the entry points as pip would leave them."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    lines = []
    for group, points in project["entry-points"].items():
        lines.append(f"[{group}]")
        lines += [f"{name} = {place}" for name, place in points.items()]
    install(tmp_path, project["name"], "\n".join(lines), {})
    for number, split in enumerate(("train", "test", "train")):
        for word in ("visible", "infrared"):
            folder = tmp_path / "images" / split / word
            folder.mkdir(parents=True, exist_ok=True)
            image = np.full((16, 8, 3), 40 * number, np.uint8)
            Image.fromarray(image).save(folder / f"{number}_1.jpg")
    return tmp_path


def run(*words: str, cwd) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(cwd), str(source.ROOT)])
    env = {**os.environ, "PYTHONPATH": paths, "CEIL_JAX_CACHE": str(cwd / "cache")}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


def test_the_example_runs(example):
    assert len(FILES) == 6
    done = run("use.py", "images", cwd=example)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 visible images to train on\n[1. 1. 1. 1.]\n"


@pytest.mark.slow
def test_the_programs_know_the_data_set(example):
    words = ("--config=regdb", "--config.dataset=station", "--config.data_dir=images")
    size = "--config.image_size=(32, 16)"
    done = run("-m", "ceil_jax", *words, size, "--mode=prepare", cwd=example)
    assert done.returncode == 0, done.stderr
    assert len(list((example / "cache").rglob("station-*.array_record*"))) == 2
    imports = "--imports=station.station_dataset_builder"
    places = (f"--manual_dir={example / 'images'}", f"--data_dir={example / 'out'}")
    build = ("-m", "ceil_jax.datasets.build", "station")
    done = run(*build, imports, *places, cwd=example)
    assert done.returncode == 0, done.stderr
    assert len(list((example / "out").rglob("station-*.array_record*"))) == 2
