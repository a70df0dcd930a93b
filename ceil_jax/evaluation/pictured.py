"""Which queries a picture of ranked lists shows."""

from collections.abc import Mapping

import numpy as np


def pick_queries(
    correct: Mapping[str, np.ndarray], valid: np.ndarray, *, num_queries: int
) -> np.ndarray:
    """Choose queries to show: spread over the set, and half of them telling.

    The queries that can be scored are cut into `num_queries` runs of equal length. The
    first, third, ... run gives its middle query, whatever its lists look like; each
    other run the one whose lists differ at most places (the first of several): where
    re-ranking did something, for good or bad.

    Args:
        correct: By ranking: whether the image at each place is right, (Q, top) bool.
        valid: Which queries can be scored, (Q,) bool.
        num_queries: How many to choose; all of them if there are fewer.

    Returns:
        Rows of the chosen queries, ascending.

    Raises:
        ValueError: `num_queries` is below 1, or no query can be scored.
    """
    if num_queries < 1:
        raise ValueError(f"{num_queries=} must be at least 1")
    candidates = np.flatnonzero(valid)
    if not len(candidates):
        raise ValueError("valid has no true entry: there is no query to show")
    first, *others = correct.values()
    differing = sum(
        ((first != other).sum(axis=1) for other in others), np.zeros(len(first), int)
    )
    runs = np.array_split(candidates, min(num_queries, len(candidates)))
    return np.array(
        [
            run[differing[run].argmax()] if i % 2 else run[len(run) // 2]
            for i, run in enumerate(runs)
        ]
    )
