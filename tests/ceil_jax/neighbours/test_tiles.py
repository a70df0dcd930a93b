import numpy as np
import pytest

from ceil_jax.neighbours import tiles


@pytest.mark.parametrize("held_blocks", [0, 2, 9])
@pytest.mark.parametrize("num_rows", [1, 2, 3, 7, 8, 9, 16, 22, 29])
def test_every_pair_comes_once_with_its_product(
    rng, monkeypatch, num_rows, held_blocks
):
    monkeypatch.setattr(tiles, "SIZE", 8)
    monkeypatch.setattr(tiles, "HELD_BYTES", held_blocks * 8 * 5 * 4)
    rows = rng.integers(-3, 4, (num_rows, 5)).astype(np.float32)  # exact sums
    found = np.zeros((num_rows, num_rows), np.float32)
    times = np.zeros((num_rows, num_rows), int)
    for tile in tiles.of_pairs(rows):
        for some, columns, products in tile.halves():
            assert products.dtype == np.float32
            found[some, columns] = products
            times[some, columns] += 1
    np.testing.assert_array_equal(times, 1)
    np.testing.assert_array_equal(found, rows @ rows.T)


def test_columns_of_a_block_rise_and_tiles_have_one_shape(rng, monkeypatch):
    monkeypatch.setattr(tiles, "SIZE", 8)
    last, shapes = {}, set()
    for tile in tiles.of_pairs(np.ones((37, 3), np.float32)):
        shapes.add(tile.products.shape)
        for rows, columns, _ in tile.halves():
            assert last.get(rows.start, -1) < columns.start
            last[rows.start] = columns.start
    assert shapes == {(8, 8)}
    assert list(last.values()) == [32] * 5


def test_few_rows_make_a_small_tile():
    (tile,) = tiles.of_pairs(np.ones((5, 3), np.float32))
    assert tile.products.shape == (8, 8)
    ((rows, columns, products),) = tile.halves()
    assert (rows, columns, products.shape) == (slice(0, 5), slice(0, 5), (5, 5))


def test_blocks():
    assert tiles.blocks_of(2500) == [
        slice(0, 1024),
        slice(1024, 2048),
        slice(2048, 2500),
    ]
