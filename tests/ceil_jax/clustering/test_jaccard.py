import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from ceil_jax.clustering import jaccard, jaccard_distance, overlaps, reciprocal
from ceil_jax.neighbours.search import Neighbours, nearest
from tests.ceil_jax import naive


def dense(distance):
    """The whole matrix, and which pairs have an explicit entry."""
    entries = distance.tocoo()
    full, explicit = np.ones(distance.shape), np.zeros(distance.shape, int)
    full[entries.row, entries.col] = entries.data
    np.add.at(explicit, (entries.row, entries.col), 1)
    return full, explicit


@pytest.mark.parametrize("k1", [1, 2, 3, 5, 6, 10, 40])
@pytest.mark.parametrize("k2", [1, 2, 6])
def test_equals_loops(rng, k1, k2):
    rows = naive.unit_rows(rng, 40)
    distance = jaccard_distance(rows, k1=k1, k2=k2)
    got, explicit = dense(distance)
    assert distance.dtype == np.float32
    assert distance.format == "csr"
    np.testing.assert_allclose(got, naive.jaccard(rows, k1, k2), atol=2e-6)
    # Each pair below 1 once, the diagonal among them as an explicit zero.
    np.testing.assert_array_equal(explicit, got < 1)
    np.testing.assert_array_equal(np.diag(got), 0)


def test_two_pairs_worked_by_hand():
    # k1 = 2: each row and its one neighbour at cosine 0.6 make up R*, and V is the
    # softmax of (0, -0.8) for both, so m = 2 * min = 2 / (1 + exp(0.8)).
    rows = np.array([[1, 0, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0.6, 0.8]])
    m = 2 / (1 + np.exp(0.8))
    got, _ = dense(jaccard_distance(rows, k1=2, k2=1))
    near = 1 - m / (2 - m)
    want = np.kron(np.eye(2), np.array([[0, near], [near, 0]]))
    want += np.kron(1 - np.eye(2), np.ones((2, 2)))
    np.testing.assert_allclose(got, want, rtol=1e-6)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_rows=st.integers(1, 30),
    k1=st.integers(1, 12),
    k2=st.integers(1, 6),
)
def test_properties(seed, num_rows, k1, k2):
    rng = np.random.default_rng(seed)
    rows = naive.unit_rows(rng, num_rows)
    got, explicit = dense(jaccard_distance(rows, k1=k1, k2=k2))
    assert ((got >= 0) & (got <= 1)).all()
    np.testing.assert_array_equal(got, got.T)
    np.testing.assert_array_equal(explicit.diagonal(), 1)
    order = rng.permutation(num_rows)
    moved, _ = dense(jaccard_distance(rows[order], k1=k1, k2=k2))
    np.testing.assert_allclose(moved, got[np.ix_(order, order)], atol=2e-6)


def test_blocks_change_nothing(rng, monkeypatch):
    rows = naive.unit_rows(rng, 90)
    want, _ = dense(jaccard_distance(rows, k1=12, k2=4))
    monkeypatch.setattr(reciprocal, "PRODUCT_ENTRIES", 300)
    monkeypatch.setattr(overlaps, "BLOCK_PRODUCTS", 300)
    got, _ = dense(jaccard_distance(rows, k1=12, k2=4))
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("largest", [0.2, 0.6])
def test_from_given_lists_up_to_a_distance(rng, largest):
    rows = naive.unit_rows(rng, 90)
    # Longer lists than count, as a search may have them.
    lists = nearest(rows, k=20)
    got, explicit = dense(
        jaccard.from_neighbours(rows, lists, k1=12, k2=4, largest=largest)
    )
    want, _ = dense(jaccard_distance(rows, k1=12, k2=4))
    np.testing.assert_array_equal(explicit, want <= np.float32(largest))
    np.testing.assert_array_equal(got, np.where(want <= np.float32(largest), want, 1))


def test_products_are_those_of_the_rows(rng):
    rows = rng.normal(size=(50, 7)).astype(np.float32)
    pattern = sparse.csr_array(rng.random((50, 50)) < 0.3)
    lists, order = nearest(rows, k=6, normalise=False), rng.permutation(50)
    entries = pattern.tocoo()
    got = reciprocal.pair_products(rows, pattern, lists)
    want = (rows @ rows.T)[entries.row, entries.col]
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    # Similarities on the lists are believed, not computed again.
    doubled = Neighbours(lists.indices, lists.similarities + 1)
    listed = (lists.indices[entries.row] == entries.col[:, None]).any(axis=1)
    listed |= (lists.indices[entries.col] == entries.row[:, None]).any(axis=1)
    got = reciprocal.pair_products(rows, pattern, doubled)
    np.testing.assert_allclose(got, want + listed, rtol=1e-4, atol=1e-5)
    # Numbers that stand for other rows; no list is right then but by chance.
    none = Neighbours(np.arange(50)[:, None], np.full((50, 1), 9.0, np.float32))
    got = reciprocal.pair_products(rows, pattern, none, order)
    want = (rows[order] @ rows[order].T)[entries.row, entries.col]
    want[entries.row == entries.col] = 9
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_order_keeps_groups_together():
    # Three groups of five equal rows, mixed.
    group = np.random.default_rng(3).permutation(15) % 3
    order = reciprocal.nearby_order(nearest(np.eye(3)[group], k=5).indices, length=5)
    np.testing.assert_array_equal(np.sort(order), np.arange(15))
    assert (np.diff(group[order]) != 0).sum() == 2


def test_equal_rows_are_at_an_explicit_zero():
    rows = np.repeat(np.eye(3), 4, axis=0)
    got, explicit = dense(jaccard_distance(rows, k1=4, k2=2))
    same = np.kron(np.eye(3), np.ones((4, 4)))
    np.testing.assert_allclose(got, 1 - same, atol=1e-6)
    np.testing.assert_array_equal(explicit, same)


@pytest.mark.parametrize(
    ("features", "k1", "k2", "message"),
    [
        (np.full((5, 3), np.nan), 3, 1, r"features\[0\] must be finite"),
        (np.zeros((0, 3)), 3, 1, "features.shape"),
        (np.zeros(3), 3, 1, "features.shape"),
        (np.eye(3), 0, 1, "k1=0"),
        (np.eye(3), 3, 0, "k2=0"),
    ],
)
def test_bad_arguments_are_named(features, k1, k2, message):
    with pytest.raises(ValueError, match=message):
        jaccard_distance(features, k1=k1, k2=k2)
