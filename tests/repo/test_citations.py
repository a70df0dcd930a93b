"""Files of the released code that docstrings cite exist there."""

import ast
import re
import textwrap

import pytest

from tests.repo import source

# Paths of github.com/maybeextra/CEIL, looked up there. Of MMDLoss.py it holds only the
# compiled file.
RELEASED = {
    f"code/{path}"
    for path in (
        "config/common.yaml",
        "extension",
        "extension/adjacency_matrix",
        "extension/propagation",
        "models/ClusterContrast/cm.py",
        "models/ClusterContrast/cross_memory.py",
        "models/ClusterContrast/record_memory.py",
        "models/clip/make_model.py",
        "models/clip/modules.py",
        "models/clip/utils/model_utils.py",
        "test.py",
        "tools/cross_modal_match/match.py",
        "tools/eavl/eval_metrics.py",
        "tools/eavl/get_test_data.py",
        "tools/eavl/img_get.py",
        "tools/loss/MMDLoss.py",
        "tools/loss/cam_associate_loss.py",
        "tools/optim/lr_scheduler.py",
        "tools/optim/make_optimizer.py",
        "tools/rerank/ecn.py",
        "tools/rerank/gcn.py",
        "tools/rerank/gnn_reranking.py",
        "tools/rerank/kr.py",
        "tools/utils/train_utils.py",
        "train/trainer/tester.py",
    )
}
# What is quoted directly behind "the released" or "CEIL".
RUN = re.compile(
    r"(?:the released|CEIL(?:'s)?)\s+((?:`[^`]+`(?:,\s|\sand\s|,\sand\s)?)+)"
)
QUOTED = re.compile(r"`([^`]+)`")
FILES = source.files(*source.PACKAGES)


def docstrings(module: ast.Module) -> list[str]:
    """Docstrings of a module, its classes and all of its functions."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = (ast.get_docstring(n) for n in ast.walk(module) if isinstance(n, kinds))
    return [text for text in found if text]


def citations(text: str) -> set[str]:
    """Paths that a docstring cites as the released code's."""
    text = re.sub(r"\s+", " ", text)
    lowered = re.sub(r"\bThe released", "the released", text)
    quoted = {q for run in RUN.findall(lowered) for q in QUOTED.findall(run)}
    paths = {q for q in quoted if "/" in q or q.endswith(".py")}
    return paths | {q for q in QUOTED.findall(text) if q.startswith("code/")}


@pytest.mark.parametrize("path", FILES, ids=source.relative)
def test_cited_files_were_released(path):
    for text in docstrings(source.tree(path)):
        assert citations(text) <= RELEASED, textwrap.shorten(text, 60)


def test_every_listed_file_is_cited():
    cited = {c for p in FILES for d in docstrings(source.tree(p)) for c in citations(d)}
    assert cited == RELEASED


def test_the_reader_of_citations_reads():
    text = (
        "References:\n    The released `models/agw.py`,\n    `a/b.py` and `c.py`;\n"
        "    CEIL `code/d.py`, `run`. Others have `e/f.py`, as the "
        "released code has `g.py`."
    )
    assert citations(text) == {"models/agw.py", "a/b.py", "c.py", "code/d.py"}
