import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.released import gcr as released
from ceil_jax.experiment.compilation import CompilationCounter
from ceil_jax.rerank import gcr, gcr_topk
from tests.ceil_jax import naive

SETTINGS = {"k1": 6, "k2": 3, "camera_weight": 0.5, "num_rounds": 3}


def example(rng, num_queries=7, num_gallery=9):
    rows = naive.unit_rows(rng, num_queries + num_gallery)
    cameras = rng.integers(1, 4, num_queries + num_gallery)
    q = num_queries
    return rows[:q], rows[q:], cameras[:q], cameras[q:]


@pytest.mark.parametrize("num_rounds", [0, 1, 2, 3])
@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (4, 1), (6, 3), (6, 6), (16, 16)])
@pytest.mark.parametrize("with_cameras", [True, False])
def test_equals_loops(rng, num_rounds, k1, k2, with_cameras):
    query, gallery, *cameras = example(rng)
    sides = cameras if with_cameras else [None, None]
    got = gcr(
        query, gallery, *sides, k1=k1, k2=k2, camera_weight=0.4, num_rounds=num_rounds
    )
    known = cameras if with_cameras else None
    want = naive.gcr(query, gallery, known, k1, k2, 0.4, num_rounds)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_two_rows_worked_by_hand():
    # Each row links itself (1/2) and the other one (2), which are of two cameras.
    # Symmetric: [[1, 4], [4, 1]]; divided by 5; propagated with S = (1, 0.36).
    query, gallery = np.array([[1.0, 0.0]]), np.array([[0.6, 0.8]])
    got = gcr(query, gallery, np.array([3]), np.array([1]), k1=2, k2=2, num_rounds=1)
    own, other = 0.2 + 0.36 * 0.8, 0.8 + 0.36 * 0.2
    np.testing.assert_allclose(got, [[2 * own * other]], rtol=1e-6)


def test_large_path_equals_small_path(rng, monkeypatch):
    query, gallery, *cameras = example(rng, 30, 40)
    want = gcr(query, gallery, *cameras, **SETTINGS)
    # The package's name `gcr` is the function: the module has to be asked for.
    monkeypatch.setattr(
        importlib.import_module("ceil_jax.rerank.gcr"), "FINISHED_ROWS", 9
    )
    np.testing.assert_allclose(
        gcr(query, gallery, *cameras, **SETTINGS), want, atol=1e-6
    )


def test_lists_longer_than_the_rows_are_cut(rng):
    query, gallery, *cameras = example(rng)
    all_rows = SETTINGS | {"k1": 16, "k2": 16}
    want = gcr(query, gallery, *cameras, **all_rows)
    got = gcr(query, gallery, *cameras, **all_rows | {"k1": 99, "k2": 50})
    np.testing.assert_array_equal(got, want)
    got = gcr(query, gallery, *cameras, **SETTINGS | {"k1": 3, "k2": 9})
    want = gcr(query, gallery, *cameras, **SETTINGS | {"k1": 3, "k2": 3})
    np.testing.assert_array_equal(got, want)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_equals_the_dense_definition(data, seed):
    draw, rng = data.draw, np.random.default_rng(seed)
    num_queries, num_gallery = (draw(st.integers(1, 20)) for _ in range(2))
    query, gallery, *cameras = example(rng, num_queries, num_gallery)
    k1, num_rounds = draw(st.integers(1, 45)), draw(st.integers(0, 4))
    k2 = draw(st.integers(1, k1))
    known = cameras if draw(st.booleans()) else None
    want = naive.gcr(query, gallery, known, k1, k2, 0.5, num_rounds)
    options = {"k1": k1, "k2": k2, "num_rounds": num_rounds}
    got = {
        rows: limited_gcr(rows, query, gallery, *(known or (None, None)), **options)
        for rows in (0, 1000)  # rounds applied, rounds finished
    }
    np.testing.assert_allclose(got[0], want, atol=1e-5)
    np.testing.assert_allclose(got[1000], want, atol=1e-5)
    values, columns = gcr_topk(
        query, gallery, *(known or (None, None)), top=num_gallery, **options
    )
    np.testing.assert_allclose(values, np.take_along_axis(want, columns, 1), atol=1e-5)
    np.testing.assert_allclose(values, -np.sort(-want, axis=1), atol=1e-5)


def limited_gcr(finished_rows, *arguments, **options):
    module = importlib.import_module("ceil_jax.rerank.gcr")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FINISHED_ROWS", finished_rows)
        return gcr(*arguments, **options)


