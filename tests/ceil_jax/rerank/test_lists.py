"""Neighbour lists from elsewhere: taken as they are, or refused by name."""

import time

import numpy as np
import pytest

from ceil_jax.neighbours.search import nearest
from ceil_jax.rerank import lists
from tests.ceil_jax import naive

N, K = 70, 6


@pytest.fixture
def given(rng):
    return nearest(naive.unit_rows(rng, N), k=K)


def test_good_lists_are_not_copied(given):
    got = lists.checked(given, k1=4)
    assert np.shares_memory(got.indices, given.indices)
    assert np.shares_memory(got.similarities, given.similarities)
    np.testing.assert_array_equal(got.indices, given.indices[:, :4])


@pytest.mark.parametrize("block_rows", [7, 1000])
def test_other_types_and_places_of_the_row_itself(given, block_rows, monkeypatch):
    monkeypatch.setattr(lists, "BLOCK_ROWS", block_rows)
    order = [1, 2, 0, 3, 4, 5]
    indices = given.indices[:, order].astype(np.int64)
    similarities = given.similarities[:, order].astype(np.float64)
    before = indices.copy()
    got = lists.checked((indices, similarities), k1=4)
    assert (got.indices.dtype, got.similarities.dtype) == (np.int32, np.float32)
    np.testing.assert_array_equal(got.indices, given.indices[:, :4])
    np.testing.assert_array_equal(got.similarities, given.similarities[:, :4])
    np.testing.assert_array_equal(indices, before)


def test_one_block_out_of_place_is_enough(given, monkeypatch):
    monkeypatch.setattr(lists, "BLOCK_ROWS", 35)
    order = [1, 0, 2, 3, 4, 5]  # the row itself second
    indices, similarities = (part.copy() for part in given)
    for part in (indices, similarities):
        part[:35] = part[:35, order]
    got = lists.checked((indices, similarities), k1=K)
    np.testing.assert_array_equal(got.indices, given.indices)
    np.testing.assert_array_equal(got.similarities, given.similarities)


def edited(array, place, value):
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda i, s: (i[:, :3], s[:, :3]), "3 columns must be at least k1=4"),
        (lambda i, s: (i[:, :5], s), "of shape"),
        (lambda i, s: (i[:, 0], s[:, 0]), r"neighbours\[1\].shape=\(70,\)"),
        (lambda i, s: (i[:0], s[:0]), r"neighbours\[1\].shape=\(0, 6\)"),
        (lambda i, s: (i, (9 * s).astype(int)), "neighbours.1..dtype=int64"),
        (lambda i, s: (i.astype(float), s), "whole numbers"),
        (lambda i, s: (i, s, s), "must be a pair"),
        (lambda i, s: (edited(i, (9, 2), -1), s), r"\[0\]\[9\] must be in \[0, 69\]"),
        (lambda i, s: (edited(i, (9, 2), 70), s), r"\[0\]\[9\] must be in \[0, 69\]"),
        (
            # In 32 bits this is row 5.
            lambda i, s: (edited(i.astype(np.int64), (9, 2), 2**32 + 5), s),
            r"\[0\]\[9\] must be in \[0, 69\]",
        ),
        (lambda i, s: (i, edited(s, (9, 2), np.nan)), r"\[1\]\[9\] must be finite"),
        (lambda i, s: (i, edited(s, (9, 0), np.inf)), r"\[1\]\[9\] must be finite"),
        (
            lambda i, s: (i, edited(s.astype(float), (9, 0), 1e300)),
            r"\[1\]\[9\] must be finite in float32",
        ),
        (lambda i, s: (np.ma.array(i), s), r"neighbours\[0\] must not be a masked"),
        (lambda i, s: (edited(i, (9, 0), i[9, 1]), s), r"\[9\] must hold the row its"),
        (lambda i, s: (edited(i, (9, 3), i[9, 1]), s), r"\[9\] must not hold a row tw"),
        (
            lambda i, s: (i, edited(s, (9, 3), s[9, 4] / 2)),
            r"\[1\]\[9\] must be sorted",
        ),
        (lambda i, s: (i[:, ::-1], s[:, ::-1]), r"\[1\]\[0\] must be sorted"),
    ],
)
@pytest.mark.parametrize("block_rows", [4, 1000])
def test_bad_lists_are_named(given, edit, message, block_rows, monkeypatch):
    monkeypatch.setattr(lists, "BLOCK_ROWS", block_rows)
    with pytest.raises(ValueError, match=message):
        lists.checked(edit(*given), k1=4)


def test_k1_above_the_number_of_rows_is_cut(rng):
    given = nearest(naive.unit_rows(rng, 3), k=9)
    assert lists.checked(given, k1=9).indices.shape == (3, 3)


def test_large_lists_are_checked_in_little_time():
    num_rows = 200_000
    indices = (np.arange(num_rows)[:, None] + np.arange(28)) % num_rows
    similarities = np.linspace(1, 0, 28, dtype=np.float32) + np.zeros((num_rows, 1))
    start = time.perf_counter()
    lists.checked((indices.astype(np.int32), similarities.astype(np.float32)), k1=28)
    assert time.perf_counter() - start < 5  # a fifth of a second, on an idle machine
