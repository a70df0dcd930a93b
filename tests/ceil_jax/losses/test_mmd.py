"""The discrepancy of two batches."""

import math

import jax
import numpy as np
import pytest

from ceil_jax import losses
from tests.ceil_jax import naive_losses

pytestmark = pytest.mark.usefixtures("strict_dtypes")

mmd = jax.jit(losses.mmd, static_argnames=("kernel_mul", "num_kernels"))
value_and_gradients = jax.jit(jax.value_and_grad(losses.mmd, argnums=(0, 1)))


def batches(seed, n=5, d=4, shift=0.5):
    rng = np.random.default_rng(seed)
    visible = rng.normal(size=(n, d)).astype(np.float32)
    infrared = (1.5 * rng.normal(size=(n, d)) + shift).astype(np.float32)
    return visible, infrared


def test_by_hand():
    # d2 = 4: mean over the pairs of distinct rows 4, base 1, bandwidths 1 ... 16.
    got = mmd(np.zeros((1, 1), np.float32), np.full((1, 1), 2, np.float32))
    across = sum(math.exp(-4 / width) for width in (1, 2, 4, 8, 16))
    assert float(got) == pytest.approx(2 * 5 - 2 * across, rel=1e-6)


@pytest.mark.parametrize(("kernel_mul", "num_kernels"), [(2.0, 5), (3.0, 2)])
def test_is_the_loop(kernel_mul, num_kernels):
    visible, infrared = batches(0)
    got = mmd(visible, infrared, kernel_mul=kernel_mul, num_kernels=num_kernels)
    want = naive_losses.mmd(visible, infrared, kernel_mul, num_kernels)
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_the_gradient_takes_the_bandwidth_for_a_constant():
    visible, infrared = batches(1, n=3, d=3)
    value, gradients = value_and_gradients(visible, infrared)
    widths = naive_losses.bandwidths_of(
        np.concatenate([visible, infrared]).astype(np.float64)
    )
    np.testing.assert_allclose(value, naive_losses.mmd(visible, infrared), rtol=1e-5)
    want = naive_losses.numerical_gradient(
        lambda x: naive_losses.mmd(x, infrared, bandwidths=widths), visible
    )
    np.testing.assert_allclose(gradients[0], want, atol=1e-6)
    want = naive_losses.numerical_gradient(
        lambda x: naive_losses.mmd(visible, x, bandwidths=widths), infrared
    )
    np.testing.assert_allclose(gradients[1], want, atol=1e-6)


def test_is_zero_of_equal_batches_in_any_order():
    visible, infrared = batches(2)
    assert float(mmd(visible, visible)) == pytest.approx(0, abs=1e-6)
    assert float(mmd(visible, visible[::-1])) == pytest.approx(0, abs=1e-6)
    assert float(mmd(visible, infrared)) > 0.1
    same = float(mmd(infrared[::-1], visible))
    assert same == pytest.approx(float(mmd(visible, infrared)), rel=1e-5)


def test_does_not_depend_on_scale_or_offset():
    visible, infrared = batches(3)
    want = float(mmd(visible, infrared))
    for scale, offset in ((1e-3, 0), (100, 0), (1, 300)):
        moved = [(scale * x + offset).astype(np.float32) for x in (visible, infrared)]
        assert float(mmd(*moved)) == pytest.approx(want, rel=1e-3), (scale, offset)


@pytest.mark.parametrize("n", [1, 5, 8])
def test_batches_of_one_and_the_same_row_do_not_move(n):
    for seed in range(6):
        row = np.random.default_rng(seed).normal(size=(1, 16)).astype(np.float32)
        for rows in (np.zeros((n, 16), np.float32), np.repeat(3 * row, n, axis=0)):
            value, gradients = value_and_gradients(rows, rows)
            assert float(value) == 0
            for gradient in gradients:
                np.testing.assert_array_equal(gradient, np.zeros_like(gradient))


def test_refuses():
    ones = np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"visible.shape=\(2, 3\) must equal"):
        mmd(ones, ones[:1])
    with pytest.raises(ValueError, match="num_kernels=0 must be at least 1"):
        mmd(ones, ones, num_kernels=0)
