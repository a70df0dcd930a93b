"""Triton form of the camera-aware search: similarities never leave the registers."""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jaxtyping import Array, Float, Int

BLOCK_ROWS = 64
"""Rows of a tile. A tile of 64 x 128 float32 is 32 registers in each of 256 threads,
and so is its half-made product; the operands and the two lists take the rest. Compiled
for an H100 that is 252 registers and none spilled; 128 threads spill 0.9 KB each, and
128 x 128 with 256 threads does too."""
BLOCK_COLUMNS = 128
"""Columns of a tile: each value read is used 64 or 128 times, so that level two has to
give (64 + 128) * 4 bytes for 2 * 64 * 128 operations, 2.3 TB/s at 50 TFLOP/s."""
BLOCK_FEATURES = 32
"""Features read at once: 128 bytes of a float32 row, the width of a memory access;
(64 + 128) * 32 * 4 bytes = 24 KiB of shared memory in each stage."""
NUM_WARPS = 8
NUM_STAGES = 3
PROGRAMS = 264
"""Programs wanted: two for each of an H100's 132 cores. Where there are fewer blocks of
rows, as with few queries of a large gallery, the columns are divided as well."""


def _keep_best(tile, column, values, columns):
    """Put those of a tile that are better than a list's worst in their places.

    `values` and `columns` hold the best so far, in no order. As long as some row's best
    is better than the worst of its list it takes that place. Nearly all of it happens
    in the first tiles: of n columns in a random order about `k log(n / k)` get in.
    """

    def state(tile, values):
        return tile.max(axis=1), values.min(axis=1)

    def body(carry):
        tile, values, columns, best, worst = carry
        # Of equal ones the lower column comes in, and the higher one goes.
        none = jnp.int32(jnp.iinfo(jnp.int32).max)
        first = jnp.where(tile == best[:, None], column, none).min(axis=1)
        is_worst = values == worst[:, None]
        last = jnp.where(is_worst, columns, -1).max(axis=1)
        place = is_worst & (columns == last[:, None]) & (best > worst)[:, None]
        values = jnp.where(place, best[:, None], values)
        columns = jnp.where(place, first[:, None], columns)
        tile = jnp.where(column == first[:, None], -jnp.inf, tile)
        return tile, values, columns, *state(tile, values)

    def some_row_has_a_better_one(carry):
        *_, best, worst = carry
        return jnp.max((best > worst).astype(jnp.int32)) > 0

    carry = (tile, values, columns, *state(tile, values))
    _, values, columns, _, _ = lax.while_loop(some_row_has_a_better_one, body, carry)
    return values, columns


def _kernel(
    rows_ref,  # (n, d)
    columns_ref,  # (m, d)
    row_codes_ref,  # (n,)
    column_codes_ref,  # (m,)
    values_ref,  # (n, splits * width), out
    indices_ref,  # (n, splits * width), out
    *,
    k: int,
    width: int,
    tiles: int,
    rule: str,
    row_offset: int | None,
):
    num_rows, num_features = rows_ref.shape
    num_columns = columns_ref.shape[0]
    split = pl.program_id(1)
    first_row = pl.program_id(0) * BLOCK_ROWS
    own = pl.ds(first_row, BLOCK_ROWS)
    row = first_row + jnp.arange(BLOCK_ROWS, dtype=jnp.int32)
    in_rows = row < num_rows

    def product(start, in_columns):
        def add(step, total):
            part = pl.ds(step * BLOCK_FEATURES, BLOCK_FEATURES)
            feature = step * BLOCK_FEATURES + jnp.arange(BLOCK_FEATURES)
            inside = (feature < num_features)[None, :]
            x = plgpu.load(
                rows_ref.at[own, part], mask=in_rows[:, None] & inside, other=0
            )
            y = plgpu.load(
                columns_ref.at[pl.ds(start, BLOCK_COLUMNS), part],
                mask=in_columns[:, None] & inside,
                other=0,
            )
            # HIGHEST: a tensor core would round float32 to ten bits.
            return total + lax.dot_general(
                x,
                y,
                (((1,), (1,)), ((), ())),
                precision=lax.Precision.HIGHEST,
                preferred_element_type=jnp.float32,
            )

        total = jnp.zeros((BLOCK_ROWS, BLOCK_COLUMNS), jnp.float32)
        return lax.fori_loop(0, pl.cdiv(num_features, BLOCK_FEATURES), add, total)

    def one_tile(step, carry):
        start = (split * tiles + step) * BLOCK_COLUMNS
        column = start + jnp.arange(BLOCK_COLUMNS, dtype=jnp.int32)
        in_columns = column < num_columns
        tile = product(start, in_columns)
        allowed = in_columns[None, :]
        if rule != "all":
            mine = plgpu.load(row_codes_ref.at[own], mask=in_rows, other=0)[:, None]
            code = plgpu.load(
                column_codes_ref.at[pl.ds(start, BLOCK_COLUMNS)],
                mask=in_columns,
                other=0,
            )
            equal = mine == code[None, :]
            different = ~(equal & (mine >= 0))
            allowed = allowed & (equal if rule == "same" else different)
        if row_offset is not None:
            itself = (row + row_offset)[:, None] == column[None, :]
            tile = jnp.where(itself, jnp.inf, tile)
        tile = jnp.where(allowed & in_rows[:, None], tile, -jnp.inf)
        return _keep_best(tile, jnp.broadcast_to(column[None, :], tile.shape), *carry)

    # Places from k on hold infinity and so are never the worst. Empty ones hold minus
    # infinity under numbers that no column has, each its own.
    place = lax.broadcasted_iota(jnp.int32, (BLOCK_ROWS, width), 1)
    values = jnp.where(place < k, -jnp.inf, jnp.inf).astype(jnp.float32)
    values, columns = lax.fori_loop(0, tiles, one_tile, (values, num_columns + place))
    where = (own, pl.ds(split * width, width))
    mask = jnp.broadcast_to(in_rows[:, None], values.shape)
    plgpu.store(values_ref.at[where], values, mask=mask)
    plgpu.store(indices_ref.at[where], columns, mask=mask)