@pytest.mark.parametrize("noise", [0.3, 1.5])
def test_all_forms_agree_with_the_dense_algorithm(rng, noise):
    rows = naive.unit_rows(rng, 3000, 32, 150, noise)
    cameras = rng.integers(1, 5, 3000)
    sides = rows[:1200], rows[1200:], cameras[:1200], cameras[1200:]
    want = released.gcr(*sides, k1=20, k2=6, camera_weight=0.5)
    for finished_rows in (0, 3000):
        got = limited_gcr(finished_rows, *sides, k1=20, k2=6)
        np.testing.assert_allclose(got, want, atol=1e-5)
    for memory_gib in (None, 0.03):  # round two held, or applied
        values, columns = gcr_topk(*sides, top=9, k1=20, k2=6, memory_gib=memory_gib)
        np.testing.assert_allclose(
            values, np.take_along_axis(want, columns, 1), atol=1e-5
        )
        np.testing.assert_allclose(values, -np.sort(-want, 1)[:, :9], atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_rows_and_names_of_cameras_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    query, gallery, query_cameras, gallery_cameras = example(rng)
    want = gcr(query, gallery, query_cameras, gallery_cameras, **SETTINGS)
    q, g = rng.permutation(len(query)), rng.permutation(len(gallery))
    names = np.array([0, 70, -5, 12])  # camera 1..3 renamed
    got = gcr(
        query[q],
        gallery[g],
        names[query_cameras[q]],
        names[gallery_cameras[g]],
        **SETTINGS,
    )
    np.testing.assert_allclose(got, want[np.ix_(q, g)], atol=1e-6)


def test_one_camera_for_all_scales_nothing(rng):
    # A common weight on every link is lost in the division of the rows.
    query, gallery, *_ = example(rng)
    ones = np.ones(len(query), int), np.ones(len(gallery), int)
    np.testing.assert_allclose(
        gcr(query, gallery, *ones, **SETTINGS),
        gcr(query, gallery, **SETTINGS),
        atol=1e-6,
    )


def test_equal_rows_and_rows_of_zeros_give_numbers(rng):
    query, gallery, *cameras = example(rng, 8, 30)
    gallery[3:20] = gallery[3]
    query[0] = 0
    got = gcr(query, gallery, *cameras, normalise=False, **SETTINGS)
    assert np.isfinite(got).all()


def test_accepts_jax_arrays_and_compiles_nothing(rng):
    query, gallery, *cameras = example(rng)
    want = gcr(query, gallery, *cameras, **SETTINGS)
    arrays = [jnp.asarray(x) for x in (query, gallery, *cameras)]
    counter = CompilationCounter()
    got = gcr(*arrays, **SETTINGS)
    assert counter.count == 0
    jax.jit(lambda x: 3 * x)(1.0)
    assert counter.count == 1  # it does count
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k1": 0}, "k1=0"),
        ({"k2": 0}, "k2=0"),
        ({"search": "faiss"}, "search='faiss' must be one of exact, pairs, flat"),
        ({"num_rounds": -1}, "num_rounds=-1"),
        ({"camera_weight": 0.0}, "camera_weight=0.0"),
        ({"camera_weight": float("nan")}, "camera_weight=nan"),
        ({"query": np.zeros((0, 8))}, "query.shape"),
        ({"gallery": np.zeros((0, 8))}, "gallery.shape"),
        ({"gallery": np.ones((9, 5))}, "gallery.shape.*as wide as"),
        ({"query": np.ones(8)}, "query.shape"),
        ({"query": np.full((7, 8), np.nan)}, r"query\[0\] must be finite"),
        ({"gallery": np.full((9, 8), np.inf)}, r"gallery\[0\] must be finite"),
        ({"query_cameras": None}, "query_cameras=None"),
        ({"gallery_cameras": None}, "gallery_cameras=None"),
        ({"query_cameras": np.ones(3, int)}, r"query_cameras.shape=\(3,\)"),
        ({"gallery_cameras": np.ones(10, int)}, r"gallery_cameras.shape=\(10,\)"),
        ({"gallery_cameras": np.ones(9)}, "gallery_cameras.dtype"),
    ],
)
def test_bad_arguments_are_named(rng, changes, message):
    names = ("query", "gallery", "query_cameras", "gallery_cameras")
    arguments = dict(zip(names, example(rng), strict=True)) | SETTINGS | changes
    with pytest.raises(ValueError, match=message):
        gcr(**arguments)


def on_a_gpu(monkeypatch, rng, free_bytes):
    """`gcr` of 60 rows where JAX says that it runs on a GPU, and who re-ranked them."""
    module = importlib.import_module("ceil_jax.rerank.gcr")
    calls = []
    monkeypatch.setattr(module, "DEVICE_ROWS", 50)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(module.device, "_free_bytes", lambda: free_bytes)
    on_device = module.device.gcr_on_device

    def spy(*args, **options):
        calls.append(options["num_queries"])
        return on_device(*args, **options, implementation="xla")

    monkeypatch.setattr(module.device, "gcr_on_device", spy)
    query, gallery, *cameras = example(rng, 20, 40)
    got = module.gcr(query, gallery, *cameras, search="flat", **SETTINGS)
    want = naive.gcr(query, gallery, cameras, *SETTINGS.values())
    np.testing.assert_allclose(got, want, atol=1e-5)
    return calls


def test_a_gpu_re_ranks_large_sets(monkeypatch, rng):
    assert on_a_gpu(monkeypatch, rng, np.inf) == [20]


def test_the_host_re_ranks_what_a_gpu_has_no_memory_for(monkeypatch, rng):
    assert on_a_gpu(monkeypatch, rng, 1000) == []
