"""Lists within a camera and across cameras."""

import importlib

import numpy as np
import pytest

from ceil_jax.rerank.camera_lists import by_camera
from tests.ceil_jax import naive


def as_lists(found, num_rows):
    """Columns of each row, best first."""
    assert (np.diff(found.rows) >= 0).all()
    lists = [found.columns[found.rows == i].tolist() for i in range(num_rows)]
    places = [found.places[found.rows == i].tolist() for i in range(num_rows)]
    assert places == [list(range(len(one))) for one in lists]
    return lists


@pytest.mark.parametrize(("same", "other"), [(1, 1), (4, 7), (30, 30)])
@pytest.mark.parametrize("entries", [1 << 24, 200])
def test_equals_loops(rng, monkeypatch, same, other, entries):
    module = importlib.import_module("ceil_jax.rerank.camera_lists")
    monkeypatch.setattr(module, "BLOCK_ENTRIES", entries)
    rows, cameras = naive.unit_rows(rng, 30), rng.integers(1, 5, 30)
    inside, outside, products = naive.camera_ranks(rows, cameras, same, other)
    found = by_camera(rows, cameras, same=same, other=other)
    assert [as_lists(one, 30) for one in found] == [inside, outside]
    for one in found:
        want = products[one.rows, one.columns]
        np.testing.assert_allclose(one.similarities, want, atol=1e-6)


def test_lists_that_are_not_wanted_are_empty(rng):
    rows, cameras = naive.unit_rows(rng, 9), np.arange(9)
    same, other = by_camera(rows, cameras, same=0, other=2)
    assert len(same.rows) == 0
    assert len(other.rows) == 18
    same, other = by_camera(rows, 0 * cameras, same=2, other=5)
    assert len(same.rows) == 18
    assert len(other.rows) == 0


def test_equal_rows_come_by_number_after_the_row_itself():
    rows = np.tile(np.eye(3, dtype=np.float32)[:1], (5, 1))
    same, other = by_camera(rows, np.array([1, 1, 2, 1, 2]), same=3, other=1)
    assert as_lists(same, 5) == [[0, 1, 3], [1, 0, 3], [2, 4], [3, 0, 1], [4, 2]]
    assert as_lists(other, 5) == [[2], [2], [0], [2], [0]]


def test_all_products_are_shown(rng):
    rows, seen = naive.unit_rows(rng, 12), np.zeros((12, 12))

    def keep(block, products):
        seen[block] = products

    by_camera(rows, np.arange(12) % 3, same=2, other=2, keep=keep)
    np.testing.assert_allclose(seen, rows @ rows.T, atol=1e-6)


def test_a_matrix_of_the_first_entries(rng):
    rows, cameras = naive.unit_rows(rng, 20), rng.integers(1, 4, 20)
    same, _ = by_camera(rows, cameras, same=6, other=0)
    inside, _, _ = naive.camera_ranks(rows, cameras, 2, 0)
    want = np.zeros((20, 20))
    for i, members in enumerate(inside):
        want[i, members] = 1
    got = same.matrix(np.ones(len(same.rows)), k=2).toarray()
    np.testing.assert_array_equal(got, want)
