"""Re-rankers made of what changes features: the inner products of the new ones."""

import numpy as np

from ceil_jax.common import checks, features
from ceil_jax.common.features import Normalise
from ceil_jax.rerank.cameras import takes_none
from ceil_jax.rerank.nfc import nfc
from ceil_jax.rerank.propagate import propagate


@takes_none
def nfc_similarity(
    query: checks.Rows,
    gallery: checks.Rows,
    *,
    k1: int = 2,
    k2: int = 2,
    normalise: Normalise = None,
) -> np.ndarray:
    """Inner products of query and gallery after `nfc` of both together.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        k1: See `nfc`.
        k2: See `nfc`.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        (Q, G) float32, higher is better.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        As for `nfc`.
    """
    rows, num_queries, _ = features.pair(query, gallery, normalise=normalise)
    found = nfc(rows, k1=k1, k2=k2, normalise=False)
    return found[:num_queries] @ found[num_queries:].T


def propagate_similarity(
    query: checks.Rows,
    gallery: checks.Rows,
    query_cameras: checks.Rows | None = None,
    gallery_cameras: checks.Rows | None = None,
    *,
    k1: int = 15,
    k2: int = 3,
    beta: float = 0.2,
    scale: float = 0.3,
    num_rounds: int = 3,
    normalise: Normalise = None,
) -> np.ndarray:
    """Inner products of query and gallery after `propagate` of both together.

    Args:
        query: (Q, d) unit rows.
        gallery: (G, d) unit rows.
        query_cameras: (Q,) whole numbers or text. None for both sides: no graph of
            other cameras.
        gallery_cameras: (G,) likewise.
        k1: See `propagate`.
        k2: See `propagate`.
        beta: See `propagate`.
        scale: See `propagate`.
        num_rounds: See `propagate`.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        (Q, G) float32, higher is better.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        As for `propagate`.
    """
    rows, num_queries, num_gallery = features.pair(query, gallery, normalise=normalise)
    cameras = checks.camera_pair(
        query_cameras, gallery_cameras, num_queries, num_gallery
    )
    found = propagate(
        rows,
        cameras,
        k1=k1,
        k2=k2,
        beta=beta,
        scale=scale,
        num_rounds=num_rounds,
        normalise=False,
    )
    return found[:num_queries] @ found[num_queries:].T
