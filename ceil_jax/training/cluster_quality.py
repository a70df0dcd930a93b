"""How well clusters fit people, where labels are known: counted, never trained with."""

import numpy as np


def purity_and_recall(
    kept: np.ndarray, clusters: np.ndarray, identities: np.ndarray
) -> dict[str, float]:
    r"""Purity and recall of the clusters of one modality.

    With n(c, i) images of person i in cluster c, purity is
    \(\sum_c \max_i n(c, i) / \sum_c n(c)\): the share of kept images that are of their
    cluster's commonest person. Recall is the share of pairs of images of one person,
    among all images, that share a cluster; images that were dropped share none.

    Args:
        kept: Positions of the n images that are in a cluster.
        clusters: The cluster of each, dense from 0, (n,).
        identities: Identities of all images, (m,); -1 is unknown.

    Returns:
        "purity" and "recall" as fractions; nothing where an identity is unknown, or
        no image was kept; no recall where no two images show one person.
    """
    if not len(kept) or (identities < 0).any():
        return {}
    _, people = np.unique(identities, return_inverse=True)
    counts = np.zeros((clusters.max() + 1, people.max() + 1), np.int64)
    np.add.at(counts, (clusters, people[kept]), 1)
    found = {"purity": float(counts.max(axis=1).sum() / len(kept))}
    of_person = np.bincount(people)
    pairs = int((of_person * (of_person - 1)).sum())
    if pairs:
        found["recall"] = float((counts * (counts - 1)).sum() / pairs)
    return found
