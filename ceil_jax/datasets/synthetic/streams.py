"""Random numbers that are the same on every machine.

Only `numpy.random.RandomState` is used, whose stream NumPy has frozen, and only its
integer-exact methods; scaling is done here by one multiplication and one addition, each
rounded on its own. (`RandomState.uniform` may fuse the two on some processors.)
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def stream(seed: int, *key: int) -> np.random.RandomState:
    """An independent stream for each key.

    Args:
        seed: The data set's seed.
        *key: Whole numbers from 0 that say what the stream is for.

    Returns:
        The generator at its beginning.
    """
    return np.random.RandomState(np.array([seed, *key], dtype=np.uint32))


def uniform(rng: np.random.RandomState, low: float, high: float) -> float:
    """One number, uniform in [low, high).

    Args:
        rng: Source of the draw.
        low: Least value.
        high: Bound that is not reached.
    """
    return low + (high - low) * float(rng.random_sample())


def choice(rng: np.random.RandomState, options: Sequence[T]) -> T:
    """One of the options, each as likely as it is often listed.

    Args:
        rng: Source of the draw.
        options: What is drawn from.
    """
    return options[int(rng.randint(len(options)))]


def between(draws: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers of [0, 1) moved to [low, high).

    Args:
        draws: The numbers.
        low: Least value.
        high: Bound that is not reached.
    """
    return low + (high - low) * draws
