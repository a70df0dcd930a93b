"""Rows as vectors: lengths, products and distances."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def normalise(x: Float[Array, "*b d"]) -> Float[Array, "*b d"]:
    """Rows of length 1 (rows shorter than 1e-12 are divided by 1e-12).

    Args:
        x: Rows.

    Returns:
        The rows divided by their Euclidean lengths.
    """
    # The maximum is taken of the squares: the gradient of a root is infinite at 0.
    square = jnp.maximum((x * x).sum(-1, keepdims=True), 1e-24)
    return x / jnp.sqrt(square)


def product(a: Float[Array, "n d"], b: Float[Array, "d m"]) -> Float[Array, "n m"]:
    """Matrix product in the arrays' own precision on every platform.

    A GPU's default would round the factors to ten bits. Its gradient is as precise.

    Args:
        a: Left factor.
        b: Right factor.

    Returns:
        Inner products of the rows of `a` and the columns of `b`.
    """
    return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)


@jax.jit
def inner(a: Float[Array, "n d"], b: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """Inner products of the rows of two arrays, as precise as `product`.

    Args:
        a: Rows.
        b: Other rows.

    Returns:
        The product of each row of `a` with each of `b`.
    """
    return product(a, b.T)


def squared_distances(x: Float[Array, "n d"]) -> Float[Array, "n n"]:
    """Squared Euclidean distances of all pairs of rows.

    By inner products of rows relative to the first: no n x n x d array, and the
    digits that |x|^2 + |y|^2 - 2 x.y would lose to a common offset are kept.

    Args:
        x: Rows.

    Returns:
        Distances, not negative, 0 on the diagonal.
    """
    # Relative to a row, not to the mean: equal rows then give zeros, not rounding.
    x = x - lax.stop_gradient(x[:1])
    gram = product(x, x.T)
    square = (x * x).sum(1)
    distances = jnp.maximum(square[:, None] + square[None, :] - 2 * gram, 0)
    return jnp.where(jnp.eye(x.shape[0], dtype=bool), 0, distances)
