"""Every file and every dotted name that the documents mention exists."""

import importlib
import re

import pytest

from tests.repo import source

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md"]
DOCUMENTS += [source.relative(path) for path in sorted(source.ROOT.glob("docs/*.md"))]
TOPS = "ceil_jax|pallas_kernels|configs|data|benchmarks|tests|docs|locks"
PATH = re.compile(rf"(?<![\w/.-])((?:{TOPS})/[\w./-]*[\w/])")
DOTTED = re.compile(
    r"(?<![\w/.])((?:ceil_jax|pallas_kernels|benchmarks)(?:\.(?!md\b)\w+)+)"
)
MADE = ("docs/_build/", ".venv")  # by commands of the documents
# The configurations as the installed package has them; a group of entry points.
ELSEWHERE = {"ceil_jax.configs", "ceil_jax.rerankers"}


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    if source.is_module(name) or name in ELSEWHERE:
        return True
    *parents, last = name.split(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return hasattr(importlib.import_module(".".join(parents)), last)
    return True


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_exist(document):
    text = (source.ROOT / document).read_text(encoding="utf-8")
    named = [path for path in PATH.findall(text) if not path.startswith(MADE)]
    missing = [path for path in named if not (source.ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_dotted_names_exist(document):
    text = (source.ROOT / document).read_text(encoding="utf-8")
    assert not [name for name in {*DOTTED.findall(text)} if not resolves(name)]


def test_the_reader_of_documents_reads():
    text = "`ceil_jax/main.py`, ceil_jax.rerank.gcr; /a/data/x.py runs/tests/y.py"
    assert PATH.findall(text) == ["ceil_jax/main.py"]
    assert DOTTED.findall(text) == ["ceil_jax.rerank.gcr"]
    assert resolves("ceil_jax.rerank.gcr")
    assert not resolves("ceil_jax.rerank.gcs")
