"""The lines of docs/scoring.md that write files of features write what can be read."""

import re

import numpy as np
import pytest
import torch

from ceil_jax.evaluation import feature_files
from tests.repo import source

PAGE = (source.ROOT / "docs" / "scoring.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)
LINES = re.findall(r"`(np\.savez\(\"features\.npz\".*?)`", PAGE)
PATHS = ["cam1/0006/0001.jpg", "cam3/0006/0002.jpg", "cam6/0010/0001.jpg"]
ROWS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def is_read() -> None:
    found = feature_files.read("features.npz")
    np.testing.assert_array_equal(found.features, ROWS)
    assert found.names == PATHS


@pytest.mark.parametrize("line", LINES)
def test_lines_of_the_table(line, folder):
    features = torch.tensor(ROWS).half() if "cpu()" in line else ROWS
    exec(line, {"np": np, "features": features, "paths": PATHS})
    is_read()


@pytest.mark.parametrize("block", [b for b in BLOCKS if "torch" in b])
def test_blocks_of_pytorch(block, folder):
    rows = torch.tensor(ROWS, requires_grad=False)
    torch.save({"features": rows, "paths": PATHS}, "features.pt")
    query = {"features": rows[:1], "paths": PATHS[:1]}
    gallery = {"features": rows[1:], "paths": PATHS[1:]}
    exec(block, {"np": np, "torch": torch, "query": query, "gallery": gallery})
    is_read()


def test_the_page_shows_them():
    assert len(LINES) == 2
    assert len(BLOCKS) == 3


def test_the_page_names_what_is_known():
    for name in (*feature_files.FEATURES, *feature_files.NAMES, feature_files.LENGTH):
        assert f"`{name}`" in PAGE
