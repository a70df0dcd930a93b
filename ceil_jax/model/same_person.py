"""Whether two images show the same person, by thresholds that were measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation.calibration import Calibration, OperatingPoint

_NONE = (
    "{} carries no thresholds for the same person: they are measured on labelled test "
    "images, by --mode evaluate of a run; or measure them on pictures of your own, by "
    "ceil_jax.evaluation.verification.calibrate, and give calibration="
)


@dataclass(frozen=True)
class SamePerson:
    """An answer; in a condition it is `same`.

    Attributes:
        same: Whether the two are taken for one person.
        similarity: Inner product of their embeddings.
        threshold: Similarities of at least this are "the same person".
        point: What is known of the threshold: the false accept rate that was promised
            and found, intervals, the true accept rate.
    """

    same: bool
    similarity: float
    threshold: float
    point: OperatingPoint

    def __bool__(self) -> bool:
        """The answer alone."""
        return self.same


def calibration_of(
    given: Calibration | None, recorded: Mapping[str, Any] | None, source: str
) -> Calibration:
    """The thresholds to decide by.

    Args:
        given: The user's; None for the model's.
        recorded: The model's, plain values; None if it has none.
        source: The model's name, for the message.

    Returns:
        The thresholds.

    Raises:
        UserError: There are none, or they cannot be read.
    """
    if given is not None:
        return given
    if recorded is None:
        raise UserError(_NONE.format(source))
    try:
        return Calibration.from_dict(recorded)
    except ValueError as error:
        raise UserError(f"{source}: {error}") from error


def decide(
    rows: tuple[np.ndarray, np.ndarray],
    modalities: tuple[str, str],
    calibration: Calibration,
    *,
    far: float,
    cautious: bool,
) -> SamePerson:
    """Compare two embeddings.

    Args:
        rows: (d,) unit rows.
        modalities: Of the two images.
        calibration: The thresholds.
        far: False accept rate, one of those of the calibration.
        cautious: Take the upper end of the threshold's interval.

    Returns:
        The answer.

    Raises:
        ValueError: There is no threshold of these modalities at this rate.
    """
    similarity = float(rows[0] @ rows[1])
    threshold = calibration.threshold(modalities, far, cautious=cautious)
    point = calibration.point(modalities, far)
    return SamePerson(similarity >= threshold, similarity, threshold, point)
