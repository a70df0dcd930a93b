"""Whether draws depend on each other."""

import itertools

import numpy as np


def assert_independent(**draws: np.ndarray) -> None:
    """Refuse draws of many images of which one follows another.

    Args:
        **draws: By name: one number for each of at least 2,000 images.
    """
    for (name, one), (other_name, other) in itertools.combinations(draws.items(), 2):
        one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
        assert len(one) == len(other) >= 2000
        # The correlation of 2,000 independent draws has a deviation of 0.022.
        correlation = np.corrcoef(one, other)[0, 1]
        assert abs(correlation) < 0.1, f"{name} follows {other_name}: {correlation:.2f}"
