"""Public form of the neighbour search."""

from jaxtyping import Array, Float, Int

from pallas_kernels import implementation as implementation_lib
from pallas_kernels.neighbours import reference

DEFAULTS: dict[str, str] = {}


def nearest(
    features: Float[Array, "n d"],
    *,
    k: int,
    block_rows: int = 512,
    implementation: implementation_lib.Implementation | None = None,
) -> tuple[Int[Array, "n k"], Float[Array, "n k"]]:
    """The k nearest rows of every row by inner product, the row itself first.

    For row i: i itself, then those k - 1 other rows j with the largest `x_i . x_j`,
    best first, in float32. The (n, n) products are made `block_rows` rows at a time.

    Args:
        features: Rows, L2-normalised where cosine similarity is meant.
        k: Number of neighbours, the row itself among them; in [1, n].
        block_rows: Rows whose products are held at once; cut to n.
        implementation: "xla", or None for the platform's default. A named
            implementation either runs or raises: it never falls back.

    Returns:
        The neighbours' row numbers, and their inner products with the row.

    Raises:
        ValueError: `k` or `block_rows` is out of range, or `implementation` unknown.

    References:
        Zhang et al., "Understanding Image Retrieval Re-Ranking: A Graph Neural
        Network Perspective", 2020. CEIL `code/tools/rerank/gnn_reranking.py` makes the
        whole (n, n) product; here no more than `block_rows` rows of it exist.
    """
    num_rows = features.shape[0]
    if not 1 <= k <= num_rows:
        raise ValueError(f"{k=} must be in [1, {num_rows}], the number of rows")
    if block_rows < 1:
        raise ValueError(f"{block_rows=} must be at least 1")
    match implementation_lib.resolve(implementation, DEFAULTS):
        case "xla":
            return reference.nearest(
                features, k=k, block_rows=min(block_rows, num_rows)
            )
        case other:
            raise ValueError(f"unknown implementation {other!r}")
