"""Plain `jax.numpy` form of the camera-aware search: the definition of the op."""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int


@functools.partial(jax.jit, static_argnames=("k", "rule", "row_offset", "block_rows"))
def camera_topk(
    rows: Float[Array, "n d"],
    columns: Float[Array, "m d"],
    row_codes: Int[Array, " n"],
    column_codes: Int[Array, " m"],
    *,
    k: int,
    rule: str,
    row_offset: int | None,
    block_rows: int,
) -> tuple[Int[Array, "n k"], Float[Array, "n k"]]:
    """The k largest products of each row, infinity being that with the row itself.

    Args:
        rows: Rows to find neighbours of.
        columns: Rows to find them among.
        row_codes: Codes of the rows; not looked at by the rule "all".
        column_codes: Codes of the columns.
        k: Neighbours wanted.
        rule: Which pairs count.
        row_offset: Place of row 0 among the columns, or None.
        block_rows: Rows whose products are held at once, at most n.

    Returns:
        Indices, -1 where there are too few, and values.
    """
    num_rows = rows.shape[0]
    columns = columns.astype(jnp.float32)

    def block(start):
        # The last block is moved back to stay inside: its first rows come twice.
        own = start + jnp.arange(block_rows)  # (b,)
        # A GPU's default would round the factors to ten bits: other neighbours.
        products = jnp.dot(
            rows[own].astype(jnp.float32), columns.T, precision=lax.Precision.HIGHEST
        )
        if row_offset is not None:
            # An equal row, or rounding, must not come before the row itself.
            column = jnp.arange(len(columns))
            itself = (own + row_offset)[:, None] == column[None, :]
            products = jnp.where(itself, jnp.inf, products)
        code = row_codes[own][:, None]
        equal = code == column_codes[None, :]
        if rule == "same":
            products = jnp.where(equal, products, -jnp.inf)
        elif rule == "different":
            products = jnp.where(equal & (code >= 0), -jnp.inf, products)
        values, indices = lax.top_k(products, k)
        return own, jnp.where(values > -jnp.inf, indices, -1), values

    starts = jnp.arange(0, num_rows, block_rows)
    starts = jnp.minimum(starts, num_rows - block_rows)
    own, indices, values = lax.map(block, starts)
    own = own.reshape(-1)
    empty = jnp.zeros((num_rows, k), jnp.float32)
    return (
        empty.astype(jnp.int32).at[own].set(indices.reshape(-1, k)),
        empty.at[own].set(values.reshape(-1, k)),
    )
