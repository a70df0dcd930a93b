"""Evaluation as released: one sort of everything, then a loop over queries.

The loop walks through places as lists of Python's, as the field's common code does.
"""

import numpy as np


def _kept(
    protocol: str,
    identities: np.ndarray,
    cameras: np.ndarray,
    identity: int,
    camera: int,
) -> np.ndarray:
    """Which places of a query's list the protocol leaves."""
    if protocol == "sysu_mm01":
        return ~((camera == 3) & (cameras == 2))
    if protocol == "regdb":
        return np.ones(len(identities), bool)
    return ~((identities == identity) & (cameras == camera))


def evaluate(
    similarity: np.ndarray,
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cameras: np.ndarray,
    gallery_cameras: np.ndarray,
    *,
    protocol: str,
    max_rank: int = 20,
) -> tuple[np.ndarray, float, float]:
    """CMC, mAP and mINP.

    Args:
        similarity: (Q, G), higher is better; ties in no order that can be told.
        query_ids: (Q,).
        gallery_ids: (G,).
        query_cameras: (Q,).
        gallery_cameras: (G,).
        protocol: "sysu_mm01", "regdb", "llcm" or "standard".
        max_rank: Length of the CMC.

    Returns:
        CMC (max_rank,), mAP and mINP.
    """
    order = np.argsort(-similarity, axis=1)
    counts_identities = protocol in ("sysu_mm01", "llcm")
    cmcs, precisions, penalties = [], [], []
    for row in range(len(query_ids)):
        ranked = order[row]
        identities, cameras = gallery_ids[ranked], gallery_cameras[ranked]
        keep = _kept(protocol, identities, cameras, query_ids[row], query_cameras[row])
        identities = identities[keep]
        match = (identities == query_ids[row]).astype(np.int32)
        if not match.any():
            continue
        seen = match
        if counts_identities:  # the first image of each identity, in their order
            _, first = np.unique(identities, return_index=True)
            shown = np.asarray([identities[place] for place in sorted(first)])
            seen = (shown == query_ids[row]).astype(np.int32)
        curve = np.minimum(seen.cumsum(), 1)[:max_rank]
        cmcs.append(np.pad(curve, (0, max_rank - len(curve)), mode="edge"))
        hits = match.cumsum()
        last = np.max(np.where(match == 1)[0])
        penalties.append(hits[last] / (last + 1.0))
        precision = np.asarray([hit / place for place, hit in enumerate(hits, 1)])
        precisions.append((precision * match).sum() / match.sum())
    cmc = np.asarray(cmcs, np.float64).mean(axis=0)
    return cmc, float(np.mean(precisions)), float(np.mean(penalties))
