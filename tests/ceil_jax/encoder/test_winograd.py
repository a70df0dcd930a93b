"""3x3 convolutions by 16 products against XLA's own."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ceil_jax.encoder import winograd

# Batch, height, width, channels in and out.
SHAPES = [
    (2, 6, 4, 32, 32),
    (3, 5, 7, 32, 48),
    (1, 1, 1, 40, 32),
    (2, 2, 9, 33, 64),
    (2, 9, 3, 64, 32),
]


def _reference(x, kernel):
    return lax.conv_general_dilated(
        *(x, kernel, (1, 1), ((1, 1), (1, 1))),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=lax.Precision.HIGHEST,
    )


def _problem(rng, shape, dtype=np.float32):
    *maps, inside, outside = shape
    shapes = (*maps, inside), (3, 3, inside, outside), (*maps, outside)
    return [jnp.asarray(rng.normal(size=each), dtype) for each in shapes]


def _value_and_slopes(function, x, kernel, g):
    value, back = jax.vjp(function, x, kernel)
    return value, *back(g)


def _assert_close(got, want, tolerance):
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    got, want = (np.asarray(a, np.float64) for a in (got, want))
    np.testing.assert_allclose(got, want, atol=tolerance * np.abs(want).max(), rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_the_convolution(rng, shape):
    problem = _problem(rng, shape)
    found = jax.jit(functools.partial(_value_and_slopes, winograd.convolve))(*problem)
    wanted = _value_and_slopes(_reference, *problem)
    for got, want in zip(found, wanted, strict=True):
        _assert_close(got, want, 3e-6)


@pytest.mark.parametrize("shape", [(2, 7, 4, 32, 32), (2, 4, 5, 8, 32)])
def test_half_precision_and_few_channels_stay_with_the_convolution(rng, shape):
    dtype = jnp.bfloat16 if shape[3] >= winograd.LEAST_CHANNELS else jnp.float32
    problem = _problem(rng, shape, dtype)
    text = str(jax.make_jaxpr(winograd.convolve)(*problem[:2]))
    assert "conv_general_dilated" in text
    assert "dot_general" not in text
    found = _value_and_slopes(winograd.convolve, *problem)
    wanted = _value_and_slopes(winograd.direct, *problem)
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(np.asarray(got), np.asarray(want))


def test_many_pixels_stay_with_the_convolution():
    rows = winograd.MOST_PIXELS // 64
    kernel = jax.ShapeDtypeStruct((3, 3, 32, 32), jnp.float32)
    for batch, expected in ((rows, True), (rows + 1, False)):
        x = jax.ShapeDtypeStruct((batch, 8, 8, 32), jnp.float32)
        text = str(jax.make_jaxpr(winograd.convolve)(x, kernel))
        assert ("dot_general" in text) is expected


@pytest.mark.parametrize("channels", [32, 512])
def test_its_rounding_error_is_at_most_four_times_the_direct_one(rng, channels):
    problem = _problem(rng, (2, 9, 9, channels, channels))
    with jax.enable_x64():
        exact = _value_and_slopes(
            _reference, *(jnp.asarray(np.asarray(a), jnp.float64) for a in problem)
        )
    exact = [np.asarray(each) for each in exact]
    x, kernel, g = problem
    fast = (
        winograd.forward(x, kernel),
        winograd.of_input(g, kernel),
        winograd.of_kernel(x, g),
    )
    usual = _value_and_slopes(winograd.direct, *problem)
    for got, direct, want in zip(fast, usual, exact, strict=True):
        assert want.dtype == np.float64
        errors = [np.square(each - want).mean() ** 0.5 for each in (got, direct)]
        assert 0 < errors[0] <= 4 * errors[1]


@pytest.mark.parametrize(("platform", "products"), [("cpu", 3 * 16), ("cuda", 0)])
def test_only_processors_take_products(rng, platform, products):
    problem = _problem(rng, (2, 6, 4, 32, 32))
    work = jax.jit(functools.partial(_value_and_slopes, winograd.convolve))
    text = work.trace(*problem).lower(lowering_platforms=(platform,)).as_text()
    assert text.count("stablehlo.dot_general") == products
    assert text.count("stablehlo.convolution") == (0 if products else 3)
