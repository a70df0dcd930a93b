"""Imports point one way, from the program down to the arithmetic."""

import ast

import pytest

from tests.repo import source

# A module may import from its own line and from those below it. A name stands for a
# file or a folder of ceil_jax.
LAYERS = (
    "main usage",
    # What reads the config: the training and the evaluation of one experiment.
    "trials train trained prepare export run settings trainer model score evaluate "
    "comparison pretrained",
    # Parts of an epoch.
    "steps checkpoint parallel inputs clustering matching rerank protocols parts "
    "galleries permutations selection report embed fit pseudo_labels logs compilation",
    # The method's arithmetic.
    "losses memory encoder metrics places similarities optim schedules weights "
    "objective state neighbours",
    # What everything may use.
    "checks config errors files labelled largest linalg progress shapes "
    "sparse_rows threads tiles",
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names.split()}
READS_CONFIG = {
    *("main", "usage", "trials", "train", "trained", "prepare", "export", "run"),
    *("settings", "trainer", "model", "score"),
}
PURE = ("ceil_jax.losses", "ceil_jax.memory", "ceil_jax.metrics", "pallas_kernels")
EFFECTS = {"absl", "logging", "os", "pathlib", "shutil", "subprocess", "sys", "tqdm"}
FILES = source.files(*source.PACKAGES)


def part(module: str) -> str:
    """The file or folder of ceil_jax that a module belongs to."""
    return [*module.split("."), ""][1]


def inner(path) -> set[str]:
    """What a file imports from ceil_jax."""
    return {i for i in source.imports(path) if i.startswith("ceil_jax.")}


def test_every_part_has_a_layer():
    folder = source.ROOT / "ceil_jax"
    parts = {p.stem for p in folder.iterdir() if p.suffix == ".py"}
    parts |= {p.name for p in folder.iterdir() if (p / "__init__.py").is_file()}
    assert parts - {"__init__"} - set(RANK) == set()


@pytest.mark.parametrize("path", source.files("ceil_jax"), ids=source.relative)
def test_imports_point_down(path):
    mine = part(source.module_name(path))
    if not mine:
        assert not inner(path), "the package itself imports nothing"
        return
    for name in inner(path):
        assert RANK[part(name)] >= RANK[mine], f"{name} lies above {mine}"
        if part(name) == "config":
            assert mine in READS_CONFIG, f"{mine} must take plain arguments"


@pytest.mark.parametrize(
    "path", source.files("data", "pallas_kernels"), ids=source.relative
)
def test_data_and_kernels_know_nothing_of_ceil_jax(path):
    assert not [i for i in source.imports(path) if i.split(".")[0] == "ceil_jax"]
    if source.relative(path).startswith("pallas_kernels/"):
        assert not [i for i in source.imports(path) if i.split(".")[0] == "data"]


@pytest.mark.parametrize("path", FILES, ids=source.relative)
def test_only_parallel_says_pmap(path):
    said = [
        node
        for node in ast.walk(source.tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in ("pmap", "shard_map"))
        or (isinstance(node, ast.Name) and node.id in ("pmap", "shard_map"))
    ]
    assert not said or source.relative(path) == "ceil_jax/parallel.py"


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
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
