"""Why re-ranking gave some pairs of test images their similarity."""

import numpy as np

from ceil_jax.evaluation.results import RerankParams
from ceil_jax.evaluation.scoring import Embeddings
from ceil_jax.neighbours.search import Search
from ceil_jax.rerank.why import Reasons, why


def explain(
    query: Embeddings,
    gallery: Embeddings,
    pairs: np.ndarray,
    params: RerankParams,
    *,
    search: Search = "exact",
    top: int = 12,
) -> Reasons:
    """Shares of the similarities that GCR gives to pairs of one query set and gallery.

    Args:
        query: The queries.
        gallery: The gallery.
        pairs: (P, 2) numbers of a query and of a gallery image.
        params: Of the re-ranking.
        search: How neighbours are found.
        top: Images of each pair to name.

    Returns:
        The shares, see `ceil_jax.rerank.why`.

    Raises:
        ValueError: As `why`.
    """
    return why(
        query.features,
        gallery.features,
        query.cameras,
        gallery.cameras,
        pairs=pairs,
        top=top,
        k1=params.k1,
        k2=params.k2,
        camera_weight=params.camera_weight,
        search=search,
        normalise=False,
    )