@functools.partial(
    jax.jit, static_argnames=("k", "rule", "row_offset", "interpret", "programs")
)
def camera_topk(
    rows: Float[Array, "n d"],
    columns: Float[Array, "m d"],
    row_codes: Int[Array, " n"],
    column_codes: Int[Array, " m"],
    *,
    k: int,
    rule: str,
    row_offset: int | None,
    interpret: bool,
    programs: int = PROGRAMS,
) -> tuple[Int[Array, "n k"], Float[Array, "n k"]]:
    """See `reference.camera_topk`.

    Args:
        rows: Rows to find neighbours of.
        columns: Rows to find them among.
        row_codes: Codes of the rows; not looked at by the rule "all".
        column_codes: Codes of the columns.
        k: Neighbours wanted.
        rule: Which pairs count.
        row_offset: Place of row 0 among the columns, or None.
        interpret: Whether to interpret the kernel.
        programs: Programs wanted at least, by dividing the columns.

    Returns:
        Indices, -1 where there are too few, and values: infinity for the row itself.
    """
    num_rows, num_columns = len(rows), len(columns)
    row_blocks = pl.cdiv(num_rows, BLOCK_ROWS)
    column_blocks = pl.cdiv(num_columns, BLOCK_COLUMNS)
    splits = min(column_blocks, pl.cdiv(programs, row_blocks))
    tiles = pl.cdiv(column_blocks, splits)
    splits = pl.cdiv(column_blocks, tiles)
    width = pl.next_power_of_2(k)
    shape = (num_rows, splits * width)
    whole = pl.BlockSpec(memory_space=pl.ANY)
    values, indices = pl.pallas_call(
        functools.partial(
            _kernel, k=k, width=width, tiles=tiles, rule=rule, row_offset=row_offset
        ),
        grid=(row_blocks, splits),
        in_specs=[whole] * 4,
        out_specs=[whole] * 2,
        out_shape=[
            jax.ShapeDtypeStruct(shape, jnp.float32),
            jax.ShapeDtypeStruct(shape, jnp.int32),
        ],
        compiler_params=plgpu.CompilerParams(
            num_warps=NUM_WARPS, num_stages=NUM_STAGES
        ),
        interpret=interpret,
        name="camera_topk",
    )(rows, columns, row_codes, column_codes)
    # The lists of a row's parts, each of k, in one: few numbers, and XLA sorts them.
    values = values.reshape(num_rows, splits, width)[:, :, :k].reshape(num_rows, -1)
    indices = indices.reshape(num_rows, splits, width)[:, :, :k].reshape(num_rows, -1)
    order, indices = lax.sort((-values, indices), dimension=1, num_keys=2)
    indices = jnp.where(indices < num_columns, indices, -1)
    return indices[:, :k], -order[:, :k]
