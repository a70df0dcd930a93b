"""What a reader of re-ranked figures must know of the images that they are of."""

from collections.abc import Mapping

import numpy as np

FEW = 3
"""Re-ranking does harm where k1 is more than so many times the images of a person:
measured on generated people, see docs/reranking.md."""


def images_per_person(query_ids: np.ndarray, gallery_ids: np.ndarray) -> float:
    """Images of a person, queries and gallery together, on average.

    Args:
        query_ids: Identity of each query, (q,) integers; -1 is nobody known.
        gallery_ids: Identity of each gallery image, (g,) integers.

    Returns:
        The mean over those who are in both; 0 if there is nobody.
    """
    people = np.intersect1d(query_ids, gallery_ids)
    people = people[people != -1]
    if not len(people):
        return 0.0
    ids = np.concatenate([query_ids, gallery_ids])
    return float(np.isin(ids, people).sum() / len(people))


def few_images(modes: Mapping[str, tuple[float, int]]) -> tuple[str, ...]:
    """A warning about modes with too few images of each person for their k1.

    The k1 nearest images of an image, which GCR links it with, are then strangers but
    for a few, and averaging over them blurs what the features tell apart.

    Args:
        modes: By name: images of a person, queries and gallery together, and k1.

    Returns:
        One line, or none.
    """
    found = [
        f"{name.replace('_', ' ')} {images:.1f} for k1={k1}"
        for name, (images, k1) in modes.items()
        if FEW * images < k1
    ]
    if not found:
        return ()
    return (
        "few images of each person, queries and gallery together, for the neighbours "
        f"that are linked ({'; '.join(found)}): re-ranking can lower the figures, see "
        "docs/reranking.md",
    )
