import sys

import numpy as np
import pytest

from ceil_jax.clustering import overlaps
from ceil_jax.neighbours import tiles
from ceil_jax.rerank import ecn, gnn, k_reciprocal
from tests.ceil_jax import naive
from tests.ceil_jax.rerank.test_gcr import example


@pytest.mark.parametrize("num_rounds", [0, 1, 3])
@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (5, 1), (5, 3), (40, 40)])
def test_gnn_equals_loops(rng, k1, k2, num_rounds):
    query, gallery, *_ = example(rng, 11, 14)
    got = gnn(query, gallery, k1=k1, k2=k2, num_rounds=num_rounds)
    want = naive.gnn(query, gallery, k1, k2, num_rounds)
    np.testing.assert_allclose(got, want, atol=2e-6)


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (5, 1), (5, 3), (7, 3), (40, 40)])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_k_reciprocal_equals_loops(rng, k1, k2, share):
    query, gallery, *_ = example(rng, 11, 14)
    got = k_reciprocal(query, gallery, k1=k1, k2=k2, lambda_value=share)
    want = naive.k_reciprocal(query, gallery, k1, k2, share)
    np.testing.assert_allclose(got, want, atol=2e-6)


def test_k_reciprocal_in_blocks(rng, monkeypatch):
    query, gallery, *_ = example(rng, 11, 14)
    want = k_reciprocal(query, gallery, k1=5, k2=3)
    monkeypatch.setattr(tiles, "SIZE", 8)
    monkeypatch.setattr(overlaps, "BLOCK_PRODUCTS", 30)
    got = k_reciprocal(query, gallery, k1=5, k2=3)
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize(
    ("k", "t", "q"), [(6, 2, 3), (3, 1, 1), (25, 3, 8), (5, 4, 7), (60, 3, 40)]
)
def test_ecn_equals_loops(rng, k, t, q):
    query, gallery, *_ = example(rng, 11, 14)
    got = ecn(query, gallery, k=k, t=t, q=q)
    want = naive.ecn(query, gallery, k, t, q)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def test_ecn_in_blocks(rng, monkeypatch):
    query, gallery, *_ = example(rng, 11, 14)
    want = ecn(query, gallery, k=6, t=2, q=3)
    monkeypatch.setattr(sys.modules["ceil_jax.rerank.ecn"], "BLOCK_ENTRIES", 30)
    got = ecn(query, gallery, k=6, t=2, q=3)
    np.testing.assert_array_equal(got, want)


def test_ecn_without_common_neighbours_is_minus_the_cosine_distance():
    angles = np.array([0.0, 0.01, 0.02, 2.0, 2.01, 2.02])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    got = ecn(rows[:3], rows[3:], k=3, t=1, q=1)
    np.testing.assert_allclose(got, rows[:3] @ rows[3:].T - 1, atol=1e-6)


@pytest.mark.parametrize("method", [gnn, k_reciprocal, ecn])
def test_order_of_rows_does_not_matter(rng, method):
    query, gallery, *_ = example(rng, 11, 14)
    q, g = rng.permutation(11), rng.permutation(14)
    want = method(query, gallery)[np.ix_(q, g)]
    np.testing.assert_allclose(method(query[q], gallery[g]), want, atol=1e-5)


@pytest.mark.parametrize("method", [gnn, k_reciprocal, ecn])
def test_two_equal_rows_give_numbers(method):
    got = method(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]]))
    assert got.shape == (1, 1)
    assert got.dtype == np.float32
    assert np.isfinite(got).all()


def test_k_reciprocal_of_equal_rows():
    # All at distance 0 of each other, whoever is on whose list.
    got = k_reciprocal(np.tile(np.eye(4)[:1], (9, 1)), np.tile(np.eye(4)[:1], (5, 1)))
    np.testing.assert_allclose(got, np.zeros((9, 5)), atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_k_reciprocal_of_equal_rows_divides_no_rounding_by_rounding(seed):
    row = naive.unit_rows(np.random.default_rng(seed), 1, width=50)
    got = k_reciprocal(np.tile(row, (9, 1)), np.tile(row, (5, 1)))
    np.testing.assert_allclose(got, np.zeros((9, 5)), atol=2e-6)


@pytest.mark.parametrize("method", [gnn, k_reciprocal, ecn])
def test_cameras_are_refused_by_name(rng, method):
    query, gallery, *cameras = example(rng, 6, 8)
    message = rf"query_cameras must be left out: {method.__name__} takes no cameras"
    with pytest.raises(ValueError, match=message):
        method(query, gallery, *cameras)
    named = dict(zip(("query_cameras", "gallery_cameras"), cameras, strict=True))
    with pytest.raises(ValueError, match=message):
        method(query, gallery, **named)
    with pytest.raises(TypeError, match="unexpected keyword argument 'k9'"):
        method(query, gallery, k9=3)


@pytest.mark.parametrize(("method", "name"), [(gnn, "k1"), (k_reciprocal, "k1")])
def test_lists_far_beyond_the_rows_are_lists_of_all(rng, method, name):
    query, gallery, *_ = example(rng, 11, 14)
    want = method(query, gallery, **{name: 2 * 25, "k2": 3})
    for k in (10**3, 10**12, 10**400):
        got = method(query, gallery, **{name: k, "k2": 3})
        np.testing.assert_array_equal(got, want)


def test_ecn_takes_any_number_of_neighbours(rng):
    query, gallery, *_ = example(rng, 11, 14)
    want = ecn(query, gallery, k=6, t=24, q=24)
    np.testing.assert_array_equal(ecn(query, gallery, k=6, t=10**12, q=10**12), want)
    with pytest.raises(ValueError, match="k=1000000000001 must be at most 1000000000"):
        ecn(query, gallery, k=10**12 + 1)
    assert np.isfinite(ecn(query, gallery, k=10**9)).all()


@pytest.mark.parametrize("method", [gnn, k_reciprocal, ecn])
@pytest.mark.parametrize(
    ("side", "value"),
    [
        ("query", np.zeros((0, 8))),
        ("gallery", np.zeros((0, 8))),
        ("query", np.full((4, 8), np.nan)),
        ("gallery", np.ones((4, 7))),
    ],
)
def test_bad_rows_are_refused(rng, method, side, value):
    query, gallery, *_ = example(rng)
    with pytest.raises(ValueError, match=side):
        method(**{"query": query, "gallery": gallery} | {side: value})


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        (gnn, "k1", 0),
        (gnn, "k2", 0),
        (gnn, "num_rounds", -1),
        (k_reciprocal, "k1", 0),
        (k_reciprocal, "k2", -2),
        (k_reciprocal, "lambda_value", 1.5),
        (ecn, "k", 0),
        (ecn, "t", 0),
        (ecn, "q", 0),
    ],
)
def test_bad_numbers_are_named(rng, method, name, value):
    query, gallery, *_ = example(rng)
    with pytest.raises(ValueError, match=f"{name}={value}"):
        method(query, gallery, **{name: value})
