"""One query and its candidates: the same numbers as `gcr`, in milliseconds."""

import importlib
import time

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceil_jax.experiment.compilation import CompilationCounter
from ceil_jax.rerank import candidates, gcr
from tests.ceil_jax import naive

SETTINGS = {"k1": 6, "k2": 3, "camera_weight": 0.4}


def exact_rows(rng, num_rows, width=16, num_groups=6):
    """Nearly unit rows of multiples of 2^-11: float32 holds all products exactly.

    So that which of two rows is nearer is no matter of rounding, and equal rows tie.
    """
    return np.round(naive.unit_rows(rng, num_rows, width, num_groups) * 2048) / 2048


def example(rng, num_candidates=12, width=8):
    rows = exact_rows(rng, num_candidates + 1, width).astype(np.float32)
    cameras = rng.integers(1, 4, num_candidates + 1)
    return rows[0], rows[1:], cameras[0], cameras[1:]


def joint(query, rows, camera=None, cameras=None, **options):
    """What `gcr` says; its search by pairs puts equal rows in their order."""
    camera = None if camera is None else np.array([camera])
    found = gcr(query[None], rows, camera, cameras, search="pairs", **options)
    return found[0]


@settings(deadline=None, max_examples=60)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_equals_gcr(data, seed):
    draw, rng = data.draw, np.random.default_rng(seed)
    size = draw(st.integers(1, 400))
    width = draw(st.sampled_from([4, 16, 512]))
    rows = exact_rows(rng, size + 1, width, draw(st.integers(1, 12)))
    if draw(st.booleans()):  # many equal rows, the query perhaps among them
        rows = rows[rng.integers(max(1, size // 3), size=size + 1)]
    cameras = rng.integers(1, 1 + draw(st.integers(1, 6)), size + 1)
    sides = (cameras[0], cameras[1:]) if draw(st.booleans()) else (None, None)
    options = {
        "k1": draw(st.integers(1, 60)),
        "k2": draw(st.integers(1, 20)),
        "camera_weight": draw(st.floats(0.05, 3)),
        "num_rounds": draw(st.integers(0, 5)),
        "normalise": False,
    }
    got = candidates(rows[0], rows[1:], *sides, **options)
    want = joint(rows[0], rows[1:], *sides, **options)
    assert got.dtype == np.float32
    assert got.shape == (size,)
    # Without a round the sums are of weights up to 20 x 20: float32's rounding of them.
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 5, 12, 40])
@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (6, 3), (6, 6), (28, 7)])
@pytest.mark.parametrize("with_cameras", [True, False])
@pytest.mark.parametrize("num_rounds", [0, 1, 3, 4])
def test_equals_loops(rng, size, k1, k2, with_cameras, num_rounds):
    query, rows, *cameras = example(rng, size)
    sides = cameras if with_cameras else [None, None]
    got = candidates(
        query, rows, *sides, k1=k1, k2=k2, camera_weight=0.4, num_rounds=num_rounds
    )
    known = ([cameras[0]], cameras[1]) if with_cameras else None
    k1, k2 = min(k1, size + 1), min(k1, k2, size + 1)
    want = naive.gcr(query[None], rows, known, k1, k2, 0.4, num_rounds)[0]
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_one_candidate_worked_by_hand():
    # As for `gcr`: A = [[1/2, 2], [2, 1/2]], made symmetric [[1, 4], [4, 1]].
    query, rows = np.array([1.0, 0.0]), np.array([[0.6, 0.8]])
    got = candidates(query, rows, 3, np.array([1]), k1=2, k2=2, num_rounds=1)
    own, other = 0.2 + 0.36 * 0.8, 0.8 + 0.36 * 0.2
    np.testing.assert_allclose(got, [2 * own * other], rtol=1e-6)


def test_more_rows_than_small_products_are_made_for(rng, monkeypatch):
    query, rows, *cameras = example(rng, 60)
    want = candidates(query, rows, *cameras, **SETTINGS)
    module = importlib.import_module("ceil_jax.rerank.candidates")
    monkeypatch.setattr(module, "SMALL_ROWS", 10)
    got = candidates(query, rows, *cameras, **SETTINGS)
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_similarities_follow_their_candidates(rng):
    query, rows, camera, cameras = example(rng, 50)
    order = rng.permutation(50)
    want = candidates(query, rows, camera, cameras, **SETTINGS)[order]
    got = candidates(query, rows[order], camera, cameras[order], **SETTINGS)
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_names_of_cameras_do_not_matter(rng):
    query, rows, camera, cameras = example(rng, 30)
    names = np.array(["", "gate", "hall", "yard"])
    want = candidates(query, rows, camera, cameras, **SETTINGS)
    got = candidates(query, rows, str(names[camera]), names[cameras], **SETTINGS)
    np.testing.assert_array_equal(got, want)


