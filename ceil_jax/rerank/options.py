"""The parameters of GCR, checked, and what they are multiplied with."""

from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common import checks

MAX_ROUNDS = 100
"""More rounds than this only mix all rows, and the work for them grows without end."""
MAX_WEIGHT = 1e15
"""Camera weights between this and its inverse are linked without an overflow."""
MAX_PRODUCT = 1e37
"""What a sum of the method may come to: float32 holds 34 times as much."""


class Options(NamedTuple):
    """Parameters of the method.

    Attributes:
        k1: Neighbours linked.
        k2: Neighbours propagated from.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds.
    """

    k1: int
    k2: int
    camera_weight: float
    num_rounds: int

    def cut(self, num_rows: int) -> "Options":
        """Links to no more rows than there are.

        Args:
            num_rows: N.

        Returns:
            The parameters with k1 and k2 of at most N.
        """
        k1 = min(self.k1, num_rows)
        return self._replace(k1=k1, k2=min(self.k2, k1))


def checked(*, k1: Any, k2: Any, camera_weight: Any, num_rounds: Any) -> Options:
    """Check what `gcr` and `gcr_topk` share.

    Args:
        k1: Neighbours linked.
        k2: Neighbours propagated from.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds.

    Returns:
        The parameters as Python's numbers.

    Raises:
        ValueError: One of them is no number or out of range.
    """
    k1, k2 = checks.at_least(1, k1=k1, k2=k2)
    (num_rounds,) = checks.between(0, MAX_ROUNDS, num_rounds=num_rounds)
    camera_weight = checks.number("camera_weight", camera_weight)
    if not 0 < camera_weight < np.inf:
        raise ValueError(f"{camera_weight=} must be more than 0 and finite")
    if not 1 / MAX_WEIGHT <= camera_weight <= MAX_WEIGHT:
        raise ValueError(
            f"{camera_weight=} must be between {1 / MAX_WEIGHT} and {MAX_WEIGHT}: its "
            "square and that of its inverse must be numbers of float32"
        )
    return Options(k1, k2, camera_weight, num_rounds)


def check_products(similarities: np.ndarray, *, k2: int, name: str) -> None:
    """Check that no sum of the rounds can overflow.

    With w the largest square of a similarity, the rows of every later graph sum up to
    at most k2 w, its columns to N k2 w, and the result is at most (k2 w)^2.

    Args:
        similarities: (N, k) of the neighbour lists, best first.
        k2: Neighbours propagated from.
        name: What the caller knows their origin by.

    Raises:
        ValueError: The rows are too long.
    """
    used = similarities[:, :k2]
    largest = float(max(used.max(initial=0), -used.min(initial=0)))
    total = used.shape[1] * largest**2
    if not total * max(total, len(similarities)) <= MAX_PRODUCT:
        raise ValueError(
            f"{name}: similarities up to {largest:.3g} must be smaller, the method "
            "multiplies four of them: normalise=True takes rows of length 1"
        )
