"""Files and functions stay small."""

import ast

import pytest

from tests.repo import source

FILES = source.files(*source.PACKAGES, "docs", "tests")
MAX_FILE, MAX_FUNCTION = 400, 80


@pytest.mark.parametrize("path", FILES, ids=source.relative)
def test_sizes(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE
    for node in ast.walk(source.tree(path)):
        if isinstance(node, source.Function):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION, f"{node.name} has {length} lines"
