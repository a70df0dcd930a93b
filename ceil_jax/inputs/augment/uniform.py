"""Whole numbers from uniform draws.

One call of the generator per augmentation, shared out, compiles several times faster
than a key for every number.
"""

import jax
import jax.numpy as jnp


def whole(uniform: jax.Array, count: jax.Array | int) -> jax.Array:
    """Turn a draw from [0, 1) into one of 0, 1 .. count - 1.

    Args:
        uniform: Float32 draw in [0, 1).
        count: How many numbers there are, at most 2**20.

    Returns:
        The number, int32.
    """
    number = jnp.floor(uniform * count).astype(jnp.int32)
    return jnp.minimum(number, count - 1)
