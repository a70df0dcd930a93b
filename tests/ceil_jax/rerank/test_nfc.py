"""Features with those of their mutual neighbours added."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceil_jax import rerank
from ceil_jax.rerank import nfc
from tests.ceil_jax import naive


@settings(deadline=None, max_examples=40)
@given(
    num_rows=st.integers(1, 30),
    k1=st.integers(1, 40),
    k2=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_loops(num_rows, k1, k2, seed):
    rows = naive.unit_rows(np.random.default_rng(seed), num_rows)
    got = nfc(rows, k1=k1, k2=k2)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, naive.nfc(rows, k1, k2), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)


def test_three_rows_worked_by_hand():
    # 0 and 1 are each other's nearest; 1 is 2's nearest, but 2 is not 1's.
    angles = np.array([0.0, 0.4, 1.0])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    want = np.array([[np.cos(0.2), np.sin(0.2)]] * 2 + [[np.cos(1.0), np.sin(1.0)]])
    np.testing.assert_allclose(nfc(rows, k1=1, k2=1), want, atol=1e-6)


def test_rows_that_cancel_stay():
    rows = np.array([[1.0, 0.0], [-1.0, 0.0]])
    np.testing.assert_array_equal(nfc(rows), rows)


def test_order_of_rows_does_not_matter(rng):
    rows, order = naive.unit_rows(rng, 25), rng.permutation(25)
    np.testing.assert_allclose(nfc(rows[order]), nfc(rows)[order], atol=1e-6)


def test_by_name_it_ranks(rng):
    rows = naive.unit_rows(rng, 25)
    got = rerank.by_name("nfc")(rows[:10], rows[10:], k1=3, k2=4)
    want = naive.nfc(rows, 3, 4)
    np.testing.assert_allclose(got, want[:10] @ want[10:].T, atol=1e-5)
    with pytest.raises(ValueError, match="query_cameras must be left out: nfc_simil"):
        rerank.by_name("nfc")(rows, rows, np.ones(25, int), np.ones(25, int))


def test_it_composes_with_gcr(rng):
    rows = naive.unit_rows(rng, 25)
    found = nfc(rows)
    assert np.isfinite(rerank.gcr(found[:10], found[10:], k1=6, k2=3)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k1": 0}, "k1=0"),
        ({"k2": 0}, "k2=0"),
        ({"features": np.ones(8)}, r"features\.shape"),
        ({"features": np.zeros((3, 8))}, r"features\[0\] must not be all zeros"),
        ({"features": 2 * np.eye(3)}, r"features\[0\] has length 2"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        nfc(**{"features": np.eye(3)} | changes)
