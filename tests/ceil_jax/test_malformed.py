"""Malformed inputs to every public function: refused by name, or answered rightly.

Each row of the tables is one call.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax import clustering, evaluation, losses, memory, neighbours, rerank
from ceil_jax.clustering import Clustering
from ceil_jax.training import matching
from tests.ceil_jax import naive

ROWS = naive.unit_rows(np.random.default_rng(0), 24)
QUERY, GALLERY = ROWS[:9], ROWS[9:]
SIMILARITY = QUERY @ GALLERY.T
IDS = np.arange(9) % 3, np.arange(15) % 3
LABELS = np.array([0, 0, 1, 1, -1])
SIDES = {"query": QUERY, "gallery": GALLERY}
SCORED: dict[str, Any] = {"query_ids": IDS[0], "gallery_ids": IDS[1]}
CAMERAS = {"query_cameras": np.ones(9, int), "gallery_cameras": np.full(15, 2)}
K1K2 = {"k1": 6, "k2": 3}

FUNCTIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "gcr": (rerank.gcr, {**SIDES, **CAMERAS, **K1K2}),
    "gcr_topk": (rerank.gcr_topk, {**SIDES, **CAMERAS, **K1K2, "top": 4}),
    "gnn": (rerank.gnn, {**SIDES, **K1K2}),
    "k_reciprocal": (rerank.k_reciprocal, {**SIDES, **K1K2}),
    "ecn": (rerank.ecn, {**SIDES, "k": 6, "t": 2, "q": 3}),
    "ca_jaccard": (
        rerank.ca_jaccard,
        {**SIDES, **CAMERAS, "k1_intra": 4, "k2_intra": 2}
        | {"k1_inter": 5, "k2_inter": 3},
    ),
    "nfc": (rerank.nfc, {"features": ROWS, **K1K2}),
    "propagate": (
        rerank.propagate,
        {"features": ROWS, "cameras": np.arange(24) % 3, **K1K2, "num_rounds": 1},
    ),
    "auto": (rerank.auto, SIDES),
    "nearest": (neighbours.nearest, {"features": ROWS, "k": 6}),
    "jaccard_distance": (clustering.jaccard_distance, {"features": ROWS, **K1K2}),
    "cluster": (clustering.cluster, {"features": ROWS, "cameras": None, **K1K2}),
    "evaluate": (evaluation.evaluate, {"similarity": SIMILARITY, **SCORED, **CAMERAS}),
    "evaluate_features": (
        evaluation.evaluate_features,
        {**SIDES, **SCORED, **CAMERAS},
    ),
    "match": (
        matching.match,
        {"visible_centers": QUERY, "infrared_centers": GALLERY, **K1K2},
    ),
    "centers": (
        memory.centers,
        {"features": ROWS[:5], "labels": LABELS, "num_rows": 2},
    ),
    "scores": (memory.scores, {"embeddings": ROWS[:5], "memory": ROWS}),
    "dcmu": (
        memory.dcmu,
        {"memory": ROWS, "embeddings": ROWS[:5], "labels": LABELS, "smoothing": 0.5},
    ),
    "momentum": (
        memory.momentum,
        {"memory": ROWS, "embeddings": ROWS[:5], "labels": LABELS, "beta": 0.5},
    ),
    "cdl": (
        losses.cdl,
        {
            "scores": SIMILARITY,
            "positives": np.zeros((9, 2), int),
            "proxy_cameras": np.arange(15) % 2,
            "num_negatives": 3,
        },
    ),
    "mmd": (
        losses.mmd,
        {"visible": QUERY, "infrared": QUERY[::-1], "kernel_mul": 2.0}
        | {"num_kernels": 5},
    ),
}
FEATURES = {
    "gcr": ("query", "gallery"),
    "gcr_topk": ("query", "gallery"),
    "gnn": ("query", "gallery"),
    "k_reciprocal": ("query", "gallery"),
    "ecn": ("query", "gallery"),
    "ca_jaccard": ("query", "gallery"),
    "nfc": ("features",),
    "propagate": ("features",),
    "auto": ("query", "gallery"),
    "nearest": ("features",),
    "jaccard_distance": ("features",),
    "cluster": ("features",),
    "evaluate_features": ("query", "gallery"),
}
MATRICES = {
    **FEATURES,
    "evaluate": ("similarity",),
    "match": ("visible_centers", "infrared_centers"),
    "centers": ("features",),
    "scores": ("embeddings", "memory"),
    "dcmu": ("memory", "embeddings"),
    "momentum": ("memory", "embeddings"),
    "cdl": ("scores",),
    "mmd": ("visible", "infrared"),
}
WHOLE = {
    "gcr": ("k1", "k2", "num_rounds"),
    "gcr_topk": ("k1", "k2", "num_rounds", "top"),
    "gnn": ("k1", "k2", "num_rounds"),
    "k_reciprocal": ("k1", "k2"),
    "ecn": ("k", "t", "q"),
    "ca_jaccard": ("k1_intra", "k1_inter", "k2_intra", "k2_inter"),
    "nfc": ("k1", "k2"),
    "propagate": ("k1", "k2", "num_rounds"),
    "nearest": ("k",),
    "jaccard_distance": ("k1", "k2"),
    "cluster": ("k1", "k2", "min_samples"),
    "evaluate": ("max_rank",),
    "evaluate_features": ("max_rank",),
    "match": ("k1", "k2"),
    "centers": ("num_rows",),
    "cdl": ("num_negatives",),
    "mmd": ("num_kernels",),
}
REAL = {
    "gcr": "camera_weight",
    "gcr_topk": "camera_weight",
    "k_reciprocal": "lambda_value",
    "ca_jaccard": "lambda_value",
    "propagate": ("beta", "scale"),
    "cluster": "eps",
    "dcmu": "smoothing",
    "momentum": "beta",
    "mmd": "kernel_mul",
}
VECTORS = {
    "gcr": ("query_cameras", "gallery_cameras"),
    "gcr_topk": ("query_cameras", "gallery_cameras"),
    "ca_jaccard": ("query_cameras", "gallery_cameras"),
    "propagate": ("cameras",),
    "cluster": ("cameras",),
    "evaluate": ("query_ids", "gallery_ids", "query_cameras", "gallery_cameras"),
    "evaluate_features": ("query_ids", "gallery_ids", "gallery_cameras"),
    "centers": ("labels",),
    "dcmu": ("labels",),
    "momentum": ("labels",),
    "cdl": ("proxy_cameras",),
}


def table(names: dict[str, Any]) -> list[tuple[str, str]]:
    """Function and argument of each call."""
    return [
        (function, name)
        for function, given in names.items()
        for name in ([given] if isinstance(given, str) else given)
    ]


def call(function: str, **changes: Any) -> Any:
    run, arguments = FUNCTIONS[function]
    return run(**arguments | changes)


def numbers(result: Any) -> list[np.ndarray]:
    """All arrays and numbers of a result."""
    if hasattr(result, "toarray"):
        return [result.toarray()]
    if isinstance(result, dict):
        result = tuple(result.values())
    if isinstance(result, tuple):
        return [part for one in result for part in numbers(one)]
    return [np.asarray(result)]


def is_same(got: Any, want: Any, atol: float = 0.0) -> None:
    for a, b in zip(numbers(got), numbers(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def refused(function: str, name: str, value: Any) -> None:
    """The call ends in one line that names the argument."""
    with pytest.raises(ValueError, match=name) as caught:
        call(function, **{name: value})
    assert type(caught.value).__module__ in ("builtins", "ceil_jax.evaluation.metrics")
    assert len(str(caught.value)) < 400


NO_MATRICES = {
    "a vector": lambda x: x[0],
    "three axes": lambda x: x[None],
    "no rows": lambda x: x[:0],
    "no columns": lambda x: x[:, :0],
    "text": lambda x: x.astype(str),
    "complex": lambda x: x + 1j,
    "None": lambda x: None,
    "a masked array": np.ma.masked_invalid,
    "a ragged list": lambda x: [[0.5, 0.5], [1.0]],
    "spans of time": lambda x: x.astype("m8[s]"),
}


@pytest.mark.parametrize("kind", NO_MATRICES)
@pytest.mark.parametrize(("function", "name"), table(MATRICES))
def test_what_is_no_matrix_is_refused(function, name, kind):
    refused(function, name, NO_MATRICES[kind](FUNCTIONS[function][1][name]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("function", "name"), table(FEATURES))
@pytest.mark.parametrize("normalise", [None, True, False])
def test_rows_that_are_not_finite_are_refused(function, name, bad, normalise):
    value = FUNCTIONS[function][1][name].copy()
    value[2, 1] = bad
    with pytest.raises(ValueError, match=rf"{name}\[2\] must be finite"):
        call(function, normalise=normalise, **{name: value})


NO_WHOLE_NUMBERS = ["3", 2.5, None, True, 2j, np.array([3, 3]), -1, np.ma.masked]


@pytest.mark.parametrize("value", NO_WHOLE_NUMBERS, ids=repr)
@pytest.mark.parametrize(("function", "name"), table(WHOLE))
def test_what_is_no_whole_number_is_refused(function, name, value):
    refused(function, name, value)


WIDTHS = [np.int8, np.uint8, np.int32, np.uint64, jnp.int8]


@pytest.mark.parametrize("width", WIDTHS, ids=lambda t: t.__name__)
@pytest.mark.parametrize(("function", "name"), table(WHOLE))
def test_whole_numbers_of_any_width_are_pythons(function, name, width):
    k = jnp.asarray(3, width) if width is jnp.int8 else width(3)
    is_same(call(function, **{name: k}), call(function, **{name: 3}))


def test_numbers_are_not_counted_in_eight_bits():
    # 100 neighbours of 130 rows: 13,000 entries.
    rows = naive.unit_rows(np.random.default_rng(1), 130)
    want = clustering.jaccard_distance(rows, k1=100, k2=3)
    k1: Any = np.int8(100)
    k2: Any = np.int8(3)
    got = clustering.jaccard_distance(rows, k1=k1, k2=k2)
    is_same(got, want)


@pytest.mark.parametrize("value", ["a", None, 1j, True, np.nan, np.inf, -0.5], ids=repr)
@pytest.mark.parametrize(("function", "name"), table(REAL))
def test_what_is_no_real_number_in_range_is_refused(function, name, value):
    refused(function, name, value)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[1:],
        lambda x: x[None],
        lambda x: x + 0.5,
        lambda x: x > 0,
        lambda x: None if x.size == 5 else [None] * len(x),
        np.ma.array,
    ],
    ids=["short", "an axis more", "fractions", "truth", "None", "masked"],
)
@pytest.mark.parametrize(("function", "name"), table(VECTORS))
def test_labels_that_are_none_are_refused(function, name, change):
    given = FUNCTIONS[function][1][name]
    refused(function, name, change(np.ones(24, int) if given is None else given))


@pytest.mark.parametrize(
    ("function", "name", "value"),
    [
        ("centers", "labels", [0, 1, 2, 0, 0]),
        ("centers", "labels", [0, -2, 1, 0, 0]),
        ("dcmu", "labels", [0, 24, 1, 0, 0]),
        ("momentum", "labels", np.array([0, 2**32, 1, 0, 0])),
        ("cdl", "positives", np.full((9, 2), 15)),
        ("cdl", "positives", np.full((9, 2), -2)),
        ("cdl", "proxy_cameras", np.full(15, 2)),
        ("mmd", "kernel_mul", 1e30),
        ("mmd", "num_kernels", 5000),
        ("gcr", "num_rounds", 10**6),
        ("gcr", "camera_weight", 1e-30),
        ("gcr_topk", "top", 16),
        ("gcr_topk", "num_queries", 8),
        ("gcr_topk", "neighbours", 3),
        ("gcr_topk", "memory_gib", "all"),
        ("gcr_topk", "search", ["exact"]),
        ("nearest", "search", None),
        ("evaluate", "protocol", ["standard"]),
        ("evaluate", "max_rank", 10**12),
        ("evaluate_features", "protocol", "market"),
    ],
)
def test_what_is_out_of_range_is_refused(function, name, value):
    refused(function, name, value)


def test_clusterings_that_are_none_are_refused():
    for labels, proxies, message in [
        ([0, 1], [0], r"clustering\.proxies\.shape"),
        ([0, -2], [0, 0], r"clustering\.labels\[1\]=-2 must be at least -1"),
        ([0, 0], [0, -7], r"clustering\.proxies\[1\]=-7"),
        ([0.5, 0], [0, 0], r"clustering\.labels\.dtype=float64"),
        (None, [0, 0], r"clustering\.labels"),
    ]:
        with pytest.raises(ValueError, match=message):
            clustering.drop_small(Clustering(labels, proxies))
    with pytest.raises(ValueError, match="clustering=7 must be labels and proxies"):
        clustering.drop_small(7)  # type: ignore[arg-type]
    # No memory for numbers that nobody has.
    keep, *_ = clustering.drop_small(Clustering([2**60] * 2, [2**61] * 2))  # type: ignore[arg-type]
    assert keep.all()


@pytest.mark.parametrize("name", ["k1", "k2"])
@pytest.mark.parametrize(
    "function", ["gcr", "gcr_topk", "gnn", "nfc", "propagate", "match", "cluster"]
)
def test_lists_far_beyond_the_rows_cost_no_memory(function, name):
    is_same(call(function, **{name: 10**15}), call(function, **{name: 48}))


@pytest.mark.parametrize("function", FEATURES)
def test_true_gives_what_unit_rows_give(function):
    names = FEATURES[function]
    rng = np.random.default_rng(5)
    given = {name: FUNCTIONS[function][1][name] for name in names}
    longer = {n: x * rng.uniform(0.2, 5, (len(x), 1)) for n, x in given.items()}
    want = call(function)
    is_same(call(function, normalise=True, **longer), want, atol=1e-5)
    is_same(call(function, normalise=False), want)
    tiny = {name: x.astype(float) * 1e-200 for name, x in given.items()}
    is_same(call(function, normalise=True, **tiny), want, atol=1e-5)
    with pytest.raises(ValueError, match=rf"{names[0]}\[0\] has length"):
        call(function, **longer)
    with pytest.raises(ValueError, match="normalise='no' must be None, True or False"):
        call(function, normalise="no")
    zero = given[names[-1]].copy()
    zero[3] = 0
    for normalise in (None, True):
        with pytest.raises(
            ValueError, match=rf"{names[-1]}\[3\] must not be all zeros"
        ):
            call(function, normalise=normalise, **{names[-1]: zero})
    for part in numbers(call(function, normalise=False, **{names[-1]: zero})):
        assert np.isfinite(part).all()
