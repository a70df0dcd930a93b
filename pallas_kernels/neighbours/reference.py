"""Plain `jax.numpy` form of the neighbour search: the definition of the op."""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int


@functools.partial(jax.jit, static_argnames=("k", "block_rows"))
def nearest(
    features: Float[Array, "n d"], *, k: int, block_rows: int
) -> tuple[Int[Array, "n k"], Float[Array, "n k"]]:
    """See `pallas_kernels.neighbours.nearest`."""
    num_rows = features.shape[0]
    features = features.astype(jnp.float32)

    def block(start):
        # The last block is moved back to stay inside: its first rows come twice.
        own = start + jnp.arange(block_rows)  # (b,)
        queries = lax.dynamic_slice_in_dim(features, start, block_rows)
        # A GPU's default would round the factors to ten bits: other neighbours.
        products = jnp.dot(queries, features.T, precision=lax.Precision.HIGHEST)
        itself = own[:, None] == jnp.arange(num_rows)[None, :]
        # An equal row, or rounding, must not come before the row itself.
        _, indices = lax.top_k(jnp.where(itself, jnp.inf, products), k)
        return own, indices, jnp.take_along_axis(products, indices, axis=1)

    starts = jnp.arange(0, num_rows, block_rows)
    starts = jnp.minimum(starts, num_rows - block_rows)
    own, indices, similarities = lax.map(block, starts)
    own = own.reshape(-1)
    empty = jnp.zeros((num_rows, k))
    return (
        empty.astype(jnp.int32).at[own].set(indices.reshape(-1, k)),
        empty.astype(jnp.float32).at[own].set(similarities.reshape(-1, k)),
    )
