"""Neighbour feature centralisation."""

import numpy as np
from scipy import sparse

from ceil_jax.common import checks, sparse_rows
from ceil_jax.common import features as feature_rows
from ceil_jax.common.features import Normalise
from ceil_jax.neighbours.search import Neighbours, of_rows


def nfc(
    features: checks.Rows, *, k1: int = 2, k2: int = 2, normalise: Normalise = None
) -> np.ndarray:
    """Features with those of their mutual nearest neighbours added.

    With `N(i, k)` the k nearest other rows of i, the neighbours of i are
    `M(i) = {j in N(i, k1) : i in N(j, k2)}`, and the result is
    `y_i = (x_i + sum_{j in M(i)} x_j) / |x_i + sum_{j in M(i)} x_j|`. Where that sum is
    0, `y_i` is x_i's direction. Features remain features: any index and any re-ranker
    takes them. It takes no cameras.

    Args:
        features: (n, d) unit rows, of a query set and a gallery together or of a
            gallery alone.
        k1: Nearest rows that are looked at, without the row itself; cut to n - 1.
        k2: Length of the lists that the row has to be on; cut to n - 1.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are, so that a longer row counts
            for more.

    Returns:
        (n, d) float32 rows of length 1; rows of zeros without neighbours stay.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        Yuan et al., "From Poses to Identity: Training-Free Person Re-Identification
        via Feature Centralization", CVPR 2025 (Pose2ID), whose images generated in
        other poses have no counterpart here.
    """
    k1, k2 = checks.at_least(1, k1=k1, k2=k2)
    rows = feature_rows.rows("features", features, normalise=normalise)
    return centralised(rows, k1=k1, k2=k2)


def centralised(rows: np.ndarray, *, k1: int, k2: int) -> np.ndarray:
    """What `nfc` does with rows that have been checked.

    Args:
        rows: (n, d) float32.
        k1: Nearest rows that are looked at.
        k2: Length of the lists that the row has to be on.

    Returns:
        (n, d) float32 rows of length 1.
    """
    if len(rows) < 2:
        return feature_rows.directions("features", rows)
    lists = of_rows(rows, k=max(k1, k2) + 1)
    sums = rows + mutual_others(lists, k1=k1, k2=k2) @ rows
    empty = ~sums.any(axis=1)
    sums[empty] = rows[empty]
    return feature_rows.directions("features", sums)


def mutual_others(lists: Neighbours, *, k1: int, k2: int) -> sparse.csr_array:
    """The matrix that sums the mutual neighbours of each row.

    Args:
        lists: Neighbour lists of at least two rows, the row itself first.
        k1: Other rows that are looked at.
        k2: Other rows that a list may have.

    Returns:
        (n, n) float32 with 1 where j is in M(i).
    """
    near, back = (
        sparse_rows.from_lists(some, np.ones(some.shape, np.float32))
        for some in (lists.indices[:, 1 : k + 1] for k in (k1, k2))
    )
    return sparse.csr_array(near.multiply(back.T))
