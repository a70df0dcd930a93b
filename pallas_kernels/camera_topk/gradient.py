"""Gradient of similarities through the pairs that were found."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int


@jax.custom_vjp
def similarities_of(
    rows: Float[Array, "n d"],
    columns: Float[Array, "m d"],
    indices: Int[Array, "n k"],
    values: Float[Array, "n k"],
) -> Float[Array, "n k"]:
    """Return known products, and let their gradient reach both sides.

    Which pairs are found has no gradient: only `rows[i] . columns[indices[i, j]]` has.

    Args:
        rows: Left factors.
        columns: Right factors.
        indices: Columns that were found, negative for none.
        values: Products with them.

    Returns:
        `values`.
    """
    del rows, columns, indices
    return values


def _forward(rows, columns, indices, values):
    return values, (rows, columns, indices)


def _backward(residuals, gradient):
    rows, columns, indices = residuals
    gradient = jnp.where(indices >= 0, gradient, 0)
    indices = jnp.maximum(indices, 0)

    # One place of the lists at a time: no (n, k, d) array.
    def add(place, totals):
        of_rows, of_columns = totals
        scale = gradient[:, place][:, None]
        column = indices[:, place]
        of_rows += scale * columns[column].astype(jnp.float32)
        return of_rows, of_columns.at[column].add(scale * rows.astype(jnp.float32))

    zeros = [jnp.zeros(x.shape, jnp.float32) for x in (rows, columns)]
    of_rows, of_columns = lax.fori_loop(0, indices.shape[1], add, tuple(zeros))
    nothing = jnp.zeros(gradient.shape, gradient.dtype)
    return of_rows.astype(rows.dtype), of_columns.astype(columns.dtype), None, nothing


similarities_of.defvjp(_forward, _backward)
