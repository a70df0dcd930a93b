"""The public names are there, and no submodule hides one of them."""

import importlib
import inspect
import pkgutil

import pytest

NAMES = {
    "ceil_jax.rerank": "gcr gnn k_reciprocal ecn auto gcr_topk why",
    "ceil_jax.evaluation": "evaluate evaluate_features Metrics",
    "ceil_jax.clustering": "jaccard_distance cluster drop_small Clustering",
    "ceil_jax.neighbours": "nearest",
    "ceil_jax.training.matching": "match",
    "ceil_jax.losses": "cdl mmd",
    "ceil_jax.memory": "centers scores dcmu momentum",
}
NORMALISE = (
    *("gcr", "gnn", "k_reciprocal", "ecn", "gcr_topk", "why", "auto"),
    *("jaccard_distance", "cluster", "evaluate_features", "nearest"),
)


@pytest.fixture(scope="module", autouse=True)
def every_module():
    """Import all of them first: a submodule's name then stands in its package."""
    for room in NAMES:
        package = importlib.import_module(room)
        for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
            importlib.import_module(f"{room}.{module.name}")


@pytest.mark.parametrize("room", NAMES)
def test_names_are_callable_after_every_module_was_imported(room):
    for name in NAMES[room].split():
        assert callable(getattr(importlib.import_module(room), name)), name


def test_rows_of_other_lengths_are_refused_unless_one_says_what_to_do():
    for room, names in NAMES.items():
        for name in names.split():
            function = getattr(importlib.import_module(room), name)
            parameters = inspect.signature(function).parameters
            assert ("normalise" in parameters) == (name in NORMALISE), name
            if name in NORMALISE:
                assert parameters["normalise"].default is None
                assert parameters["normalise"].kind is inspect.Parameter.KEYWORD_ONLY


def test_what_may_be_left_out():
    rooms = importlib.import_module("ceil_jax.evaluation")
    for function in (rooms.evaluate, rooms.evaluate_features):
        defaults = {
            n: p.default for n, p in inspect.signature(function).parameters.items()
        }
        assert defaults["protocol"] == "standard"
        assert defaults["query_cameras"] is defaults["gallery_cameras"] is None
    cluster = importlib.import_module("ceil_jax.clustering").cluster
    assert inspect.signature(cluster).parameters["cameras"].default is None
