"""The public names, after every module has been imported.

A module that has the name of a function, and is imported late, takes its place in the
package: `evaluation.evaluate` would then be a module, which cannot be called.
"""

import importlib
import inspect
from types import ModuleType

import pytest

from tests.repo import source

MODULES = [
    source.module_name(path)
    for path in source.files("ceil_jax", "pallas_kernels", "configs")
]
# What others call, by package, with the arguments that they give.
PUBLIC = {
    "rerank": {
        "gcr": "query gallery query_cameras gallery_cameras k1 k2 camera_weight",
        "gnn": "query gallery k1 k2 num_rounds",
        "k_reciprocal": "query gallery k1 k2 lambda_value",
        "ecn": "query gallery k t q",
        "ca_jaccard": "query gallery query_cameras gallery_cameras k1_intra k1_inter "
        "k2_intra k2_inter lambda_value",
        "nfc": "features k1 k2",
        "propagate": "features cameras k1 k2 beta scale num_rounds",
        "candidates": "query candidates query_camera candidate_cameras k1 k2",
        "gcr_topk": "query gallery query_cameras gallery_cameras top neighbours",
        "why": "query gallery query_cameras gallery_cameras pairs top k1 k2",
        "auto": "query gallery",
        "by_name": "name",
    },
    "neighbours": {"nearest": "features k search"},
    "evaluation": {
        "evaluate": "similarity query_ids gallery_ids query_cameras gallery_cameras",
        "evaluate_features": "query gallery query_ids gallery_ids protocol max_rank",
        "Metrics": "cmc mean_ap mean_inp num_valid_queries",
    },
    "evaluation.verification": {
        "calibrate": "features identities cameras modalities fars same_camera",
        "Calibration": "pairs left_out similarity",
        "pair_scores": "features identities cameras modalities same_camera max_pairs",
        "by_cameras": "scores",
        "threshold_at": "impostors far weights",
        "roc": "genuine impostors",
        "equal_error": "genuine impostors",
        "open_set": "query gallery query_ids gallery_ids fpirs rank",
        "hold_out": "gallery_ids share seed",
        "calibrate_same_moment": "features cameras times modalities fars tolerance",
    },
    "clustering": {
        "jaccard_distance": "features k1 k2",
        "cluster": "features cameras k1 k2 eps min_samples",
        "drop_small": "clustering",
        "Clustering": "labels proxies",
    },
    "training.matching": {"match": "visible_centers infrared_centers k1 k2"},
    "training.schedules": {
        "warmup_multistep": "base_rate warmup_epochs warmup_factor milestones gamma"
    },
    "losses": {
        "cdl": "scores positives proxy_cameras num_negatives",
        "mmd": "visible infrared kernel_mul num_kernels",
    },
    "memory": {
        "centers": "features labels num_rows",
        "scores": "embeddings memory gradient_memory",
        "dcmu": "memory embeddings labels smoothing",
        "momentum": "memory embeddings labels beta",
    },
    "encoder": {"Encoder": "stage_sizes width"},
    "weights": {"from_torch": "state_dict", "load": "path"},
    "datasets.loading": {"load": "name data_dir prepared_dir image_size trial"},
    "main": {"main": "argv"},
}


@pytest.fixture(scope="module", autouse=True)
def everything() -> None:
    for name in MODULES:
        importlib.import_module(name)


@pytest.mark.parametrize("package", PUBLIC)
def test_public_names_are_functions_and_classes(package):
    module = importlib.import_module(f"ceil_jax.{package}")
    for name, arguments in PUBLIC[package].items():
        found = getattr(module, name)
        assert callable(found), f"{package}.{name} is {found}"
        known = inspect.signature(found).parameters
        assert not {*arguments.split()} - known.keys(), f"{package}.{name}"


@pytest.mark.parametrize("name", MODULES)
def test_no_module_stands_in_the_place_of_a_listed_name(name):
    module = importlib.import_module(name)
    for listed in getattr(module, "__all__", ()):
        assert not isinstance(getattr(module, listed), ModuleType), listed


def test_public_names_are_listed_where_a_package_lists_any():
    for package, names in PUBLIC.items():
        module = importlib.import_module(f"ceil_jax.{package}")
        if hasattr(module, "__all__"):
            assert {*names} <= {*module.__all__}
