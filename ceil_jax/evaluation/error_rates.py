"""Error rates of the decision "the same person": FAR, TAR, ROC and DET, EER.

Two images are accepted as one person if their similarity is at least a threshold t:

    FAR(t) = share of impostor pairs accepted     (false accept rate)
    TAR(t) = share of genuine pairs accepted      (true accept rate)
    FRR(t) = 1 - TAR(t)                           (false reject rate)

References:
    ISO/IEC 19795-1, which calls FAR and FRR of single comparisons the false match rate
    and the false non-match rate; Martin et al., Eurospeech 1997 (DET).
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common import checks

CERTAIN = 30
"""With so many false accepts a FAR is right within 30 %, at 90 % confidence, if pairs
are independent of each other: Doddington et al., Speech Communication 31, 2000."""


class UnresolvedError(ValueError):
    """There are too few impostor pairs, or too many equal ones, for a FAR."""


class Roc(NamedTuple):
    """The trade between the two errors; 1 - tar over far is the DET curve.

    Attributes:
        thresholds: (n,) descending, the first above every similarity.
        far: (n,) false accept rate at each.
        tar: (n,) true accept rate at each.
    """

    thresholds: np.ndarray
    far: np.ndarray
    tar: np.ndarray

    @property
    def frr(self) -> np.ndarray:
        """(n,) false reject rate, 1 - tar."""
        return 1 - self.tar

    def thinned(self, num_points: int) -> "Roc":
        """Fewer points, evenly along the curve's length in FAR plus TAR.

        Args:
            num_points: At most so many.

        Returns:
            A curve through some of the points, the first and the last among them.
        """
        (num_points,) = checks.at_least(2, num_points=num_points)
        if len(self.far) <= num_points:
            return self
        length = self.far + self.tar
        places = np.searchsorted(length, np.linspace(0, length[-1], num_points))
        places = np.unique(np.concatenate([[0], places, [len(length) - 1]]))
        return Roc(*(part[places[-num_points:]] for part in self))


class EqualError(NamedTuple):
    """Where both errors are equal.

    Attributes:
        rate: The equal error rate, EER.
        threshold: The observed similarity whose errors are nearest to it.
    """

    rate: float
    threshold: float


def checked_far(far: Any) -> float:
    """Check a false accept rate.

    Args:
        far: The argument.

    Returns:
        It as Python's float.

    Raises:
        ValueError: It is not a number between 0 and 1, both excluded.
    """
    found = checks.number("far", far)
    if not 0 < found < 1:
        raise ValueError(f"{far=} must be greater than 0 and less than 1")
    return found


def threshold_at(impostors: Any, far: float, *, weights: Any = None) -> float:
    """The lowest threshold with no more than a chosen share of impostors accepted.

    It is the lowest impostor similarity t that was seen with FAR(t) <= far, so that at
    least one impostor is accepted: a threshold above all of them would promise what
    nobody has measured.

    Args:
        impostors: (n,) similarities of impostor pairs.
        far: The false accept rate, greater than 0 and less than 1.
        weights: (n,) how often each pair counts; None for once.

    Returns:
        The threshold.

    Raises:
        UnresolvedError: There are fewer than 1 / far pairs, or so many share the
            highest similarity that no threshold accepts so few.
        ValueError: An argument that does not fit.
    """
    far = checked_far(far)
    scores, weight = _checked("impostors", impostors, weights)
    total = weight.sum()
    if total * far < 1 - 1e-9:
        raise UnresolvedError(
            f"{far=:g} needs at least {math.ceil(1 / far - 1e-9):,} impostor pairs, "
            f"there are {total:,.0f}"
        )
    order = np.argsort(scores) if weights is not None else None
    ordered = np.sort(scores) if order is None else scores[order]
    accepted = np.arange(len(ordered), 0, -1)
    if order is not None:
        accepted = np.cumsum(weight[order][::-1])[::-1]
    at = int((accepted > far * total * (1 + 1e-9)).sum())
    # Of equal similarities the first is accepted if all of them are.
    if 0 < at < len(ordered) and ordered[at] == ordered[at - 1]:
        at = int(np.searchsorted(ordered, ordered[at], side="right"))
    if at == len(ordered):
        share = accept_rate(scores, ordered[-1], weights=weight)
        raise UnresolvedError(
            f"{far=:g} cannot be met: {share:.2%} of the impostor pairs share the "
            f"highest similarity, {ordered[-1]:.6g}"
        )
    return float(ordered[at])


def accept_rate(similarities: Any, threshold: float, *, weights: Any = None) -> float:
    """Share of pairs whose similarity is at least a threshold: FAR or TAR.

    Args:
        similarities: (n,) of pairs of one kind.
        threshold: The threshold.
        weights: (n,) how often each pair counts; None for once.

    Returns:
        The share, in [0, 1].

    Raises:
        ValueError: An argument that does not fit.
    """
    scores, weight = _checked("similarities", similarities, weights)
    return float(weight[scores >= threshold].sum() / weight.sum())


def roc(genuine: Any, impostors: Any) -> Roc:
    """FAR and TAR at every threshold that tells two pairs apart.

    Args:
        genuine: (n,) similarities of genuine pairs.
        impostors: (m,) similarities of impostor pairs.

    Returns:
        The curve from (0, 0) to (1, 1), a point for every different similarity.

    Raises:
        ValueError: One of them is empty or holds something else.
    """
    sides = _sorted_sides(genuine, impostors)
    return _curve(*sides, np.concatenate(sides))


def equal_error(genuine: Any, impostors: Any) -> EqualError:
    """The equal error rate: where FAR = FRR, on straight lines between ROC points.

    Args:
        genuine: (n,) similarities of genuine pairs.
        impostors: (m,) similarities of impostor pairs.

    Returns:
        The rate and a threshold near it.

    Raises:
        ValueError: One of them is empty or holds something else.
    """
    own, other = _sorted_sides(genuine, impostors)
    # The genuine similarities that it lies between, then all that are between those.
    rough = _curve(own, other, np.concatenate([own, other[[0, -1]]])).thresholds
    gap = _gap(_curve(own, other, rough[1:]))
    after = int(np.argmax(gap >= 0))
    low, high = rough[after], rough[after - 1]
    inside = np.concatenate([rough[after - 1 : after + 1], _between(other, low, high)])
    curve = _curve(own, other, inside[np.isfinite(inside)])
    gap = _gap(curve)
    after = int(np.argmax(gap >= 0))
    before = after - 1
    share = -gap[before] / (gap[after] - gap[before])
    rate = curve.far[before] + share * (curve.far[after] - curve.far[before])
    nearest = after if before == 0 or share > 0.5 else before
    return EqualError(float(rate), float(curve.thresholds[nearest]))


def _sorted_sides(genuine: Any, impostors: Any) -> tuple[np.ndarray, np.ndarray]:
    sides = {"genuine": genuine, "impostors": impostors}
    own, other = (np.sort(_checked(name, side)[0]) for name, side in sides.items())
    return own, other


def _curve(own: np.ndarray, other: np.ndarray, values: np.ndarray) -> Roc:
    """The points at some thresholds, of sorted similarities; (0, 0) stands first."""
    values = np.sort(values)
    values = values[np.concatenate([values[1:] != values[:-1], [True]])][::-1]
    tar, far = (
        1 - np.searchsorted(side, values, side="left") / len(side)
        for side in (own, other)
    )
    return Roc(
        np.concatenate([[np.inf], values.astype(np.float64)]),
        np.concatenate([[0.0], far]),
        np.concatenate([[0.0], tar]),
    )


def _gap(curve: Roc) -> np.ndarray:
    """FAR - FRR, from -1 up to 1."""
    return curve.far - curve.frr


def _between(ordered: np.ndarray, low: float, high: float) -> np.ndarray:
    begin, end = np.searchsorted(ordered, [low, high])
    return ordered[begin:end]


def _checked(
    name: str, value: Any, weights: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Similarities and their weights, float64, of weights above 0."""
    scores = checks.array(name, value)
    checks.real(name, scores)
    if scores.ndim != 1 or not len(scores):
        raise ValueError(f"{name}.shape={scores.shape} must be (pairs,), at least one")
    if not np.isfinite(scores).all():
        raise ValueError(f"{name} must be finite: {name}[{_worst(scores)}] is not")
    if weights is None:
        return scores, np.ones(len(scores))
    weight = checks.array("weights", weights)
    checks.real("weights", weight)
    if weight.shape != scores.shape:
        raise ValueError(f"weights.shape={weight.shape} must be {scores.shape}")
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise ValueError("weights must be finite, at least 0, and not all 0")
    return scores[weight > 0], weight[weight > 0].astype(np.float64)


def _worst(scores: np.ndarray) -> int:
    return int(np.argmin(np.isfinite(scores)))
