"""Memory rows at the start of an epoch, and scores with two memories."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax import memory
from tests.ceil_jax import naive_losses

pytestmark = pytest.mark.usefixtures("strict_dtypes")


centers = jax.jit(memory.centers, static_argnames="num_rows")


def unit_rows(rng, n, d=5):
    return naive_losses.unit(rng.normal(size=(n, d))).astype(np.float32)


def test_centers_are_the_loops(rng):
    features = unit_rows(rng, 30)
    labels = rng.integers(-1, 6, size=30).astype(np.int32)
    labels[labels == 2] = 3
    got = centers(features, labels, num_rows=9)
    np.testing.assert_allclose(
        got, naive_losses.centers(features, labels, 9), atol=1e-6
    )
    empty = [2, 6, 7, 8]
    assert not np.asarray(got)[empty].any()


def test_centers_by_hand():
    features = np.array([[1, 0], [0, 1], [0.6, 0.8], [0, -1]], np.float32)
    got = centers(features, np.array([1, 1, 0, -1]), num_rows=3)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(got, [[0.6, 0.8], [half, half], [0, 0]], atol=1e-6)


def test_centers_take_jax_arrays_and_64_bits_alike(rng):
    features, labels = unit_rows(rng, 8), np.arange(8) % 3
    eager: Any = memory.centers
    want = centers(features, labels, num_rows=3)
    wide = eager(features.astype(np.float64), labels, num_rows=3)
    device = eager(jnp.asarray(features), jnp.asarray(labels), num_rows=3)
    for got in (wide, device):
        assert got.dtype == jnp.float32
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_centers_refuse():
    ones = np.ones((3, 2), np.float32)
    with pytest.raises(ValueError, match=r"labels.shape=\(2,\)"):
        centers(ones, np.zeros(2, int), num_rows=1)
    with pytest.raises(ValueError, match="num_rows=0 must be at least 1"):
        centers(ones, np.zeros(3, int), num_rows=0)


@jax.jit
def value_and_gradients(weights, embeddings, bank, gradient_bank):
    def total(*arguments):
        scores = memory.scores(*arguments)
        return (weights * scores).sum(), scores

    run = jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True)
    (_, scores), gradients = run(embeddings, bank, gradient_bank)
    return scores, gradients


def test_the_value_is_of_one_memory_and_the_gradient_of_the_other(rng):
    x, bank, other = unit_rows(rng, 4), unit_rows(rng, 7), unit_rows(rng, 7)
    weights = rng.normal(size=(4, 7)).astype(np.float32)
    scores, (of_x, of_bank, of_other) = value_and_gradients(weights, x, bank, other)
    np.testing.assert_allclose(scores, x @ bank.T, atol=1e-6)
    np.testing.assert_allclose(of_x, weights @ other, atol=1e-6)
    assert not np.asarray(of_bank).any()
    assert not np.asarray(of_other).any()


def test_without_a_second_memory_the_gradient_is_plain(rng):
    x, bank = unit_rows(rng, 4), unit_rows(rng, 7)
    weights = rng.normal(size=(4, 7)).astype(np.float32)

    @jax.jit
    def run(x, bank):
        return jax.grad(
            lambda a, b: (weights * memory.scores(a, b)).sum(), argnums=(0, 1)
        )(x, bank)

    of_x, of_bank = run(x, bank)
    np.testing.assert_allclose(of_x, weights @ bank, atol=1e-6)
    assert not np.asarray(of_bank).any()
    np.testing.assert_allclose(memory.scores(x, bank), x @ bank.T, atol=1e-6)
    same = value_and_gradients(weights, x, bank, bank)[1][0]
    np.testing.assert_allclose(of_x, same, atol=1e-6)
