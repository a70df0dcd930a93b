"""Plain `jax.numpy` form of the sparse product: the definition of the op."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def row_of_entries(
    indptr: Int[Array, " n_plus_1"], num_entries: int
) -> Int[Array, " entries"]:
    """Row of each entry; n for those after the last row's end.

    Args:
        indptr: Where each row starts, and where the last one ends.
        num_entries: Number of entries.

    Returns:
        Row numbers, not falling.
    """
    entry = jnp.arange(num_entries, dtype=indptr.dtype)
    return jnp.searchsorted(indptr, entry, side="right").astype(jnp.int32) - 1


@jax.jit
def csr_product(
    indptr: Int[Array, " n_plus_1"],
    indices: Int[Array, " entries"],
    data: Float[Array, " entries"],
    dense: Float[Array, "m b"],
) -> Float[Array, "n b"]:
    """See `pallas_kernels.csr_product.csr_product`."""
    row = row_of_entries(indptr, len(indices))
    products = data.astype(jnp.float32)[:, None] * dense[indices].astype(jnp.float32)
    # Row n, of entries that belong to none, is left out.
    return jax.ops.segment_sum(
        products, row, num_segments=len(indptr) - 1, indices_are_sorted=True
    )
