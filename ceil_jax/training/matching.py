"""PCM: proxy-enhanced cross-modal mapping of proxies or clusters."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from ceil_jax.common import checks, features
from ceil_jax.rerank import gcr


def match(
    visible_centers: checks.Rows, infrared_centers: checks.Rows, *, k1: int, k2: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give every memory row of each modality a partner in the other one.

    GCR without cameras scores the rows of the larger memory (the visible one on a tie)
    against those of the smaller one; the Hungarian assignment at cost
    `exp(-similarity)` pairs each row of the smaller memory with one of the larger,
    both ways. The rows left over are assigned to all of the smaller memory's rows
    again, as often as it takes; those partners are one-way.

    Args:
        visible_centers: (V, d) memory rows of one level: all proxies or all clusters.
            Only their directions matter; they may be of any length. A row of zeros is
            as unlike every other, and takes what is left over.
        infrared_centers: (I, d) memory rows of the same level.
        k1: GCR's neighbours linked; cut to V + I.
        k2: GCR's neighbours propagated from; cut to k1.

    Returns:
        Infrared partner of every visible row (V,) int32, and visible partner of every
        infrared row (I,) int32.

    Raises:
        ValueError: An argument is out of its range, not finite or of a wrong shape.

    References:
        Xia et al., TCSVT 2025, "PCM"; CEIL `code/tools/cross_modal_match/match.py`,
        which scores in half precision.
    """
    k1, k2 = checks.at_least(1, k1=k1, k2=k2)
    visible = features.directions("visible_centers", visible_centers)
    infrared = features.directions("infrared_centers", infrared_centers)
    features.same_width("visible_centers", visible, "infrared_centers", infrared)
    if len(visible) >= len(infrared):
        return assign(assignment_cost(visible, infrared, k1=k1, k2=k2))
    partners, back = assign(assignment_cost(infrared, visible, k1=k1, k2=k2))
    return back, partners


def assignment_cost(
    rows: np.ndarray, columns: np.ndarray, *, k1: int, k2: int
) -> np.ndarray:
    """Cost `1 / exp(similarity)` of pairing, by GCR without cameras.

    Args:
        rows: (R, d) float32 rows of length 1 or 0, the larger memory.
        columns: (C, d) likewise, the smaller memory.
        k1: GCR's neighbours linked.
        k2: GCR's neighbours propagated from.

    Returns:
        (R, C) float32.
    """
    return np.exp(-gcr(rows, columns, k1=k1, k2=k2, normalise=False))


def assign(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hungarian rounds until every row has a column.

    Args:
        cost: (R, C) with R >= C.

    Returns:
        Column of every row (R,) int32, and the row that each column got in the first
        round (C,) int32.
    """
    num_rows, num_columns = cost.shape
    column_of = np.empty(num_rows, np.int32)
    row_of = np.empty(num_columns, np.int32)
    left = np.arange(num_rows)
    while left.size:
        places, columns = linear_sum_assignment(cost[left])
        column_of[left[places]] = columns
        if left.size == num_rows:
            row_of[columns] = left[places]
        left = np.delete(left, places)
    return column_of, row_of