def test_accepts_jax_arrays_and_compiles_nothing(rng):
    query, rows, camera, cameras = example(rng, 40)
    want = candidates(query, rows, camera, cameras, **SETTINGS)
    arrays = [jnp.asarray(x) for x in (query, rows, camera, cameras)]
    counter = CompilationCounter()
    got = candidates(*arrays, **SETTINGS)
    for size in (1, 17, 33):
        candidates(query, rows[:size], camera, cameras[:size], **SETTINGS)
    assert counter.count == 0
    np.testing.assert_array_equal(got, want)


def test_two_hundred_take_less_than_five_milliseconds(rng):
    rows = naive.unit_rows(rng, 201, 512, 20)
    cameras = rng.integers(1, 7, 201)
    seconds = []
    for _ in range(20):
        start = time.process_time()
        candidates(rows[0], rows[1:], cameras[0], cameras[1:])
        seconds.append(time.process_time() - start)
    assert min(seconds) < 5e-3


def test_rows_that_are_normalised(rng):
    query, rows, *cameras = example(rng, 20)
    lengths = rng.uniform(0.2, 5, (20, 1))
    got = candidates(7 * query, rows * lengths, *cameras, normalise=True, **SETTINGS)
    want = candidates(query, rows, *cameras, normalise=True, **SETTINGS)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_rows_of_zeros_are_taken_where_asked(rng):
    query, rows, *cameras = example(rng, 20)
    rows[3] = 0
    got = candidates(query, rows, *cameras, normalise=False, **SETTINGS)
    want = joint(query, rows, *cameras, normalise=False, **SETTINGS)
    np.testing.assert_allclose(got, want, atol=1e-6)
    got = candidates(0 * query, rows, *cameras, normalise=False, **SETTINGS)
    assert np.isfinite(got).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k1": 0}, "k1=0"),
        ({"k2": 0}, "k2=0"),
        ({"num_rounds": -1}, "num_rounds=-1"),
        ({"camera_weight": 0.0}, r"camera_weight=0\.0"),
        ({"query": np.ones((1, 8))}, r"query\.shape=\(1, 8\) must be \(features,\)"),
        ({"query": 3.0}, r"query\.shape=\(\) must be"),
        ({"query": np.zeros(8)}, r"query\[0\] must not be all zeros"),
        ({"query": np.full(8, np.nan)}, r"query\[0\] must be finite"),
        ({"query": np.ones(8)}, r"query\[0\] has length 2\.8"),
        ({"query": np.eye(7)[0]}, r"candidates\.shape=\(12, 8\) must be as wide"),
        ({"candidates": np.zeros((0, 8))}, r"candidates\.shape=\(0, 8\)"),
        ({"candidates": np.zeros((12, 8))}, r"candidates\[0\] must not be all zeros"),
        ({"candidates": np.full((12, 8), np.inf)}, r"candidates\[0\] must be finite"),
        ({"candidates": np.ones(8)}, r"candidates\.shape=\(8,\)"),
        ({"normalise": "no"}, "normalise='no'"),
        ({"query_camera": None}, "query_camera=None"),
        ({"candidate_cameras": None}, "candidate_cameras=None"),
        ({"query_camera": [1]}, r"query_camera\.shape=\(1,\) must be \(\)"),
        ({"query_camera": 1.5}, r"query_camera\.dtype=float64"),
        ({"query_camera": "gate"}, r"candidate_cameras\.dtype.*both whole numbers or"),
        ({"candidate_cameras": np.ones(3, int)}, r"candidate_cameras\.shape=\(3,\)"),
        ({"candidate_cameras": np.ones(12)}, r"candidate_cameras\.dtype=float64"),
    ],
)
def test_bad_arguments_are_named(rng, changes, message):
    names = ("query", "candidates", "query_camera", "candidate_cameras")
    arguments = dict(zip(names, example(rng), strict=True)) | SETTINGS | changes
    with pytest.raises(ValueError, match=message):
        candidates(**arguments)


@pytest.mark.parametrize("scale", [1e6, 1e18])
def test_what_overflows_is_named(rng, scale):
    query, rows, *cameras = example(rng, 20)
    with pytest.raises(ValueError, match="query and candidates: similarities up to"):
        candidates(scale * query, scale * rows, *cameras, normalise=False)
