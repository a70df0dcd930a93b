"""Public form of the propagation."""

from jaxtyping import Array, Float, Int

from pallas_kernels import implementation as implementation_lib
from pallas_kernels.graph_propagate import reference


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
        adjacency: Rows of the graph; any number of columns.
        rank: Neighbours of each row, each in [0, n).
        weights: Weight of each neighbour; GCR's are squared similarities.
        implementation: "xla", or None for the platform's default. A named
            implementation either runs or raises: it never falls back.

    Returns:
        The propagated rows, float32: one for each row of `rank`.

    Raises:
        ValueError: The shapes of `rank` and `weights` differ, or `implementation` is
            unknown.

    References:
        Zhang et al., "Understanding Image Retrieval Re-Ranking: A Graph Neural
        Network Perspective", 2020; CEIL `code/extension/propagation`, a CUDA kernel
        that needs a square adjacency and 32-bit indices.
    """
    if rank.shape != weights.shape:
        raise ValueError(f"{rank.shape=} must equal {weights.shape=}")
    match implementation_lib.resolve(implementation, "graph_propagate"):
        case "xla":
            return reference.propagate(adjacency, rank, weights)
        case other:
            raise ValueError(f"unknown implementation {other!r}")
