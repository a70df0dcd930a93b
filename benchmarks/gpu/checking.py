"""Comparing what a device computes with a float64 reference of the host."""

from typing import Any

import numpy as np


class WrongResultError(Exception):
    """An implementation does not compute what it is defined to."""


def check_close(what: str, got: Any, want: np.ndarray, *, tolerance: float) -> float:
    """Compare with the exact values.

    Args:
        what: Named in the message.
        got: What the device computed.
        want: The same in float64.
        tolerance: Largest difference allowed, as a share of the largest entry.

    Returns:
        The largest difference, as a share of the largest entry.

    Raises:
        WrongResultError: It is larger than that, or a value is not finite.
    """
    values = np.asarray(got, np.float64)
    if values.shape != want.shape:
        raise WrongResultError(f"{what}: shape {values.shape}, not {want.shape}")
    scale = max(float(np.abs(want).max(initial=0)), 1e-30)
    error = float(np.abs(values - want).max(initial=0)) / scale
    if not error <= tolerance:  # also if it is NaN
        raise WrongResultError(
            f"{what}: off by {error:.2g} of the largest entry, not {tolerance:.2g}"
        )
    return error
