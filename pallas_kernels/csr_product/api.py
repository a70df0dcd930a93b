"""Public form of the sparse product."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from pallas_kernels import implementation as implementation_lib
from pallas_kernels.csr_product import pallas_triton, reference


def csr_product(
    indptr: Int[Array, " n_plus_1"],
    indices: Int[Array, " entries"],
    data: Float[Array, " entries"],
    dense: Float[Array, "m b"],
    *,
    implementation: implementation_lib.Implementation | None = None,
) -> Float[Array, "n b"]:
    """Multiply sparse rows, of any lengths, with a dense array.

    `out[i, :] = sum_e data[e] * dense[indices[e], :]` over the entries e of row i,
    `indptr[i] <= e < indptr[i + 1]`, summed in float32: what SciPy calls a
    `csr_array` times a dense one. "triton" never holds more than that; "xla" holds
    the (entries, b) products.

    Args:
        indptr: Where each row starts, and where the last one ends.
        indices: Column of each entry, in [0, m). Entries after the last row's end
            belong to no row: arrays may be longer, to keep their shapes.
        data: Number of each entry.
        dense: What to multiply with.
        implementation: "xla", "triton", or None for the platform's default. A named
            implementation either runs or raises: it never falls back. On the CPU
            "triton" is interpreted, which is slow.

    Returns:
        The product, float32. It has gradients for `data` and `dense`.

    Raises:
        ValueError: The shapes of `indices` and `data` differ, or `indptr` is empty.
        NotImplementedError: The platform cannot run the implementation.

    References:
        The form is Gustavson's, "Two Fast Algorithms for Sparse Matrices", 1978.
    """
    if indices.shape != data.shape:
        raise ValueError(f"{indices.shape=} must equal {data.shape=}")
    if len(indptr) < 2:
        raise ValueError(f"{indptr.shape=} must hold the start and end of a row")
    name = implementation_lib.resolve(implementation, "csr_product")
    return _product(name, indptr, indices, data, dense)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _product(name, indptr, indices, data, dense):
    if name == "triton":
        interpret = implementation_lib.interprets()
        return pallas_triton.csr_product(
            indptr, indices, data, dense, interpret=interpret
        )
    return reference.csr_product(indptr, indices, data, dense)


def _forward(name, *arguments):
    return _product(name, *arguments), arguments


def _backward(name, residuals, gradient: jax.Array):
    indptr, indices, data, dense = residuals
    row = reference.row_of_entries(indptr, len(indices))
    is_entry = row < len(indptr) - 1
    of_data: jax.Array = (gradient[row] * dense[indices].astype(jnp.float32)).sum(
        axis=1
    )
    of_data = jnp.where(is_entry, of_data, 0).astype(data.dtype)
    turned = transposed(indptr, indices, data, num_columns=len(dense))
    of_dense = csr_product(*turned, gradient, implementation=name)
    return None, None, of_data, of_dense.astype(dense.dtype)


_product.defvjp(_forward, _backward)


def transposed(
    indptr: Int[Array, " n_plus_1"],
    indices: Int[Array, " entries"],
    data: Float[Array, " entries"],
    *,
    num_columns: int,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The transpose of sparse rows, in the same form.

    Args:
        indptr: Where each row starts, and where the last one ends.
        indices: Column of each entry.
        data: Number of each entry.
        num_columns: Number of columns, which become rows.

    Returns:
        `indptr`, `indices` and `data` of the transpose; a row's entries in order.
    """
    row = reference.row_of_entries(indptr, len(indices))
    is_entry = row < len(indptr) - 1
    column = jnp.where(is_entry, indices, num_columns).astype(jnp.int32)
    order = jnp.argsort(column, stable=True)
    starts = jnp.searchsorted(column[order], jnp.arange(num_columns + 1))
    rows = jnp.where(is_entry, row, 0)[order]
    return starts.astype(jnp.int32), rows, data[order]
