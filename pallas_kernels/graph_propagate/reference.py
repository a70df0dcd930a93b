"""Plain `jax.numpy` form of the propagation: the definition of the ops."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


@jax.jit
def propagate(
    adjacency: Float[Array, "n m"],
    rank: Int[Array, "r k"],
    weights: Float[Array, "r k"],
) -> Float[Array, "r m"]:
    """See `pallas_kernels.graph_propagate.propagate`."""
    total = jnp.zeros((rank.shape[0], adjacency.shape[1]), jnp.float32)
    for j in range(rank.shape[1]):
        rows = adjacency[rank[:, j]].astype(jnp.float32)
        total += weights[:, j, None].astype(jnp.float32) * rows
    return total


@jax.jit
def symmetrise(
    adjacency: Float[Array, "n n"],
) -> tuple[Float[Array, "n n"], Float[Array, " n"]]:
    """See `pallas_kernels.graph_propagate.symmetrise`."""
    total = adjacency.astype(jnp.float32)
    total = total + total.T
    return total.astype(adjacency.dtype), jnp.abs(total).sum(axis=1)
