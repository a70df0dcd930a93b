"""Imports point one way, from the program down to the arithmetic."""

import ast

import pytest

from tests.repo import source, structure

# A room imports from itself and from the rows below its own, never from its neighbours.
FLOORS = (
    "main",
    "experiment",
    "report model",
    "training evaluation",
    "embedding rerank",
    "weights clustering checkpoints",
    "datasets inputs encoder neighbours memory losses",
    "common pretrained",
)
RANK = {name: rank for rank, names in enumerate(FLOORS) for name in names.split()}
MAX_ROOMS, MAX_ARROWS = 20, 46
PURE = (
    *("ceil_jax.losses", "ceil_jax.memory", "ceil_jax.evaluation.metrics"),
    "pallas_kernels",
)
EFFECTS = {"absl", "logging", "os", "pathlib", "shutil", "subprocess", "sys", "tqdm"}
FILES = source.files(*source.PACKAGES)


def inner(path) -> set[str]:
    """What a file imports from ceil_jax."""
    return {i for i in source.imports(path) if i.startswith("ceil_jax.")}


def test_every_room_has_a_floor():
    assert set(structure.rooms()) == set(RANK)
    assert len(RANK) <= MAX_ROOMS


def test_there_are_few_arrows():
    assert len(structure.arrows()) <= MAX_ARROWS


@pytest.mark.parametrize("path", source.files("ceil_jax"), ids=source.relative)
def test_imports_point_down(path):
    mine = structure.room(source.module_name(path))
    if not mine:
        # For type checkers alone; test_import_is_quick sees that nothing is loaded.
        assert inner(path) <= {"ceil_jax.model"}
        return
    for name in inner(path):
        other = structure.room(name)
        assert other == mine or RANK[other] > RANK[mine], f"{name} is not below {mine}"


@pytest.mark.parametrize("path", source.files("pallas_kernels"), ids=source.relative)
def test_kernels_know_nothing_of_ceil_jax(path):
    assert not [i for i in source.imports(path) if i.split(".")[0] == "ceil_jax"]


@pytest.mark.parametrize("path", FILES, ids=source.relative)
def test_only_parallel_says_pmap(path):
    said = [
        node
        for node in ast.walk(source.tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in ("pmap", "shard_map"))
        or (isinstance(node, ast.Name) and node.id in ("pmap", "shard_map"))
    ]
    assert not said or source.relative(path) == "ceil_jax/common/parallel.py"


@pytest.mark.parametrize("path", FILES, ids=source.relative)
def test_arithmetic_has_no_effects(path):
    if source.module_name(path).startswith(PURE):
        used = {name.split(".")[0] for name in source.imports(path)}
        assert not used & EFFECTS


@pytest.mark.parametrize("path", FILES, ids=source.relative)
def test_only_benchmarks_import_benchmarks(path):
    if source.module_name(path).split(".")[0] != "benchmarks":
        used = {name.split(".")[0] for name in source.imports(path)}
        assert "benchmarks" not in used


def test_no_circles():
    graph = {
        source.module_name(path): {
            i for i in source.imports(path) if source.is_module(i)
        }
        for path in FILES
    }
    graph["ceil_jax"] = set()  # only for type checkers, see above
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
