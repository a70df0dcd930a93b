"""Batch norm against numbers worked out by hand and PyTorch's conventions."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.encoder.batch_norm import BatchNorm
from tests.ceil_jax import naive_losses


def variables_of(mean, var, scale, bias) -> Any:
    array = lambda x: jnp.asarray(x, jnp.float32)
    return {
        "params": {"scale": array(scale), "bias": array(bias)},
        "batch_stats": {"mean": array(mean), "var": array(var)},
    }


@functools.partial(jax.jit, static_argnums=0)
def train(norm, variables, x) -> Any:
    """Output and new running statistics of a step."""
    y, new = norm.apply(variables, x, True, mutable=["batch_stats"])
    return y, new["batch_stats"]


def test_training_by_hand():
    # Mean 3; squares of deviations 4, 1, 0 and 9: biased 3.5, unbiased 14/3.
    x = np.array([[1], [2], [3], [6]], np.float32)
    variables = variables_of([0], [1], [2], [10])
    y, stats = train(BatchNorm(), variables, x)
    want = 10 + 2 * (x - 3) / np.sqrt(3.5 + 1e-5)
    np.testing.assert_allclose(y, want, rtol=1e-6)
    np.testing.assert_allclose(stats["mean"], [0.3], rtol=1e-6)
    np.testing.assert_allclose(stats["var"], [0.9 + 0.1 * 14 / 3], rtol=1e-6)


def test_a_second_step_starts_from_the_first_one_s_statistics():
    x = np.array([[1], [2], [3], [6]], np.float32)
    _, first = train(BatchNorm(), variables_of([0], [1], [1], [0]), x)
    variables = variables_of(first["mean"], first["var"], [1], [0])
    _, second = train(BatchNorm(), variables, x)
    np.testing.assert_allclose(second["mean"], [0.9 * 0.3 + 0.3], rtol=1e-6)
    var = 0.9 * (0.9 + 1.4 / 3) + 1.4 / 3
    np.testing.assert_allclose(second["var"], [var], rtol=1e-6)


def test_evaluation_by_hand():
    variables = variables_of([1, 2], [4 - 1e-5, 9 - 1e-5], [3, 1], [0.5, -1])
    x = jnp.array([[3, 5], [1, -1]], jnp.float32)
    y: Any = BatchNorm().apply(variables, x, False)
    np.testing.assert_allclose(y, [[3.5, 0], [0.5, -2]], rtol=1e-6, atol=1e-6)


def test_statistics_are_over_all_axes_but_the_last(rng):
    x = rng.normal(2, 3, size=(3, 4, 5, 2)).astype(np.float32)
    variables = variables_of([0, 0], [1, 1], [1, 1], [0, 0])
    y, stats = train(BatchNorm(), variables, x)
    flat = x.reshape(-1, 2).astype(np.float64)
    want = (flat - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5)
    np.testing.assert_allclose(np.asarray(y).reshape(-1, 2), want, atol=1e-5)
    np.testing.assert_allclose(stats["mean"], 0.1 * flat.mean(0), rtol=1e-5)
    var = 0.9 + 0.1 * flat.var(0, ddof=1)
    np.testing.assert_allclose(stats["var"], var, rtol=1e-5)


def test_digits_survive_a_large_mean(rng):
    x = (rng.normal(size=(64, 1)) + 1000).astype(np.float32)
    y, _ = train(BatchNorm(), variables_of([0], [1], [1], [0]), x)
    exact = x.astype(np.float64)
    want = (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-5)
    np.testing.assert_allclose(y, want, atol=3e-4)


def test_the_last_norm_has_no_shift():
    x = jnp.ones((2, 3))
    variables = BatchNorm(use_bias=False).init(jax.random.key(0), x, True)
    assert set(variables["params"]) == {"scale"}
    assert set(BatchNorm().init(jax.random.key(0), x, True)["params"]) == {
        "scale",
        "bias",
    }


def test_initialising_leaves_the_statistics():
    x = 5 + jnp.arange(6.0).reshape(3, 2)
    stats = BatchNorm().init(jax.random.key(0), x, True)["batch_stats"]
    np.testing.assert_array_equal(stats["mean"], [0, 0])
    np.testing.assert_array_equal(stats["var"], [1, 1])


def test_evaluation_changes_no_statistics():
    variables = variables_of([1], [4], [1], [0])
    _, new = BatchNorm().apply(
        variables, jnp.ones((2, 1)), False, mutable=["batch_stats"]
    )
    np.testing.assert_array_equal(new["batch_stats"]["mean"], [1])
    np.testing.assert_array_equal(new["batch_stats"]["var"], [4])


def test_a_single_value_is_no_division_by_zero():
    y, stats = train(
        BatchNorm(), variables_of([0], [1], [1], [0.25]), np.ones((1, 1), np.float32)
    )
    np.testing.assert_array_equal(y, [[0.25]])
    np.testing.assert_allclose(stats["var"], [0.9], rtol=1e-6)


def test_half_precision_keeps_float32_statistics(rng):
    x = jnp.asarray(rng.normal(3, 2, size=(128, 2)), jnp.bfloat16)
    y, stats = train(BatchNorm(), variables_of([0, 0], [1, 1], [1, 1], [0, 0]), x)
    assert y.dtype == jnp.bfloat16
    assert stats["mean"].dtype == stats["var"].dtype == jnp.float32
    exact = np.asarray(x, np.float64)
    np.testing.assert_allclose(stats["mean"], 0.1 * exact.mean(0), rtol=1e-5)


@pytest.mark.parametrize("num_devices", [1, 2, 4])
def test_devices_that_share_statistics_are_one(rng, num_devices):
    x = rng.normal(1, 2, size=(8, 3)).astype(np.float32)
    variables = variables_of([0] * 3, [1] * 3, [1, 2, 3], [0] * 3)
    want, want_stats = train(BatchNorm(), variables, x)
    norm = BatchNorm(axis_name="devices")
    split = x.reshape(num_devices, -1, 3)
    run = jax.vmap(lambda rows: train(norm, variables, rows), axis_name="devices")
    y, stats = run(split)
    np.testing.assert_allclose(np.asarray(y).reshape(8, 3), want, atol=1e-6)
    for name, value in want_stats.items():
        for device in range(num_devices):
            np.testing.assert_allclose(stats[name][device], value, rtol=1e-6)


def test_the_gradient_goes_through_the_statistics(rng):
    x = rng.normal(size=(5, 2)).astype(np.float32)
    weights = rng.normal(size=(5, 2)).astype(np.float32)
    variables = variables_of([0, 0], [1, 1], [2, 3], [0, 0])

    def total(x):
        return (weights * train(BatchNorm(), variables, x)[0]).sum()

    def naive(x):
        y = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
        return (weights * y * [2, 3]).sum()

    want = naive_losses.numerical_gradient(naive, x)
    np.testing.assert_allclose(jax.jit(jax.grad(total))(x), want, atol=1e-4)


@pytest.mark.parametrize("num_devices", [1, 2, 4])
def test_gradients_of_devices_that_share_statistics(rng, num_devices):
    """Of all devices' losses together, against float64 differences."""
    x = rng.normal(1, 2, size=(8, 3)).astype(np.float32)
    weights = rng.normal(size=(8, 3)).astype(np.float32)
    scale = np.array([1, -2, 3], np.float32)
    bias = np.array([0.5, 0, -1], np.float32)
    norm = BatchNorm(axis_name="devices")

    @jax.jit
    def slopes(rows, weights, scale, bias):
        def total(rows, scale, bias):
            variables = variables_of([0] * 3, [1] * 3, scale, bias)
            return (weights * train(norm, variables, rows)[0]).sum()

        return jax.grad(total, (0, 1, 2))(rows, scale, bias)

    run = jax.vmap(slopes, in_axes=(0, 0, None, None), axis_name="devices")
    split = (num_devices, -1, 3)
    of_x, of_scale, of_bias = run(x.reshape(split), weights.reshape(split), scale, bias)

    def naive(x, scale, bias):
        y = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
        return (weights * (y * scale + bias)).sum()

    for got, total, at in (
        (of_x.reshape(8, 3), lambda x: naive(x, scale, bias), x),
        (of_scale.sum(0), lambda scale: naive(x, scale, bias), scale),
        (of_bias.sum(0), lambda bias: naive(x, scale, bias), bias),
    ):
        want = naive_losses.numerical_gradient(total, at)
        np.testing.assert_allclose(got, want, atol=1e-4)


def test_a_small_spread_beside_a_large_mean_has_a_gradient(rng):
    x = (rng.normal(size=(64, 1)) + 100).astype(np.float32)
    weights = rng.normal(size=(64, 1)).astype(np.float32)
    variables = variables_of([0], [1], [1], [0])
    got = jax.jit(
        jax.grad(lambda x: (weights * train(BatchNorm(), variables, x)[0]).sum())
    )(x)
    exact = x.astype(np.float64)
    centred, std = exact - exact.mean(0), np.sqrt(exact.var(0) + 1e-5)
    y = centred / std
    want = (weights - weights.mean(0) - y * (weights * y).mean(0)) / std
    np.testing.assert_allclose(got, want, atol=1e-4)
