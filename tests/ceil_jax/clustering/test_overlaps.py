import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from ceil_jax.clustering import overlaps


def encodings(rng, num_rows, density, levels):
    """Rows that sum to 1; few levels make many equal values."""
    values = rng.integers(1, levels + 1, (num_rows, num_rows)).astype(float)
    values *= rng.random((num_rows, num_rows)) < density
    values[np.arange(num_rows), rng.integers(num_rows, size=num_rows)] += 1
    return values / values.sum(axis=1, keepdims=True)


def minima(dense):
    """The overlaps by their definition."""
    return np.minimum(dense[:, None], dense[None]).sum(axis=-1)


def distances(dense, **options):
    found = overlaps.distances(sparse.csr_array(dense), **options)
    blocks = [block for _, block in found]
    return sparse.vstack(blocks).tocoo()


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_rows=st.integers(1, 40),
    density=st.floats(0, 1),
    levels=st.sampled_from([1, 3, 1000]),
)
def test_all_that_share_anything(seed, num_rows, density, levels):
    dense = encodings(np.random.default_rng(seed), num_rows, density, levels)
    found = distances(dense)
    got = np.ones((num_rows, num_rows), np.float32)
    got[found.row, found.col] = found.data
    shared = minima(dense)
    np.testing.assert_allclose(got, 1 - shared / (2 - shared), atol=2e-7)
    np.testing.assert_array_equal(got, got.T)
    np.testing.assert_array_equal(np.diag(got), 0)
    assert len(found.data) == (shared > 0).sum()  # an entry for each, once


@pytest.mark.parametrize("block", [1, 50, 10**6])
@pytest.mark.parametrize("largest", [None, 0.75, 0.85, 0.95])
def test_distances_that_are_wanted(rng, monkeypatch, block, largest):
    monkeypatch.setattr(overlaps, "BLOCK_PRODUCTS", block)
    dense = encodings(rng, 50, 0.15, 5)
    shared = minima(dense)
    want = 1 - shared / (2 - shared)
    got = distances(dense, largest=largest)
    inside = want < 1 - 1e-9 if largest is None else want <= largest
    assert 50 < inside.sum() < 2500
    full = np.zeros((50, 50), int)
    np.add.at(full, (got.row, got.col), 1)
    np.testing.assert_array_equal(full, inside)
    np.testing.assert_allclose(got.data, want[got.row, got.col], atol=2e-7)


def test_some_rows_with_others(rng):
    dense = encodings(rng, 30, 0.2, 5)
    got = distances(dense, num_queries=10)
    full = np.ones((10, 20))
    full[got.row, got.col] = got.data
    shared = minima(dense)[:10, 10:]
    np.testing.assert_allclose(full, 1 - shared / (2 - shared), atol=2e-7)


def test_an_encoding_with_a_tiny_first_entry(rng):
    dense = encodings(rng, 60, 0.9, 1000)
    dense[::2, :3] = 0
    dense[::2, 3] = 1e-12  # less than what rounding leaves over
    dense /= dense.sum(axis=1, keepdims=True)
    shared = minima(dense)
    got = distances(dense)
    full = np.ones((60, 60))
    full[got.row, got.col] = got.data
    np.testing.assert_allclose(full, 1 - shared / (2 - shared), atol=2e-7)
    np.testing.assert_array_equal(np.diag(full), 0)
