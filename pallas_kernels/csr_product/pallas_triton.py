"""Triton form of the sparse product: a program for each row and block of columns."""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jaxtyping import Array, Float, Int

BLOCK_COLUMNS = 256
"""Columns of a program at most: 1 KiB of a float32 row, eight full memory accesses."""
LEAST_COLUMNS = 16
"""Columns of a program at least; what is beyond the array is masked."""
BLOCK_ELEMENTS = 1024
"""Entries times columns that are read at once: 8 numbers in each of 128 threads. All
are on their way together, which hides the time that a read of memory takes; more would
idle in rows that are shorter than that many entries."""
NUM_WARPS = 4


def _kernel(
    indptr_ref,  # (n + 1,)
    indices_ref,  # (entries,)
    data_ref,  # (entries,)
    dense_ref,  # (m, b)
    out_ref,  # (n, b), out
    *,
    block_columns: int,
    block_entries: int,
):
    num_columns = dense_ref.shape[1]
    row = pl.program_id(0)
    first_column = pl.program_id(1) * block_columns
    column = first_column + jnp.arange(block_columns, dtype=jnp.int32)
    inside = column < num_columns
    start = plgpu.load(indptr_ref.at[row])
    stop = plgpu.load(indptr_ref.at[row + 1])
    shape = (block_entries, block_columns)

    def add(step, total):
        first = start + step * block_entries
        some = pl.ds(first, block_entries)
        is_entry = first + jnp.arange(block_entries, dtype=jnp.int32) < stop
        taken = plgpu.load(indices_ref.at[some], mask=is_entry, other=0)
        scale = plgpu.load(data_ref.at[some], mask=is_entry, other=0)
        where = (
            jnp.broadcast_to(taken[:, None], shape),
            jnp.broadcast_to(column[None, :], shape),
        )
        mask = is_entry[:, None] & inside[None, :]
        rows = plgpu.load(dense_ref.at[where], mask=mask, other=0)
        # Entries stay apart until the row's end: adding them up crosses threads.
        return total + scale.astype(jnp.float32)[:, None] * rows.astype(jnp.float32)

    steps = (stop - start + block_entries - 1) // block_entries
    total = lax.fori_loop(0, steps, add, jnp.zeros(shape, jnp.float32))
    plgpu.store(
        out_ref.at[row, pl.ds(first_column, block_columns)],
        total.sum(axis=0),
        mask=inside,
    )


@functools.partial(jax.jit, static_argnames=("interpret",))
def csr_product(
    indptr: Int[Array, " n_plus_1"],
    indices: Int[Array, " entries"],
    data: Float[Array, " entries"],
    dense: Float[Array, "m b"],
    *,
    interpret: bool,
) -> Float[Array, "n b"]:
    """See `pallas_kernels.csr_product.csr_product`."""
    num_rows, num_columns = len(indptr) - 1, dense.shape[1]
    block_columns = min(
        max(pl.next_power_of_2(num_columns), LEAST_COLUMNS), BLOCK_COLUMNS
    )
    whole = pl.BlockSpec(memory_space=pl.ANY)
    # Rows come first in the grid and so run side by side: the columns of `dense` that
    # they share stay in the level-two cache.
    return pl.pallas_call(
        functools.partial(
            _kernel,
            block_columns=block_columns,
            block_entries=max(1, BLOCK_ELEMENTS // block_columns),
        ),
        grid=(num_rows, pl.cdiv(num_columns, block_columns)),
        in_specs=[whole] * 4,
        out_specs=whole,
        out_shape=jax.ShapeDtypeStruct((num_rows, num_columns), jnp.float32),
        compiler_params=plgpu.CompilerParams(num_warps=NUM_WARPS, num_stages=1),
        interpret=interpret,
        name="csr_product",
    )(indptr, indices, data, dense)
