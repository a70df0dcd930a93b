"""Rows of features: their types, lengths and directions."""

import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.common import features


def test_rows_come_as_contiguous_float32_without_a_needless_copy():
    good = np.ones((3, 2), np.float32)
    assert features.rows("x", good, normalise=False) is good
    for other in (jnp.ones((3, 2)), good.astype(np.float64), good.astype(int)):
        got = features.rows("x", other, normalise=False)
        assert got.dtype == np.float32
        assert got.flags.c_contiguous
        np.testing.assert_array_equal(got, good)
    assert features.rows(
        "x", np.asfortranarray(good), normalise=False
    ).flags.c_contiguous


@pytest.mark.parametrize("normalise", [None, True, False])
def test_the_first_row_that_is_not_finite_is_named(normalise):
    value = np.ones((4, 3))
    value[2, 1], value[3, 0] = np.inf, np.nan
    with pytest.raises(ValueError, match=r"value\[2\] must be finite"):
        features.rows("value", value, normalise=normalise)


@pytest.mark.parametrize("value", [np.array([["1"]]), np.array([[None]]), [[1j]]])
def test_rows_of_something_else_than_numbers_are_named(value):
    with pytest.raises(ValueError, match=r"x\.dtype=.* must be a type of real numbers"):
        features.rows("x", value, normalise=False)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float16, np.int8, np.uint8, bool])
def test_rows_of_any_real_numbers_are_taken(dtype):
    got = features.rows("x", jnp.ones((2, 2), dtype), normalise=False)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, 1)


def random_rows(rng, num_rows=40, width=7):
    return rng.normal(size=(num_rows, width))


def lengths(rows):
    return np.linalg.norm(rows.astype(np.float64), axis=1)


@pytest.fixture(params=[1, 21, 1 << 22], ids="numbers at once: {}".format)
def blocks(request, monkeypatch):
    monkeypatch.setattr(features, "BLOCK_NUMBERS", request.param)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_true_normalises(rng, dtype):
    rows = (10 * random_rows(rng)).astype(dtype)
    given = rows.copy()
    got = features.rows("x", rows, normalise=True)
    want = given.astype(np.float64) / lengths(given)[:, None]
    np.testing.assert_allclose(got, want, atol=1e-6)
    np.testing.assert_array_equal(rows, given)
    both, num_queries, num_gallery = features.pair(rows[:15], rows[15:], normalise=True)
    assert (num_queries, num_gallery) == (15, 25)
    np.testing.assert_array_equal(both, got)


@pytest.mark.usefixtures("blocks")
def test_none_takes_unit_rows_and_refuses_others(rng):
    rows = random_rows(rng)
    unit = (rows / lengths(rows)[:, None]).astype(np.float32)
    assert features.rows("x", unit, normalise=None) is unit
    half = unit.astype(np.float16)
    np.testing.assert_array_equal(features.rows("x", half, normalise=None), half)
    for factor, is_taken in [(1.009, 1), (0.991, 1), (1.011, 0), (0.989, 0)]:
        changed = unit.copy()
        changed[33] *= factor
        if is_taken:
            features.rows("x", changed, normalise=None)
            continue
        with pytest.raises(ValueError, match=rf"x\[33\] has length {factor:.4g}, must"):
            features.rows("x", changed, normalise=None)
        with pytest.raises(ValueError, match=r"gallery\[3\] has length"):
            features.pair(unit[:30], changed[30:], normalise=None)


@pytest.mark.usefixtures("blocks")
def test_a_row_of_zeros_has_no_direction(rng):
    rows = random_rows(rng)
    rows /= lengths(rows)[:, None]
    rows[17] = 0
    for normalise in (None, True):
        with pytest.raises(ValueError, match=r"x\[17\] must not be all zeros"):
            features.rows("x", rows, normalise=normalise)
    got = features.rows("x", rows, normalise=False)
    np.testing.assert_array_equal(got, rows.astype(np.float32))


SCALES = [1e-300, 1e-40, 1e-20, 1.0, 1e18, 1e30, 1e300]


@pytest.mark.parametrize("scale", SCALES)
def test_directions_are_those_at_any_scale(rng, scale):
    rows = random_rows(rng)
    rows[4] = 0
    want = features.directions("x", rows)
    np.testing.assert_allclose(np.delete(lengths(want), 4), 1, atol=1e-6)
    assert not want[4].any()
    np.testing.assert_allclose(features.directions("x", scale * rows), want, atol=1e-6)
    exact = 2.0 ** round(np.log2(scale))
    np.testing.assert_array_equal(features.directions("x", exact * rows), want)
    if 1e-30 < scale < 1e37:
        single = (exact * rows).astype(np.float32)
        np.testing.assert_array_equal(features.directions("x", single), want)
    others = np.delete(scale * rows, 4, axis=0)
    got = features.rows("x", others, normalise=True)
    np.testing.assert_allclose(got, np.delete(want, 4, axis=0), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_whose_products_overflow_are_named(dtype):
    limit = features.longest(np.dtype(dtype))
    rows = np.eye(3, 4, dtype=dtype)
    rows[1] *= 0.99 * limit
    taken = features.rows("x", rows, normalise=False, dtype=dtype)
    assert np.isfinite(taken @ taken.T).all()
    rows[1] *= 1.02
    with pytest.raises(
        ValueError, match=r"x\[1\] has length .*, must be at most .*over"
    ):
        features.rows("x", rows, normalise=False, dtype=dtype)
    rows[2] = np.finfo(dtype).max  # whose square is infinite
    with pytest.raises(ValueError, match=r"x\[1\] has length .* overflow"):
        features.rows("x", rows, normalise=False, dtype=dtype)


def test_numbers_beyond_single_precision_are_named():
    rows = np.eye(3)
    rows[2, 2] = 1e300
    for normalise in (None, False):
        with pytest.raises(ValueError, match=r"x\[2\] must be finite in float32"):
            features.rows("x", rows, normalise=normalise)
    np.testing.assert_array_equal(features.rows("x", rows, normalise=True), np.eye(3))


@pytest.mark.parametrize("normalise", ["yes", 0, 1, 1.0, [True], np.ones(1, bool)])
def test_other_ways_to_normalise_are_refused(normalise):
    with pytest.raises(ValueError, match=r"normalise=.* must be None, True or False"):
        features.rows("x", np.eye(2), normalise=normalise)
    features.rows("x", np.eye(2), normalise=np.True_)  # type: ignore[arg-type]


def test_normalising_holds_one_copy():
    import tracemalloc

    rows = np.ones((4000, 500), np.float32)
    features.rows("x", rows[:1], normalise=True)
    tracemalloc.start()
    features.rows("x", rows, normalise=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.0 * rows.nbytes + 16 * features.BLOCK_NUMBERS * 4
