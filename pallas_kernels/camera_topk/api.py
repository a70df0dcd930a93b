"""Public form of the camera-aware search."""

from typing import Literal, NamedTuple, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from pallas_kernels import implementation as implementation_lib
from pallas_kernels.camera_topk import gradient, pallas_triton, reference

Rule: TypeAlias = Literal["all", "different", "same"]


class CameraTopK(NamedTuple):
    """Lists of the most similar columns, best first; of equal ones the lower first.

    Attributes:
        indices: (n, k) int32 column numbers, -1 where fewer than k columns count.
        similarities: (n, k) float32 inner products, minus infinity there.
        weights: (n, k) float32 weights of the links in GCR's first graph, 0 there.
    """

    indices: jax.Array
    similarities: jax.Array
    weights: jax.Array


def camera_topk(
    rows: Float[Array, "n d"],
    columns: Float[Array, "m d"],
    *,
    k: int,
    rule: Rule = "all",
    row_codes: Int[Array, " n"] | None = None,
    column_codes: Int[Array, " m"] | None = None,
    row_offset: int | None = None,
    row_cameras: Int[Array, " n"] | None = None,
    column_cameras: Int[Array, " m"] | None = None,
    camera_weight: float | None = None,
    block_rows: int = 512,
    implementation: implementation_lib.Implementation | None = None,
) -> CameraTopK:
    """The k columns with the largest inner products with each row, of those that count.

    For row i the k largest of `x_i . y_j` over the columns j that `rule` lets in, in
    float32 whatever the precision of the arrays. No (n, m) array is ever held. Codes
    say what the rule looks at:

    * other cameras only: "different", codes are cameras;
    * the same camera only: "same", codes are cameras;
    * the exclusion of the LLCM and Market-1501 protocols: "different", codes are
      numbers of the pair (identity, camera);
    * SYSU-MM01's, where queries of camera 3 skip the gallery of camera 2:
      "different", columns' codes are cameras, a row's is 2 for camera 3 and -1 for
      the others.

    Args:
        rows: Rows, L2-normalised where cosine similarity is meant.
        columns: Rows to search, of the type of `rows`.
        k: Length of the lists, in [1, m].
        rule: "all" pairs, pairs of "different" codes (a negative code of a row differs
            from all), or pairs of the "same" code.
        row_codes: What the rule compares, for each row.
        column_codes: The same for each column.
        row_offset: Place of row 0 among the columns: row i is column `row_offset + i`
            and comes first on its list, if the rule lets it in, whatever rounding
            says. None: the rows are not among the columns.
        row_cameras: Cameras of the rows, for the weights. None: all weights are 1.
        column_cameras: Cameras of the columns.
        camera_weight: Weight of a link within a camera; `1 / camera_weight` across.
        block_rows: Rows whose products "xla" holds at once; cut to n.
        implementation: "xla", "triton", or None for the platform's default. A named
            implementation either runs or raises: it never falls back. On the CPU
            "triton" is interpreted, which is slow.

    Returns:
        The lists. Gradients of `similarities` reach `rows` and `columns` through the
        pairs that were found.

    Raises:
        ValueError: An argument is out of range, or one that it needs is missing.
        NotImplementedError: The platform cannot run the implementation.

    References:
        Xia et al., TCSVT 2025, "GCR", for the weights. CEIL
        `code/tools/rerank/gnn_reranking.py` makes the whole (n, n) product.
    """
    _check(rows, columns, k, block_rows, row_offset)
    codes = _codes(rows, columns, rule, row_codes, column_codes)
    _check_cameras(row_cameras, column_cameras, camera_weight)
    # Found without a gradient; `similarities_of` adds it for the pairs found.
    inputs = (*map(lax.stop_gradient, (rows, columns)), *codes)
    options = {"k": k, "rule": rule, "row_offset": row_offset}
    if implementation_lib.resolve(implementation, "camera_topk") == "triton":
        interpret = implementation_lib.interprets()
        found = pallas_triton.camera_topk(*inputs, **options, interpret=interpret)
    else:
        block_rows = min(block_rows, len(rows))
        found = reference.camera_topk(*inputs, **options, block_rows=block_rows)
    indices, values = found
    values = _with_own(inputs[0], inputs[1], values, row_offset)
    similarities = gradient.similarities_of(rows, columns, indices, values)
    weights = _weights(indices, row_cameras, column_cameras, camera_weight)
    return CameraTopK(indices, similarities, weights)


def _weights(indices, row_cameras, column_cameras, camera_weight):
    weights = (indices >= 0).astype(jnp.float32)
    if row_cameras is None:
        return weights
    same = column_cameras[jnp.maximum(indices, 0)] == row_cameras[:, None]
    within = jnp.asarray(camera_weight, jnp.float32)
    return weights * jnp.where(same, within, 1 / within)


def _with_own(rows, columns, values, row_offset):
    """Products in the place of infinity, which stands for the row itself."""
    if row_offset is None:
        return values
    mine = lax.slice_in_dim(columns, row_offset, row_offset + len(rows))
    own = (rows.astype(jnp.float32) * mine.astype(jnp.float32)).sum(axis=1)
    return jnp.where(values == jnp.inf, own[:, None], values)


def _check(rows, columns, k, block_rows, row_offset):
    num_rows, num_columns = len(rows), len(columns)
    if rows.shape[1] != columns.shape[1] or rows.dtype != columns.dtype:
        raise ValueError(
            f"columns {columns.shape}, {columns.dtype} must be of the width and type "
            f"of rows, {rows.shape}, {rows.dtype}"
        )
    if not num_rows:
        raise ValueError(f"{rows.shape=} must hold at least one row")
    if not 1 <= k <= num_columns:
        raise ValueError(f"{k=} must be in [1, {num_columns}], the number of columns")
    if block_rows < 1:
        raise ValueError(f"{block_rows=} must be at least 1")
    if row_offset is not None and not 0 <= row_offset <= num_columns - num_rows:
        raise ValueError(
            f"{row_offset=} must be in [0, {num_columns - num_rows}] for "
            f"{num_rows} rows among {num_columns} columns"
        )


def _codes(rows, columns, rule, row_codes, column_codes):
    """Codes as int32; zeros where nothing looks at them."""
    if rule not in get_args(Rule):
        raise ValueError(f"{rule=} must be one of {', '.join(get_args(Rule))}")
    given = row_codes is not None, column_codes is not None
    if given != (rule != "all",) * 2:
        raise ValueError(
            f"row_codes and column_codes must both be given for {rule=}"
            if rule != "all"
            else "row_codes and column_codes must be None for rule='all'"
        )
    if rule == "all":
        return [jnp.zeros(len(x), jnp.int32) for x in (rows, columns)]
    return [jnp.asarray(codes, jnp.int32) for codes in (row_codes, column_codes)]


def _check_cameras(row_cameras, column_cameras, camera_weight):
    given = [x is not None for x in (row_cameras, column_cameras, camera_weight)]
    if len(set(given)) != 1:
        raise ValueError(
            "row_cameras, column_cameras and camera_weight go together: give all three "
            "or none"
        )
    if isinstance(camera_weight, float | int) and not camera_weight > 0:
        raise ValueError(f"{camera_weight=} must be more than 0")
