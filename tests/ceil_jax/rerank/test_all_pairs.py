import numpy as np
import pytest

from ceil_jax.neighbours import tiles
from ceil_jax.rerank.all_pairs import all_pairs


def check(found, rows, num_queries, k):
    products = rows @ rows.T
    np.testing.assert_array_equal(found.smallest, products.min(axis=1))
    across = products[:num_queries, num_queries:]
    np.testing.assert_array_equal(found.across, across)
    # Whole numbers: ties are exact, and are in the order of the rows behind itself.
    itself = np.where(np.eye(len(rows), dtype=bool), np.inf, products)
    want = np.argsort(-itself, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(found.neighbours.indices, want)
    values = np.take_along_axis(products, want, axis=1)
    np.testing.assert_array_equal(found.neighbours.similarities, values)


def whole_numbers(rng, num_rows):
    """Rows whose largest product is that with themselves, beside many ties."""
    rows = rng.integers(-1, 2, (num_rows, 6)).astype(np.float32)
    return np.concatenate([rows, 4 * np.eye(num_rows, dtype=np.float32)], axis=1)


@pytest.mark.parametrize("size", [4, 8, 16, 1024])
@pytest.mark.parametrize("num_queries", [1, 4, 9, 16, 22])
@pytest.mark.parametrize("k", [1, 4, 23, 99])
def test_lists_smallest_and_across(rng, monkeypatch, size, num_queries, k):
    monkeypatch.setattr(tiles, "SIZE", size)
    rows = whole_numbers(rng, 23)
    check(all_pairs(rows, num_queries, k=k), rows, num_queries, k)


def test_equal_rows():
    rows = np.ones((6, 2), np.float32)
    found = all_pairs(rows, 2, k=2)
    np.testing.assert_array_equal(found.neighbours.indices[:, 0], np.arange(6))
    np.testing.assert_array_equal(found.neighbours.similarities, 2)
