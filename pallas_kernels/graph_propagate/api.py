"""Public form of the propagation."""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from pallas_kernels import implementation as implementation_lib
from pallas_kernels.csr_product import csr_product, transposed
from pallas_kernels.graph_propagate import pallas_triton, reference


def propagate(
    adjacency: Float[Array, "n m"],
    rank: Int[Array, "r k"],
    weights: Float[Array, "r k"],
    *,
    implementation: implementation_lib.Implementation | None = None,
) -> Float[Array, "r m"]:
    """Replace every row of an adjacency by the weighted sum of its neighbours' rows.

    `out[i, :] = sum_j weights[i, j] * adjacency[rank[i, j], :]`, summed in float32.

    Args:
        adjacency: Rows of the graph; any number of columns, in float32, bfloat16 or
            float16.
        rank: Neighbours of each row, each in [0, n).
        weights: Weight of each neighbour; GCR's are squared similarities.
        implementation: "xla", "triton", or None for the platform's default. A named
            implementation either runs or raises: it never falls back. On the CPU
            "triton" is interpreted, which is slow.

    Returns:
        The propagated rows, float32: one for each row of `rank`. They have gradients
        for `adjacency` and `weights`.

    Raises:
        ValueError: The shapes of `rank` and `weights` differ.
        NotImplementedError: The platform cannot run the implementation.

    References:
        Zhang et al., "Understanding Image Retrieval Re-Ranking: A Graph Neural
        Network Perspective", 2020; CEIL `code/extension/propagation`, a CUDA kernel
        that needs a square adjacency and 32-bit indices.
    """
    if rank.shape != weights.shape:
        raise ValueError(f"{rank.shape=} must equal {weights.shape=}")
    name = implementation_lib.resolve(implementation, "graph_propagate")
    return _propagate(name, jnp.float32, adjacency, rank, weights)


def symmetrise(
    adjacency: Float[Array, "n n"],
    *,
    implementation: implementation_lib.Implementation | None = None,
) -> tuple[Float[Array, "n n"], Float[Array, " n"]]:
    """Add the transpose, and find the L1 norms of the rows while they pass by.

    Args:
        adjacency: A graph.
        implementation: As for `propagate`.

    Returns:
        `A + A^T` in the type of `adjacency`, and `sum_j |A + A^T|_ij` in float32, of
        the sums before they are rounded to that type.

    Raises:
        ValueError: `adjacency` is not square.
        NotImplementedError: The platform cannot run the implementation.

    References:
        CEIL `code/extension/adjacency_matrix` and `code/tools/rerank/gnn_reranking.py`,
        where each is a pass of its own over a half-precision matrix.
    """
    if adjacency.shape[0] != adjacency.shape[1]:
        raise ValueError(f"{adjacency.shape=} must be square")
    name = implementation_lib.resolve(implementation, "graph_propagate")
    return _symmetrise(name, adjacency)


def gcr_round(
    adjacency: Float[Array, "n n"],
    rank: Int[Array, "n k"],
    weights: Float[Array, "n k"],
    *,
    implementation: implementation_lib.Implementation | None = None,
) -> Float[Array, "n n"]:
    """One round of GCR: symmetrise, divide the rows by their L1 norms, propagate.

    With `S = A + A^T`, `out[i, :] = sum_j weights[i, j] S[rank[i, j], :] / |S[rank[i,
    j], :]|`. The division goes into the weights, and the norms come with S: two reads
    and two writes of the matrix in all. Rows of zeros stay.

    Args:
        adjacency: The graph; float32, or half of it with bfloat16 or float16.
        rank: Neighbours of each row, each in [0, n).
        weights: Weight of each neighbour.
        implementation: As for `propagate`.

    Returns:
        The graph after the round, in the type of `adjacency`.

    Raises:
        ValueError: A shape is wrong.
        NotImplementedError: The platform cannot run the implementation.

    References:
        Xia et al., TCSVT 2025, "GCR"; CEIL `code/tools/rerank/gnn_reranking.py`.
    """
    if rank.shape != weights.shape:
        raise ValueError(f"{rank.shape=} must equal {weights.shape=}")
    symmetric, norms = symmetrise(adjacency, implementation=implementation)
    scale = jnp.where(norms > 0, 1 / jnp.where(norms > 0, norms, 1), 0)
    weights = weights.astype(jnp.float32) * scale[rank]
    name = implementation_lib.resolve(implementation, "graph_propagate")
    return _propagate(name, adjacency.dtype, symmetric, rank, weights)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _propagate(name, dtype, adjacency, rank, weights):
    if name == "triton":
        interpret = implementation_lib.interprets()
        return pallas_triton.propagate(
            adjacency, rank, weights, dtype=dtype, interpret=interpret
        )
    return reference.propagate(adjacency, rank, weights).astype(dtype)


def _propagate_forward(name, dtype, *arguments):
    return _propagate(name, dtype, *arguments), arguments


def _propagate_backward(name, dtype, residuals, gradient):
    del dtype
    adjacency, rank, weights = residuals
    num_rows, k = rank.shape
    indptr = jnp.arange(num_rows + 1, dtype=jnp.int32) * k
    # The transpose as sparse rows: no two programs add to one place.
    turned = transposed(
        indptr, rank.reshape(-1), weights.reshape(-1), num_columns=len(adjacency)
    )
    of_adjacency = csr_product(*turned, gradient, implementation=name)

    def of_place(place):
        rows = adjacency[rank[:, place]].astype(jnp.float32)
        return (rows * gradient.astype(jnp.float32)).sum(axis=1)

    of_weights = lax.map(of_place, jnp.arange(k)).T
    return (
        of_adjacency.astype(adjacency.dtype),
        None,
        of_weights.astype(weights.dtype),
    )


_propagate.defvjp(_propagate_forward, _propagate_backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _symmetrise(name, adjacency):
    if name == "triton":
        interpret = implementation_lib.interprets()
        return pallas_triton.symmetrise(adjacency, interpret=interpret)
    return reference.symmetrise(adjacency)


def _symmetrise_forward(name, adjacency):
    both: tuple[jax.Array, jax.Array] = _symmetrise(name, adjacency)
    return both, both[0]


def _symmetrise_backward(name, symmetric, gradients):
    del name
    of_symmetric, of_norms = gradients
    total = of_symmetric.astype(jnp.float32)
    total += of_norms[:, None] * jnp.sign(symmetric.astype(jnp.float32))
    return ((total + total.T).astype(symmetric.dtype),)


_symmetrise.defvjp(_symmetrise_forward, _symmetrise_backward)
