"""Are two images of the same person? Everything about it that others call.

    calibration = calibrate(features, identities, cameras, modalities)
    calibration.decide(similarity, ("visible", "infrared"), far=1e-3)

Verification compares two images; it does not rank a gallery. Each pair of modalities
has thresholds of its own, as similarities across modalities are lower.
"""

from ceil_jax.evaluation.calibrating import FARS, calibrate, calibrate_pairs
from ceil_jax.evaluation.calibration import (
    Calibration,
    OperatingPoint,
    PairCalibration,
)
from ceil_jax.evaluation.error_rates import (
    EqualError,
    Roc,
    UnresolvedError,
    accept_rate,
    equal_error,
    roc,
    threshold_at,
)
from ceil_jax.evaluation.image_pairs import (
    Pairs,
    PairScores,
    by_cameras,
    pair_name,
    pair_scores,
)
from ceil_jax.evaluation.open_set import OpenSet, OpenSetPoint, hold_out, open_set
from ceil_jax.evaluation.resampling import Interval
from ceil_jax.evaluation.same_moment import calibrate_same_moment

__all__ = [
    "FARS",
    "Calibration",
    "EqualError",
    "Interval",
    "OpenSet",
    "OpenSetPoint",
    "OperatingPoint",
    "PairCalibration",
    "PairScores",
    "Pairs",
    "Roc",
    "UnresolvedError",
    "accept_rate",
    "by_cameras",
    "calibrate",
    "calibrate_pairs",
    "calibrate_same_moment",
    "equal_error",
    "hold_out",
    "open_set",
    "pair_name",
    "pair_scores",
    "roc",
    "threshold_at",
]
