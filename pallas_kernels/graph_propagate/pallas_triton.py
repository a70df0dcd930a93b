"""Triton form of the propagation: each of its two passes reads and writes n^2 once.

Offsets into an array of n^2 numbers pass 2^31 at n = 46,341. Pallas' Triton backend
computes offsets in 64 bits for arrays of more than 2^32 bytes, and in 32 bits, by
element, for smaller ones: those of two bytes a number have at most 2^31, the last at
2^31 - 1, and those of four bytes 2^30. Numbers of one byte would overflow and are
refused. Nothing here multiplies two sizes itself: rows and columns are given apart.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jaxtyping import Array, Float, Int

LEVEL_TWO_BYTES = 24 * 2**20
"""What a block of columns may take, all rows together: half of an H100's level-two
cache. Programs go through all rows of one block before the next one's, and each row is
taken about k times: once from memory, then from the cache."""
LEAST_COLUMNS = 64
MOST_COLUMNS = 512
BLOCK_ELEMENTS = 2048
"""Rows times columns of a program: 16 sums in each of 128 threads, and four reads of
16 bytes each on their way for every neighbour."""
UNROLLED = 16
"""Up to so many neighbours the loop over them is written out, so that the reads of the
next ones need not wait for the sums; GCR takes 5 to 10."""
NUM_WARPS = 4
TILE = 64
"""Rows and columns of a tile that is added to the transpose of its mirror image: 256
bytes a row in float32, two full memory accesses; 32 numbers in each of 128 threads, and
16 KiB of shared memory to turn it."""


def block_columns(num_rows: int, itemsize: int) -> int:
    """Columns of a program, so that a block of columns stays in the cache.

    Args:
        num_rows: Rows that are taken from.
        itemsize: Bytes of a number.

    Returns:
        A power of two.
    """
    fit = LEVEL_TWO_BYTES // (num_rows * itemsize)
    power = 2 ** max(fit, 1).bit_length() // 2
    return min(max(power, LEAST_COLUMNS), MOST_COLUMNS)


def _check_itemsize(adjacency):
    if adjacency.dtype.itemsize < 2:
        raise ValueError(f"{adjacency.dtype=} must be of two bytes or more")


def _propagate_kernel(
    adjacency_ref,  # (n, m)
    rank_ref,  # (r, k)
    weights_ref,  # (r, k)
    out_ref,  # (r, m), out
    *,
    shape: tuple[int, int],
):
    num_rows, k = rank_ref.shape
    first_row = pl.program_id(0) * shape[0]
    first_column = pl.program_id(1) * shape[1]
    some = pl.ds(first_row, shape[0])
    in_rows = first_row + jnp.arange(shape[0], dtype=jnp.int32) < num_rows
    column = first_column + jnp.arange(shape[1], dtype=jnp.int32)
    mask = in_rows[:, None] & (column < adjacency_ref.shape[1])[None, :]

    def add(place, total):
        taken = plgpu.load(rank_ref.at[some, place], mask=in_rows, other=0)
        scale = plgpu.load(weights_ref.at[some, place], mask=in_rows, other=0)
        where = (
            jnp.broadcast_to(taken[:, None], shape),
            jnp.broadcast_to(column[None, :], shape),
        )
        rows = plgpu.load(adjacency_ref.at[where], mask=mask, other=0)
        return total + scale.astype(jnp.float32)[:, None] * rows.astype(jnp.float32)

    total = jnp.zeros(shape, jnp.float32)
    if k <= UNROLLED:
        for place in range(k):
            total = add(jnp.int32(place), total)
    else:
        total = lax.fori_loop(0, k, add, total)
    where = (some, pl.ds(first_column, shape[1]))
    plgpu.store(out_ref.at[where], total.astype(out_ref.dtype), mask=mask)


@functools.partial(jax.jit, static_argnames=("dtype", "interpret"))
def propagate(
    adjacency: Float[Array, "n m"],
    rank: Int[Array, "r k"],
    weights: Float[Array, "r k"],
    *,
    dtype: jnp.dtype,
    interpret: bool,
) -> Float[Array, "r m"]:
    """See `pallas_kernels.graph_propagate.propagate`."""
    _check_itemsize(adjacency)
    columns = block_columns(len(adjacency), adjacency.dtype.itemsize)
    shape = (BLOCK_ELEMENTS // columns, columns)
    out = (len(rank), adjacency.shape[1])
    whole = pl.BlockSpec(memory_space=pl.ANY)
    return pl.pallas_call(
        functools.partial(_propagate_kernel, shape=shape),
        grid=(pl.cdiv(out[0], shape[0]), pl.cdiv(out[1], shape[1])),
        in_specs=[whole] * 3,
        out_specs=whole,
        out_shape=jax.ShapeDtypeStruct(out, dtype),
        compiler_params=plgpu.CompilerParams(num_warps=NUM_WARPS, num_stages=1),
        interpret=interpret,
        name="propagate",
    )(adjacency, rank, weights)


def _symmetrise_kernel(
    adjacency_ref,  # (n, n)
    out_ref,  # (n, n), out
    sums_ref,  # (tiles, n), out
):
    num_rows = adjacency_ref.shape[0]
    upper, lower = pl.program_id(0), pl.program_id(1)

    @pl.when(upper <= lower)
    def _():
        rows, columns = pl.ds(upper * TILE, TILE), pl.ds(lower * TILE, TILE)
        in_rows = upper * TILE + jnp.arange(TILE, dtype=jnp.int32) < num_rows
        in_columns = lower * TILE + jnp.arange(TILE, dtype=jnp.int32) < num_rows
        mask = in_rows[:, None] & in_columns[None, :]
        turned = in_columns[:, None] & in_rows[None, :]
        tile = plgpu.load(adjacency_ref.at[rows, columns], mask=mask, other=0)
        mirror = plgpu.load(adjacency_ref.at[columns, rows], mask=turned, other=0)
        total = tile.astype(jnp.float32) + mirror.astype(jnp.float32).T
        stored = total.astype(out_ref.dtype)
        plgpu.store(out_ref.at[rows, columns], stored, mask=mask)
        plgpu.store(out_ref.at[columns, rows], stored.T, mask=turned)
        # Every place is written once: sums are the same every time.
        size = jnp.abs(total)
        plgpu.store(sums_ref.at[lower, rows], size.sum(axis=1), mask=in_rows)

        @pl.when(upper < lower)
        def _():
            plgpu.store(sums_ref.at[upper, columns], size.sum(axis=0), mask=in_columns)


@functools.partial(jax.jit, static_argnames=("interpret",))
def symmetrise(
    adjacency: Float[Array, "n n"], *, interpret: bool
) -> tuple[Float[Array, "n n"], Float[Array, " n"]]:
    """See `pallas_kernels.graph_propagate.symmetrise`."""
    _check_itemsize(adjacency)
    num_rows = len(adjacency)
    tiles = pl.cdiv(num_rows, TILE)
    whole = pl.BlockSpec(memory_space=pl.ANY)
    total, sums = pl.pallas_call(
        _symmetrise_kernel,
        grid=(tiles, tiles),
        in_specs=[whole],
        out_specs=[whole, whole],
        out_shape=[
            jax.ShapeDtypeStruct(adjacency.shape, adjacency.dtype),
            jax.ShapeDtypeStruct((tiles, num_rows), jnp.float32),
        ],
        compiler_params=plgpu.CompilerParams(num_warps=NUM_WARPS, num_stages=1),
        interpret=interpret,
        name="symmetrise",
    )(adjacency)
    return total, sums.sum(axis=0)
