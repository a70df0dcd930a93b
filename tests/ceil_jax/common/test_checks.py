from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.common import checks
from ceil_jax.rerank import gcr


def test_rows_come_as_contiguous_float32_without_a_needless_copy():
    good = np.ones((3, 2), np.float32)
    assert checks.rows("x", good) is good
    for other in (jnp.ones((3, 2)), good.astype(np.float64), good.astype(int)):
        got = checks.rows("x", other)
        assert got.dtype == np.float32
        assert got.flags.c_contiguous
        np.testing.assert_array_equal(got, good)
    assert checks.rows("x", np.asfortranarray(good)).flags.c_contiguous


def test_the_first_row_that_is_not_finite_is_named():
    value = np.ones((4, 3))
    value[2, 1], value[3, 0] = np.inf, np.nan
    with pytest.raises(ValueError, match=r"value\[2\] must be finite"):
        checks.rows("value", value)


@pytest.mark.parametrize("value", [np.array([["1"]]), np.array([[None]]), [[1j]]])
def test_rows_of_something_else_than_numbers_are_named(value):
    with pytest.raises(ValueError, match=r"x\.dtype=.* must be a type of real numbers"):
        checks.rows("x", value)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float16, np.int8, np.uint8, bool])
def test_rows_of_any_real_numbers_are_taken(dtype):
    got = checks.rows("x", jnp.ones((2, 2), dtype))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, 1)


def test_cameras_of_both_sides_or_of_none():
    ones = np.ones(2, np.int32)
    assert checks.camera_pair(None, None, 2, 3) is None
    got = checks.camera_pair(ones, 2 * np.ones(3, int), 2, 3)
    np.testing.assert_array_equal(got, [1, 1, 2, 2, 2])
    with pytest.raises(ValueError, match="gallery_cameras=None: give"):
        checks.camera_pair(ones, None, 2, 3)


def test_numbers_that_are_too_small_are_named():
    checks.at_least(1, a=1, b=7)
    with pytest.raises(ValueError, match="b=0 must be at least 1"):
        checks.at_least(1, a=1, b=0)


@pytest.mark.parametrize("value", [2.5, 2.0, "2", None, True, np.ones(2)])
def test_numbers_that_are_not_whole_are_named(value):
    others: Any = {"k1": np.int64(2), "k2": np.asarray(3)}
    checks.at_least(1, **others)
    with pytest.raises(ValueError, match=r"k1=.* must be a whole number"):
        checks.at_least(1, k1=value)


def test_a_rank_that_is_not_whole_is_refused():
    wrong: Any = 2.5
    with pytest.raises(ValueError, match=r"k1=2\.5 must be a whole number"):
        gcr(np.eye(4), np.eye(4), k1=wrong)
