import decimal
import enum
import fractions
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.common import checks
from ceil_jax.rerank import gcr


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


WIDTHS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64]


@pytest.mark.parametrize("dtype", [*WIDTHS, np.uint64])
@pytest.mark.parametrize("make", [lambda t: t(100), lambda t: np.array(100, t)])
def test_scalars_of_any_width_are_whole_numbers(dtype, make):
    (k,) = checks.at_least(1, k=make(dtype))
    assert type(k) is int
    assert k * k == 10_000  # eight bits hold 127


@pytest.mark.parametrize("dtype", [jnp.int8, jnp.uint8, jnp.int32, jnp.int4])
def test_scalars_of_jax_are_whole_numbers(dtype):
    assert checks.at_least(1, k=jnp.asarray(5, dtype)) == (5,)


class Flag(enum.IntEnum):
    ON = 3


def test_other_whole_numbers_are_taken():
    assert checks.at_least(1, k=Flag.ON, n=2**100) == (3, 2**100)
    assert checks.between(0, 9, k=9) == (9,)
    with pytest.raises(ValueError, match="k=10 must be at most 9"):
        checks.between(0, 9, k=10)


NO_WHOLE_NUMBERS = [
    *(2.5, 2.0, np.float32(2), "2", b"2", None, True, np.True_, jnp.asarray(True)),
    *(2j, np.ones(2), np.ones(1, int), [2], jnp.ones((1, 1), int), {}, int),
    *(np.ma.masked, np.ma.array(2), np.timedelta64(2, "s"), decimal.Decimal(2)),
    *(np.str_("2"), float("nan"), fractions.Fraction(4, 2)),
]


@pytest.mark.parametrize("value", NO_WHOLE_NUMBERS, ids=repr)
def test_numbers_that_are_not_whole_are_named(value):
    with pytest.raises(ValueError, match=r"^k1\b.* must (not )?be ") as caught:
        checks.at_least(1, k1=value)
    assert "\n" not in str(caught.value)


def test_traced_numbers_are_named():
    with pytest.raises(ValueError, match=r"k1 .* must be readable by NumPy"):
        jax.jit(lambda k1: checks.at_least(1, k1=k1)[0])(3)


@pytest.mark.parametrize(
    "value",
    [0.5, np.float32(0.5), np.float16(0.5), jnp.asarray(0.5, jnp.bfloat16),
     np.array(0.5), fractions.Fraction(1, 2)],
    ids=repr,
)  # fmt: skip
def test_real_numbers_become_pythons(value):
    assert checks.number("x", value) == 0.5
    assert type(checks.number("x", value)) is float


@pytest.mark.parametrize(
    "value", ["0.5", None, True, 1j, [0.5], np.ones(1), np.True_, 10**400], ids=repr
)
def test_numbers_that_are_not_real_are_named(value):
    with pytest.raises(ValueError, match=r"x=.* must be a real number"):
        checks.number("x", value)


def test_a_rank_that_is_not_whole_is_refused():
    wrong: Any = 2.5
    with pytest.raises(ValueError, match=r"k1=2\.5 must be a whole number"):
        gcr(np.eye(4), np.eye(4), k1=wrong)


def test_arrays_that_numpy_would_guess_at_are_named():
    masked = np.ma.masked_equal([[1.0, 2.0]], 2)
    ragged = [[1.0, 2.0], [3.0]]
    for value, message in [
        (masked, "x must not be a masked array"),
        ([masked[0], masked[0]], "x must not be a masked array"),
        (ragged, "x must not be ragged"),
        (np.ma.masked, "x must not be a masked array"),
    ]:
        with pytest.raises(ValueError, match=message):
            checks.array("x", value)
    with pytest.raises(ValueError, match=r"x \(.*Tracer\) must be readable"):
        jax.jit(lambda x: checks.array("x", x))(np.ones(2))


class Tensor:
    """What a tensor of PyTorch's says when it is asked for its numbers."""

    requires_grad = True

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def test_tensors_that_want_a_gradient_are_named():
    for value in (Tensor(), [Tensor(), Tensor()]):
        with pytest.raises(
            ValueError, match=r"x must not require a gradient: .*detach"
        ):
            checks.array("x", value)


def test_labels_are_whole_numbers_of_a_length():
    np.testing.assert_array_equal(checks.labels("x", [3, -1], 2, minimum=-1), [3, -1])
    for value, message in [
        ([1], r"x\.shape=\(1,\) must be \(2,\)"),
        ([1.0, 2.0], r"x\.dtype=float64 must be an integer type"),
        (["1", "2"], r"x\.dtype=<U1 must be an integer type"),
        ([True, False], r"x\.dtype=bool must be"),
        ([-2, 0], r"x\[0\]=-2 must be at least -1"),
        (np.array([0, 2**63], np.uint64), "x: 9223372036854775808 must be less"),
        (np.zeros(2, "m8[s]"), "x.dtype=timedelta64"),
    ]:
        with pytest.raises(ValueError, match=message):
            checks.labels("x", value, 2, minimum=-1)


def equal_pairs(a, b):
    return np.array([[one == other for other in b] for one in a])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([3, 1], np.array([1, 3, 3], np.uint8)),
        (np.array([2**62 + 1, 5], np.uint64), np.array([2**62 + 1, 2**62, 5])),
        (np.array([2**63 + 1, 2**63], np.uint64), np.array([2**63, 0, -1], object)),
        (["b", "a"], np.array(["a", "c", "b"], object)),
        ([b"b", b"a"], ["a", "c", "b"]),
        (np.array(["b", "a"], np.dtypes.StringDType()), ["a", "c", "b"]),
        (jnp.array([7, -1]), np.array([-1, 7, 0], np.int8)),
    ],
)
def test_codes_are_equal_where_names_are(first, second):
    one, other = checks.codes(a=(first, 2), b=(second, 3))
    assert one.dtype == other.dtype == np.int64
    plain = [
        [x.decode() if isinstance(x, bytes) else x for x in np.asarray(side).tolist()]
        for side in (first, second)
    ]
    np.testing.assert_array_equal(one[:, None] == other, equal_pairs(*plain))


def test_codes_keep_numbers_and_the_order_of_text():
    np.testing.assert_array_equal(checks.codes(a=([9, -4], 2))[0], [9, -4])
    np.testing.assert_array_equal(checks.codes(a=(["z", "b"], 2))[0], [1, 0])
    for value, message in [
        ([1.5, 2], r"b\.dtype=float64 must be an integer type or text"),
        ([None, "a"], r"b\.dtype=object must be an integer type or text"),
        (["x", "y"], "must be both whole numbers or both text"),
        ([True, False], r"b\.dtype=bool must be an integer"),
    ]:
        with pytest.raises(ValueError, match=message):
            checks.codes(a=([1], 1), b=(value, 2))
