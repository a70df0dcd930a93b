"""Adam with coupled decay against its formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.training import optim


def tree(rng):
    """Parameters as an encoder nests them; only the leaves called bias are shifts."""
    return {
        "stem": {
            "norm": {"scale": rng.normal(size=3), "bias": rng.normal(size=3)},
            "conv": {"kernel": rng.normal(size=(2, 3))},
        },
        "bias_free_norm": {"scale": rng.normal(size=3)},
    }


def naive_adam(value, gradients, rates, decay):
    """Kingma and Ba's algorithm 1 in float64, decay added to the gradient."""
    first, second = np.zeros_like(value), np.zeros_like(value)
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        gradient = gradient + decay * value
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        corrected = np.sqrt(second / (1 - 0.999**t)) + 1e-8
        value = value - rate * first / (1 - 0.9**t) / corrected
    return value


def run(params, gradients, rates, **arguments):
    optimizer = optim.adam(**arguments)
    params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), params)
    state = optimizer.init(params)

    @jax.jit
    def step(params, state, gradient, rate):
        updates, state = optimizer.update(gradient, state, params)
        return optim.apply(params, updates, rate), state

    for gradient, rate in zip(gradients, rates, strict=True):
        gradient = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), gradient)
        params, state = step(params, state, gradient, rate)
    return params


@pytest.mark.parametrize(("decay", "factor"), [(0.05, 2.0), (0.0, 1.0), (0.3, 0.5)])
def test_is_adam_with_the_decay_in_the_gradient(rng, decay, factor):
    params = tree(rng)
    gradients = [tree(rng) for _ in range(5)]
    rates = [0.1, 0.1, 0.05, 0.2, 0.01]
    got = run(params, gradients, rates, weight_decay=decay, bias_rate_factor=factor)

    def check(path, value, leaf, *steps):
        is_shift = path[-1].key == "bias"
        scaled = [factor * rate if is_shift else rate for rate in rates]
        want = naive_adam(value, steps, scaled, decay)
        np.testing.assert_allclose(leaf, want, rtol=1e-4, atol=1e-5, err_msg=str(path))

    jax.tree_util.tree_map_with_path(check, params, got, *gradients)


def test_the_first_step_is_the_rate_by_hand():
    # Any gradient's first step is rate times its sign, twice that for a shift.
    params = {"norm": {"scale": np.zeros(2), "bias": np.zeros(2)}}
    gradient = {"norm": {"scale": np.array([5, -1e-3]), "bias": np.array([5, -1e-3])}}
    got = run(params, [gradient], [0.1])["norm"]
    np.testing.assert_allclose(got["scale"], [-0.1, 0.1], rtol=1e-4)
    np.testing.assert_allclose(got["bias"], [-0.2, 0.2], rtol=1e-4)


def test_decay_alone_moves_towards_zero():
    params = {"kernel": np.array([2.0, -2.0, 0.0])}
    still = {"kernel": np.zeros(3)}
    got = run(params, [still] * 3, [0.1] * 3, weight_decay=5e-4)["kernel"]
    np.testing.assert_allclose(got, [1.7, -1.7, 0], atol=1e-3)
    kept = run(params, [still] * 3, [0.1] * 3, weight_decay=0.0)["kernel"]
    np.testing.assert_array_equal(kept, [2, -2, 0])


def test_the_released_decay_is_the_default():
    # A gradient that undoes it: 2 * 5e-4.
    got = run({"kernel": np.array([2.0])}, [{"kernel": np.array([-1e-3])}], [0.1])
    assert got["kernel"] == 2


@pytest.mark.parametrize("rate", [0.5, np.float32(0.5)])
def test_apply_keeps_the_type(rate):
    got = optim.apply(
        {"a": jnp.ones(2, jnp.bfloat16)}, {"a": jnp.ones(2, jnp.bfloat16)}, rate
    )
    assert got["a"].dtype == jnp.bfloat16
    np.testing.assert_array_equal(got["a"].astype(jnp.float32), [0.5, 0.5])
