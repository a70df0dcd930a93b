"""Lengths and distances of rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import distance

from ceil_jax.common import linalg
from tests.ceil_jax import naive_losses

pytestmark = pytest.mark.usefixtures("strict_dtypes")

normalise = jax.jit(linalg.normalise)
squared_distances = jax.jit(linalg.squared_distances)


@pytest.mark.parametrize("shape", [(4,), (3, 5), (2, 3, 4)])
def test_rows_of_length_one(rng, shape):
    x = (10 * rng.normal(size=shape)).astype(np.float32)
    np.testing.assert_allclose(normalise(x), naive_losses.unit(x), atol=1e-6)


def test_short_rows_stay_short():
    x = jnp.array([[0, 0], [3e-14, 4e-14], [3e-6, 4e-6]], jnp.float32)
    got = normalise(x)
    np.testing.assert_allclose(got, [[0, 0], [0.03, 0.04], [0.6, 0.8]], rtol=1e-5)


def test_the_gradient_of_normalise(rng):
    weights = rng.normal(size=(3, 4)).astype(np.float32)
    gradient_of = jax.jit(jax.grad(lambda x: (weights * linalg.normalise(x)).sum()))
    x = rng.normal(size=(3, 4)).astype(np.float32)
    gradient = gradient_of(x)
    want = naive_losses.numerical_gradient(
        lambda x: (weights * naive_losses.unit(x)).sum(), x
    )
    np.testing.assert_allclose(gradient, want, atol=1e-5)
    np.testing.assert_allclose((gradient * x).sum(1), 0, atol=1e-5)
    assert np.isfinite(gradient_of(np.zeros_like(x))).all()


@pytest.mark.parametrize("offset", [0, 1000])
def test_distances_of_all_pairs(rng, offset):
    x = (rng.normal(size=(7, 5)) + offset).astype(np.float32)
    got = squared_distances(x)
    want = distance.cdist(x.astype(np.float64), x.astype(np.float64), "sqeuclidean")
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(np.diagonal(got), 0)
    # Some processors round the product of rows 2 and 6 otherwise than that of 6 and 2.
    np.testing.assert_allclose(got, np.asarray(got).T, rtol=2e-6)


def test_distances_of_equal_rows_are_zero(rng):
    row = rng.normal(size=(1, 9)).astype(np.float32)
    other = rng.normal(size=(1, 9)).astype(np.float32)
    x = np.concatenate([row] * 4 + [other] * 2)
    got = np.asarray(squared_distances(x))
    assert (got >= 0).all()
    np.testing.assert_allclose(got[:4, :4], 0, atol=1e-5)
    np.testing.assert_allclose(got[:4, 4:], ((row - other) ** 2).sum(), rtol=1e-5)


def test_the_gradient_of_distances(rng):
    x = rng.normal(size=(4, 3)).astype(np.float32)
    weights = rng.normal(size=(4, 4)).astype(np.float32)
    gradient_of = jax.jit(
        jax.grad(lambda x: (weights * linalg.squared_distances(x)).sum())
    )
    want = naive_losses.numerical_gradient(
        lambda x: (weights * distance.cdist(x, x, "sqeuclidean")).sum(), x
    )
    np.testing.assert_allclose(gradient_of(x), want, rtol=1e-4, atol=1e-4)
    equal = np.repeat(x[:1], 4, axis=0)
    np.testing.assert_array_equal(gradient_of(equal), np.zeros_like(x))
