"""Thresholds from labelled features, by pair of modalities."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ceil_jax.common import checks
from ceil_jax.common.features import Normalise
from ceil_jax.evaluation import error_rates, resampling
from ceil_jax.evaluation.calibration import (
    COSINE,
    INNER,
    Calibration,
    OperatingPoint,
    PairCalibration,
)
from ceil_jax.evaluation.error_rates import UnresolvedError
from ceil_jax.evaluation.image_pairs import MAX_PAIRS, PairScores, pair_scores
from ceil_jax.evaluation.resampling import Clustered, Interval, Intervals

FARS = (1e-1, 1e-2, 1e-3, 1e-4)
MIN_PEOPLE = 10
"""Of fewer people there are no intervals: nothing bounds them from above."""


def checked_confidence(confidence: Any) -> float:
    """The share of intervals that hold the truth, if it is one.

    Args:
        confidence: What was given.

    Returns:
        A number between 0 and 1.

    Raises:
        ValueError: It is none.
    """
    confidence = checks.number("confidence", confidence)
    if not 0 < confidence < 1:
        raise ValueError(f"{confidence=} must be greater than 0 and less than 1")
    return confidence


def calibrate(
    features: Any,
    identities: Any,
    cameras: Any = None,
    modalities: Any = None,
    *,
    fars: Sequence[float] = FARS,
    same_camera: bool = False,
    confidence: float = 0.95,
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
    normalise: Normalise = None,
) -> Calibration:
    """Thresholds at chosen false accept rates, from people that the model has not seen.

    Args:
        features: (N, d) rows; the similarity of two is their inner product.
        identities: (N,) whole numbers or text; rows of -1, unknown, are left out.
        cameras: (N,) whole numbers or text; None if they are not known.
        modalities: (N,) text, such as "visible" and "infrared"; None for one.
        fars: False accept rates, FAR: shares of pairs of two people that may be taken
            for one.
        same_camera: Whether pairs of one camera count, see `pair_scores`.
        confidence: Of all intervals.
        max_pairs: Most pairs of a kind and of two modalities; if there are more, as
            many are drawn at random.
        seed: Of the pairs that are drawn.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        Thresholds by pair of modalities, and why where there is none.

    Raises:
        ValueError: An argument that does not fit, or no two modalities have an impostor
            pair.
    """
    confidence = checked_confidence(confidence)
    (seed,) = checks.at_least(0, seed=seed)
    fars = checked_fars(fars)
    scores = pair_scores(
        features,
        identities,
        cameras,
        modalities,
        same_camera=same_camera,
        max_pairs=max_pairs,
        seed=seed,
        normalise=normalise,
    )
    left_out = {name: why for name, one in scores.items() if (why := _missing(one))}
    if len(left_out) == len(scores):
        raise ValueError("there is no impostor pair: " + next(iter(left_out.values())))
    return Calibration(
        {
            name: calibrate_pairs(one, fars=fars, confidence=confidence)
            for name, one in scores.items()
            if name not in left_out
        },
        left_out,
        similarity=INNER if normalise is False else COSINE,
        same_camera=None if cameras is None else same_camera,
        confidence=confidence,
        seed=seed,
    )


def calibrate_pairs(
    scores: PairScores, *, fars: Sequence[float] = FARS, confidence: float = 0.95
) -> PairCalibration:
    """Thresholds of two modalities.

    Args:
        scores: Their pairs; with impostor pairs.
        fars: False accept rates.
        confidence: Of the intervals.

    Returns:
        Thresholds, rates and intervals.

    Raises:
        ValueError: There are no impostor pairs, or an argument does not fit.
    """
    if reason := _missing(scores):
        raise ValueError(f"scores.impostor is empty: {reason}")
    first, second, of_genuine = (
        scores.person[rows] for rows in (*scores.impostor[1:3], scores.genuine.first)
    )
    is_there = np.zeros(int(scores.person.max()) + 1, bool)
    for people in (first, second, of_genuine):
        is_there[people] = True
    codes = np.cumsum(is_there, dtype=np.int32) - 1
    genuine = Clustered.of(scores.genuine.similarities, codes[of_genuine])
    return calibrate_clusters(
        genuine if len(genuine.similarities) else None,
        Clustered.of(scores.impostor.similarities, codes[first], codes[second]),
        num_units=int(is_there.sum()),
        totals=(scores.genuine.total, scores.impostor.total),
        fars=checked_fars(fars),
        confidence=checked_confidence(confidence),
    )


def calibrate_clusters(
    genuine: Clustered | None,
    impostor: Clustered,
    *,
    num_units: int,
    totals: tuple[int, int],
    fars: Sequence[float],
    confidence: float,
) -> PairCalibration:
    """Thresholds from pairs in clusters: of people, or of stretches of time.

    Args:
        genuine: Genuine pairs; None without any.
        impostor: Impostor pairs.
        num_units: People or stretches, each of which is left out for intervals.
        totals: Genuine and impostor pairs that there are.
        fars: False accept rates, checked.
        confidence: Of the intervals, checked.

    Returns:
        Thresholds, rates and intervals.
    """
    thresholds, refused = {}, {}
    for far in fars:
        try:
            thresholds[far] = error_rates.threshold_at(impostor.similarities, far)
        except UnresolvedError as error:
            refused[far] = str(error)
    spread = None
    if num_units >= MIN_PEOPLE:
        spread = resampling.intervals(
            genuine,
            impostor,
            num_units=num_units,
            fars=tuple(thresholds),
            thresholds=tuple(thresholds.values()),
            confidence=confidence,
        )
    equal = None
    if genuine is not None:
        sides = genuine.similarities, impostor.similarities
        equal = error_rates.equal_error(*sides).rate
    return PairCalibration(
        people=num_units,
        genuine_pairs=0 if genuine is None else len(genuine.similarities),
        genuine_total=totals[0],
        impostor_pairs=len(impostor.similarities),
        impostor_total=totals[1],
        equal_error=equal,
        equal_error_interval=spread.equal_error if spread else None,
        points=tuple(
            _point(
                genuine,
                impostor,
                *threshold,
                note=_note(threshold[0], impostor, num_units),
                intervals=_intervals(spread, place),
            )
            for place, threshold in enumerate(thresholds.items())
        ),
        refused=refused,
    )


def checked_fars(fars: Sequence[float]) -> tuple[float, ...]:
    """Check false accept rates.

    Args:
        fars: Each greater than 0 and less than 1.

    Returns:
        Different ones, descending.

    Raises:
        ValueError: There is none, or one of them does not fit.
    """
    found = sorted({error_rates.checked_far(far) for far in fars}, reverse=True)
    if not found:
        raise ValueError("fars is empty: there must be at least one false accept rate")
    return tuple(found)


def _missing(scores: PairScores) -> str:
    """Why there are no impostor pairs; "" if there are some."""
    if len(scores.impostor.similarities):
        return ""
    if scores.skips_same_camera:
        return "no two people were seen by two cameras (same_camera=True counts others)"
    return "all images show one person"


def _point(
    genuine: Clustered | None,
    impostor: Clustered,
    far: float,
    threshold: float,
    *,
    note: str,
    intervals: dict[str, Interval | None],
) -> OperatingPoint:
    accepted = _at_least(impostor.similarities, threshold)
    tar = None
    if genuine is not None:
        tar = _at_least(genuine.similarities, threshold) / len(genuine.similarities)
    return OperatingPoint(
        far=far,
        threshold=threshold,
        measured_far=accepted / len(impostor.similarities),
        false_accepts=accepted,
        tar=tar,
        note=note,
        **intervals,
    )


def _at_least(ordered: np.ndarray, threshold: float) -> int:
    at = np.searchsorted(ordered, np.asarray(threshold, ordered.dtype))
    return len(ordered) - int(at)


def _intervals(spread: Intervals | None, place: int) -> dict[str, Interval | None]:
    """Those of the FAR at a place among them."""
    if spread is None:
        return dict.fromkeys(("threshold_interval", "far_interval", "tar_interval"))
    return {
        "threshold_interval": spread.thresholds[place],
        "far_interval": spread.far[place],
        "tar_interval": None if spread.tar is None else spread.tar[place],
    }


def _note(far: float, impostor: Clustered, num_units: int) -> str:
    """What a FAR of few people or few false accepts is worth."""
    notes = []
    num_pairs = num_units * (num_units - 1) // 2
    if impostor.second is not None and num_pairs * far < 1:
        notes.append(
            f"{num_units:,} people make {num_pairs:,} pairs of people, fewer than "
            f"1 / {far:g}: a few who look alike decide"
        )
    accepted = int(far * len(impostor.similarities) * (1 + 1e-9))
    if accepted < error_rates.CERTAIN:
        notes.append(f"no more than {accepted} false accepts decide")
    if num_units < MIN_PEOPLE:
        kind = "people" if impostor.second is not None else "stretches of time"
        notes.append(f"no intervals of {num_units} {kind}, {MIN_PEOPLE} are needed")
    return "; ".join(notes)
