"""Shares of a re-ranked similarity, against whole matrices written out."""

from typing import Any

import numpy as np
import pytest

from ceil_jax.rerank import gcr, why
from ceil_jax.rerank.why import Group
from tests.ceil_jax import naive

PAIRS = np.array([[0, 0], [0, 3], [6, 8], [3, 1], [0, 3]])


def example(rng, num_queries=7, num_gallery=9):
    rows = naive.unit_rows(rng, num_queries + num_gallery)
    cameras = rng.integers(1, 4, num_queries + num_gallery)
    q = num_queries
    return rows[:q], rows[q:], cameras[:q], cameras[q:]


def dense_graph(rows, cameras, k1, k2, weight, num_rounds):
    """A after the last round, as a whole matrix, in float64."""
    rows = rows.astype(np.float64)
    products = rows @ rows.T
    order = products + 10 * np.eye(len(rows))  # the row itself first
    nearest = np.argsort(-order, axis=1, kind="stable")
    linked, propagation = np.zeros_like(products), np.zeros_like(products)
    for i, near in enumerate(nearest):
        for j in near[:k1]:
            same = cameras is not None and cameras[i] == cameras[j]
            linked[i, j] = 1 if cameras is None else weight if same else 1 / weight
        propagation[i, near[:k2]] = products[i, near[:k2]] ** 2
    for _ in range(num_rounds):
        both = linked + linked.T
        linked = propagation @ (both / both.sum(axis=1, keepdims=True))
    return linked


@pytest.mark.parametrize("num_rounds", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("with_cameras", [True, False])
@pytest.mark.parametrize(("k1", "k2"), [(4, 1), (6, 3)])
def test_shares_are_the_terms_of_the_last_product(
    rng, num_rounds, with_cameras, k1, k2
):
    query, gallery, *cameras = example(rng)
    sides = cameras if with_cameras else [None, None]
    options: Any = {"k1": k1, "k2": k2, "camera_weight": 0.4, "num_rounds": num_rounds}
    found = why(query, gallery, *sides, pairs=PAIRS, top=3, **options)
    scores = gcr(query, gallery, *sides, **options)
    np.testing.assert_allclose(found.scores, scores[tuple(PAIRS.T)], rtol=1e-5)
    every = np.concatenate(cameras)
    known = every if with_cameras else None
    rows = np.concatenate([query, gallery])
    graph = dense_graph(rows, known, k1, k2, 0.4, num_rounds)
    is_gallery = np.arange(16) >= 7
    total = found.directly + found.shares.sum(axis=1) + found.rest
    np.testing.assert_allclose(total, found.scores > 0, rtol=1e-12)
    total = found.directly + found.by_group.sum(axis=1)
    np.testing.assert_allclose(total, found.scores > 0, rtol=1e-12)
    for p, (q, g) in enumerate(PAIRS):
        terms = graph[q] * graph[7 + g]
        np.testing.assert_allclose(found.scores[p], terms.sum(), rtol=1e-5)
        want = terms / max(terms.sum(), 1e-30)
        assert found.directly[p] == pytest.approx(want[q] + want[7 + g], abs=1e-6)
        want[[q, 7 + g]] = 0
        order = np.argsort(-want, kind="stable")[:3]
        np.testing.assert_allclose(found.shares[p], want[order], atol=1e-6)
        named = found.images[p][found.images[p] >= 0]
        assert not {q, 7 + g} & set(named)
        np.testing.assert_allclose(want[named], want[order][: len(named)], atol=1e-6)
        assert (found.shares[p][len(named) :] == 0).all()
        for n, (side, camera) in enumerate(found.groups):
            mine = is_gallery == (side == "gallery")
            if with_cameras:
                mine &= every == camera
            got = found.by_group[p, n]
            assert got == pytest.approx(want[mine].sum(), abs=1e-6)


def test_rows_of_graphs_that_are_not_held(rng):
    """As many rows that later rounds are multiplied, not written down."""
    query, gallery, *cameras = example(rng, 150, 350)
    pairs = np.stack([rng.integers(150, size=200), rng.integers(350, size=200)], 1)
    found = why(query, gallery, *cameras, pairs=pairs, top=600)
    scores = gcr(query, gallery, *cameras)
    np.testing.assert_allclose(found.scores, scores[tuple(pairs.T)], rtol=1e-4)
    graph = dense_graph(
        np.concatenate([query, gallery]), np.concatenate(cameras), 28, 7, 0.5, 3
    )
    for p in (0, 99, 199):
        q, g = pairs[p][0], 150 + pairs[p][1]
        terms = graph[q] * graph[g]
        named = found.images[p]
        assert named.shape == (500,)
        named = named[named >= 0]
        shares = terms[named] / terms.sum()
        np.testing.assert_allclose(found.shares[p][: len(named)], shares, rtol=1e-3)
        assert (np.diff(found.shares[p]) <= 0).all()
        assert found.rest[p] == 0


def test_groups_are_named_as_given(rng):
    query, gallery, *_ = example(rng)
    names = np.array(["b", "a"] * 3 + ["b"]), np.array(["b"] * 9)
    found = why(query, gallery, *names, pairs=[[0, 0]])
    groups = Group("query", "a"), Group("query", "b"), Group("gallery", "b")
    assert found.groups == groups
    assert found.group_of.tolist() == [1, 0, 1, 0, 1, 0, 1] + [2] * 9
    found = why(query, gallery, pairs=[[0, 0]])
    assert found.groups == (Group("query", None), Group("gallery", None))
    large = np.full(7, 2**63, np.uint64), np.full(9, 3)
    found = why(query, gallery, *large, pairs=[[0, 0]])
    assert found.groups == (Group("query", 2**63), Group("gallery", 3))


def test_a_pair_that_nothing_links():
    query, gallery = np.eye(4, dtype=np.float32)[:1], np.eye(4, dtype=np.float32)[1:]
    found = why(query, gallery, pairs=[[0, 2]], k1=1, k2=1, top=2)
    assert (
        found.scores.tolist() == found.directly.tolist() == found.rest.tolist() == [0]
    )
    assert found.images.tolist() == [[-1, -1]]
    assert found.by_group.tolist() == [[0, 0]]


def test_a_pair_worked_by_hand():
    # See test_gcr: both rows are linked with 0.2 + 0.36 * 0.8 and 0.8 + 0.36 * 0.2.
    query, gallery = np.array([[1.0, 0.0]]), np.array([[0.6, 0.8]])
    sides = query, gallery, np.array([3]), np.array([1])
    found = why(*sides, pairs=[[0, 0]], k1=2, k2=2, num_rounds=1)
    np.testing.assert_allclose(found.scores, [2 * 0.488 * 0.872], rtol=1e-6)
    np.testing.assert_allclose(found.directly, [1])


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (np.zeros((0, 2), int), r"pairs\.shape=\(0, 2\)"),
        ([1, 2], r"pairs\.shape=\(2,\)"),
        ([[0.0, 1.0]], r"pairs\.dtype=float64"),
        ([[7, 0]], r"pairs\[:, 0\] must be in \[0, 6\]"),
        ([[0, -1]], r"pairs\[:, 1\] must be in \[0, 8\]"),
    ],
)
def test_pairs_that_are_none(rng, pairs, message):
    query, gallery, *_ = example(rng)
    with pytest.raises(ValueError, match=message):
        why(query, gallery, pairs=pairs)
    with pytest.raises(ValueError, match="top=0"):
        why(query, gallery, pairs=[[0, 0]], top=0)
