"""Features propagated over graphs of all cameras and of other cameras."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceil_jax import rerank
from ceil_jax.rerank import propagate
from tests.ceil_jax import naive

SETTINGS = {"k1": 6, "k2": 5, "beta": 0.3, "scale": 0.7, "num_rounds": 1}


@settings(deadline=None, max_examples=40)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_a_round_equals_loops(data, seed):
    draw, rng = data.draw, np.random.default_rng(seed)
    num_rows = draw(st.integers(1, 30))
    rows = naive.unit_rows(rng, num_rows)
    cameras = rng.integers(1, 5, num_rows) if draw(st.booleans()) else None
    options = {
        "k1": draw(st.integers(1, 40)),
        "k2": draw(st.integers(1, 40)),
        "beta": draw(st.floats(0.02, 5)),
        "scale": draw(st.floats(0, 1)),
        "num_rounds": 1,
    }
    got = propagate(rows, cameras, **options)
    want = naive.propagate(rows, cameras, **options)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, atol=2e-5)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("num_rounds", [0, 2, 3])
@pytest.mark.parametrize("with_cameras", [True, False])
def test_rounds_equal_loops(rng, num_rounds, with_cameras):
    # Lists of all rows: which of two rows is nearer does not turn on rounding.
    rows, cameras = naive.unit_rows(rng, 25), rng.integers(1, 4, 25)
    given = cameras if with_cameras else None
    options = SETTINGS | {"k1": 25, "k2": 25, "num_rounds": num_rounds}
    got = propagate(rows, given, **options)
    want = naive.propagate(rows, given, **options)
    np.testing.assert_allclose(got, want, atol=2e-5)


def test_two_rows_of_two_cameras_worked_by_hand():
    # With w = exp(-|x - y|^2 / (2 beta)) and beta = |x - y|^2 / 2, w = 1/e; N(A) and,
    # where the other row is on the list, N(C) have 1 / (1 + w) and w / (1 + w).
    rows = np.array([[1.0, 0.0], [0.6, 0.8]])
    own = 1 / (1 + np.exp(-1))
    both = own * rows + (1 - own) * rows[::-1]
    for k2, want in ((2, both), (1, 0.75 * both + 0.25 * rows)):
        got = propagate(rows, np.arange(2), k2=k2, beta=0.4, scale=0.25, num_rounds=1)
        want = want / np.linalg.norm(want, axis=1, keepdims=True)
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_order_of_rows_and_names_of_cameras_do_not_matter(rng):
    rows, cameras = naive.unit_rows(rng, 40), rng.integers(1, 4, 40)
    order, names = rng.permutation(40), np.array(["", "hall", "gate", "yard"])
    got = propagate(rows[order], names[cameras[order]], **SETTINGS)
    want = propagate(rows, cameras, **SETTINGS)[order]
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_one_camera_adds_the_row_itself(rng):
    rows = naive.unit_rows(rng, 40)
    unweighted = {**SETTINGS, "scale": 0.0}
    without = propagate(rows, rng.integers(1, 4, 40), **unweighted)
    np.testing.assert_allclose(without, propagate(rows, **SETTINGS), atol=1e-6)
    alone = {**SETTINGS, "scale": 1.0}
    got = propagate(rows, np.ones(40, int), **alone)
    np.testing.assert_allclose(got, rows, atol=1e-6)


def test_kernels_too_narrow_for_any_neighbour_leave_the_rows(rng):
    rows, cameras = naive.unit_rows(rng, 20), rng.integers(1, 4, 20)
    got = propagate(rows, cameras, beta=1e-12, num_rounds=2)
    np.testing.assert_allclose(got, rows, atol=1e-6)


def test_mixtures_that_cancel_stay():
    rows = np.array([[1.0, 0.0], [-1.0, 0.0]])
    # Weights of all rows are equal where the kernel is wide.
    np.testing.assert_array_equal(propagate(rows, beta=1e300), rows)


def test_by_name_it_ranks(rng):
    rows, cameras = naive.unit_rows(rng, 25), rng.integers(1, 4, 25)
    sides = rows[:10], rows[10:], cameras[:10], cameras[10:]
    want = naive.propagate(rows, cameras, **SETTINGS)
    got = rerank.by_name("propagate")(*sides, **SETTINGS)
    np.testing.assert_allclose(got, want[:10] @ want[10:].T, atol=2e-5)
    want = naive.propagate(rows, None, **SETTINGS)
    got = rerank.by_name("propagate")(*sides[:2], **SETTINGS)
    np.testing.assert_allclose(got, want[:10] @ want[10:].T, atol=2e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k1": 0}, "k1=0"),
        ({"k2": 0}, "k2=0"),
        ({"num_rounds": -1}, "num_rounds=-1"),
        ({"num_rounds": 101}, "num_rounds=101 must be at most 100"),
        ({"beta": 0.0}, r"beta=0\.0 must be more than 0"),
        ({"beta": np.inf}, "beta=inf"),
        ({"scale": -0.1}, r"scale=-0\.1 must be in"),
        ({"scale": 1.1}, r"scale=1\.1 must be in \[0, 1\]"),
        ({"scale": np.nan}, "scale=nan"),
        ({"features": np.ones(8)}, r"features\.shape"),
        ({"features": np.zeros((3, 8))}, r"features\[0\] must not be all zeros"),
        ({"cameras": np.ones(2, int)}, r"cameras\.shape=\(2,\) must be \(3,\)"),
        ({"cameras": np.ones(3)}, r"cameras\.dtype=float64"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    arguments = {"features": np.eye(3), "cameras": np.arange(3)} | changes
    with pytest.raises(ValueError, match=message):
        propagate(**arguments)
