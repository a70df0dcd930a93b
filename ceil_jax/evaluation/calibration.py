"""Thresholds for "the same person?", as plain values that a file can keep."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ceil_jax.common import checks
from ceil_jax.evaluation.image_pairs import pair_name
from ceil_jax.evaluation.resampling import Interval

VERSION = 1
LABELS, SAME_MOMENT = "labels", "same moment"
"""Where genuine and impostor pairs come from."""
COSINE, INNER = "cosine", "inner product"


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold at a false accept rate, FAR.

    Attributes:
        far: The FAR that was asked for.
        threshold: Similarities of at least this are "the same person".
        threshold_interval: Of the threshold that has this FAR among people in general;
            None where there are too few people.
        measured_far: FAR of the impostor pairs at the threshold: at most `far`.
        far_interval: Of the FAR at this threshold; None as above.
        false_accepts: Impostor pairs accepted.
        tar: Share of the genuine pairs accepted (true accept rate); None without any.
        tar_interval: Of the TAR at this FAR, whose threshold is itself uncertain; None
            as above.
        note: What a reader must know; "" for nothing.
    """

    far: float
    threshold: float
    threshold_interval: Interval | None
    measured_far: float
    far_interval: Interval | None
    false_accepts: int
    tar: float | None
    tar_interval: Interval | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PairCalibration:
    """What was found for two modalities.

    Attributes:
        people: People, each left out in turn for intervals; of same-moment pairs, the
            stretches of time.
        genuine_pairs: Genuine pairs looked at.
        genuine_total: Those that there are.
        impostor_pairs: Impostor pairs looked at.
        impostor_total: Those that there are.
        equal_error: Rate at which FAR and FRR are equal; None without genuine pairs.
        equal_error_interval: Of that; None without genuine pairs or with few people.
        points: Thresholds, by descending FAR.
        refused: By FAR, why there is no threshold for it.
    """

    people: int
    genuine_pairs: int
    genuine_total: int
    impostor_pairs: int
    impostor_total: int
    equal_error: float | None
    equal_error_interval: Interval | None
    points: tuple[OperatingPoint, ...]
    refused: Mapping[float, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds by pair of modalities and false accept rate.

    Attributes:
        pairs: By name, see `pair_name`.
        left_out: By the same names, why there is no threshold at all.
        similarity: `COSINE`, or `INNER` of rows as they are.
        same_camera: Whether pairs of one camera were looked at; None if no cameras were
            known.
        source: `LABELS`, or `SAME_MOMENT` (impostors only, without labels).
        confidence: Of all intervals.
        seed: Of the pairs that were drawn.
        note: What else a reader must know; "" for nothing.
    """

    pairs: Mapping[str, PairCalibration]
    left_out: Mapping[str, str] = field(default_factory=dict)
    similarity: str = INNER
    same_camera: bool | None = None
    source: str = LABELS
    confidence: float = 0.95
    seed: int = 0
    note: str = ""

    def point(self, pair: str | tuple[str, str], far: float) -> OperatingPoint:
        """Everything known about a threshold.

        Args:
            pair: Two modalities, in either order, or their name.
            far: One of the false accept rates that there are.

        Returns:
            The operating point.

        Raises:
            ValueError: There is none; the message names those that there are.
        """
        name = pair if isinstance(pair, str) else pair_name(*pair)
        if name not in self.pairs:
            reason = self.left_out.get(name)
            known = ", ".join(map(repr, self.pairs)) or "none"
            raise ValueError(
                f"pair={name!r} has no threshold"
                + (f": {reason}" if reason else f", there is one of: {known}")
            )
        far, found = checks.number("far", far), self.pairs[name]
        for one in found.points:
            if math.isclose(one.far, far, rel_tol=1e-9):
                return one
        fars = ", ".join(f"{one.far:g}" for one in found.points) or "none"
        for refused, reason in found.refused.items():
            if math.isclose(refused, far, rel_tol=1e-9):
                raise ValueError(f"{reason} of {name} (there are thresholds of {fars})")
        raise ValueError(f"{far=:g} has no threshold of {name}, there are: {fars}")

    def threshold(
        self, pair: str | tuple[str, str], far: float, *, cautious: bool = False
    ) -> float:
        """The similarity from which on two images are taken for one person.

        Args:
            pair: Two modalities, in either order, or their name.
            far: One of the false accept rates that there are.
            cautious: Take the upper end of the threshold's interval: other people than
                those of the calibration are then seldom accepted more often than `far`.

        Returns:
            The threshold.

        Raises:
            ValueError: There is none.
        """
        point = self.point(pair, far)
        if not cautious:
            return point.threshold
        if point.threshold_interval is None or point.threshold_interval.high is None:
            raise ValueError(
                f"cautious=True: too few people or pairs to bound the threshold of "
                f"{far=:g} from above"
            )
        return point.threshold_interval.high

    def decide(
        self,
        similarity: Any,
        pair: str | tuple[str, str],
        far: float,
        *,
        cautious: bool = False,
    ) -> bool | np.ndarray:
        """Whether two images show the same person.

        Args:
            similarity: Of two images, or an array of any shape.
            pair: Their modalities, in either order, or the pair's name.
            far: One of the false accept rates that there are.
            cautious: See `threshold`.

        Returns:
            True where the similarity is at least the threshold.

        Raises:
            ValueError: There is no such threshold, or a similarity is not finite.
        """
        limit = self.threshold(pair, far, cautious=cautious)
        found = checks.array("similarity", similarity)
        checks.real("similarity", found)
        if not np.isfinite(found).all():
            raise ValueError("similarity must be finite, not NaN or infinite")
        accepted = found >= limit
        return bool(accepted) if accepted.ndim == 0 else accepted

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them.

        Returns:
            What `from_dict` reads.
        """
        return {
            "version": VERSION,
            **{name: getattr(self, name) for name in _ABOUT},
            "pairs": {name: _pair_to_dict(pair) for name, pair in self.pairs.items()},
            "left_out": dict(self.left_out),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Calibration":
        """Read what `to_dict` made.

        Args:
            record: Its plain values.

        Returns:
            The calibration.

        Raises:
            ValueError: It is none, is damaged, or is of a later version.
        """
        if not isinstance(record, Mapping):
            raise ValueError(f"this calibration is a {type(record).__name__}")
        version = record.get("version")
        if type(version) is not int or version != VERSION:
            raise ValueError(
                f"this calibration has version={checks.shown(version)}, must have "
                f"{VERSION}"
            )
        try:
            pairs = _mapping(record, "pairs")
            left_out = _mapping(record, "left_out")
            return cls(
                {str(name): _pair_from_dict(pair) for name, pair in pairs.items()},
                {name: _of_kind(left_out, name, str) for name in left_out},
                **{name: _of_kind(record, name, kind) for name, kind in _ABOUT.items()},
            )
        except KeyError as error:
            raise ValueError(f"this calibration has no {error}") from error


_ABOUT: dict[str, Any] = {
    "similarity": str,
    "same_camera": bool | None,
    "source": str,
    "confidence": float,
    "seed": int,
    "note": str,
}
_OF_PAIR: dict[str, Any] = {
    "people": int,
    "genuine_pairs": int,
    "genuine_total": int,
    "impostor_pairs": int,
    "impostor_total": int,
    "equal_error": float | None,
    "equal_error_interval": Interval,
}
_OF_POINT: dict[str, Any] = {
    "far": float,
    "threshold": float,
    "threshold_interval": Interval,
    "measured_far": float,
    "far_interval": Interval,
    "false_accepts": int,
    "tar": float | None,
    "tar_interval": Interval,
    "note": str,
}
"""The keys of the file and their kinds; an interval is two numbers or null."""


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _pair_to_dict(pair: PairCalibration) -> dict[str, Any]:
    return {
        **{name: _plain(getattr(pair, name)) for name in _OF_PAIR},
        "points": [
            {name: _plain(getattr(point, name)) for name in _OF_POINT}
            for point in pair.points
        ],
        "refused": [
            {"far": far, "reason": reason} for far, reason in pair.refused.items()
        ],
    }


def _pair_from_dict(record: Any) -> PairCalibration:
    points, refused = _list(record, "points"), _list(record, "refused")
    return PairCalibration(
        **{name: _of_kind(record, name, kind) for name, kind in _OF_PAIR.items()},
        points=tuple(
            OperatingPoint(
                **{name: _of_kind(one, name, kind) for name, kind in _OF_POINT.items()}
            )
            for one in points
        ),
        refused={
            _of_kind(one, "far", float): _of_kind(one, "reason", str) for one in refused
        },
    )


def _of_kind(record: Any, name: str, kind: Any) -> Any:
    """A value of a record; whole numbers are real ones, too."""
    if not isinstance(record, Mapping):
        raise ValueError(f"this calibration has {checks.shown(record)} for an object")
    value = record[name]
    if kind is Interval:
        return _interval(name, value)
    if kind in (float, float | None) and type(value) is int:
        value = float(value)
    is_bad = isinstance(value, bool) and kind != bool | None
    if is_bad or not isinstance(value, kind):
        raise ValueError(f"this calibration has {name}={checks.shown(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"this calibration has {name}={value}, must be finite")
    return value


def _interval(name: str, value: Any) -> Interval | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"this calibration has {name}={checks.shown(value)}")
    ends = {"low": value[0], "high": value[1]}
    return Interval(_of_kind(ends, "low", float), _of_kind(ends, "high", float | None))


def _mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(record[name], Mapping):
        raise ValueError(f"this calibration has {name}={checks.shown(record[name])}")
    return record[name]


def _list(record: Any, name: str) -> list[Any]:
    found = record[name] if isinstance(record, Mapping) else record
    if not isinstance(found, list):
        raise ValueError(f"this calibration has {name}={checks.shown(found)}")
    return found
