"""Thresholds without labels, from images that cannot show the same person.

Two people who stand before one camera at one moment are two people, whoever they are.
Such pairs are impostors without anybody having said so. They are of one camera and one
modality, before one background and in one light, and so rather more similar than two
people met in two places: a threshold from them then accepts fewer impostors across
cameras than it says, and fewer genuine pairs. They say nothing about pairs across
modalities, and nothing about the true accept rate.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common import checks
from ceil_jax.common import features as features_lib
from ceil_jax.common.features import Normalise
from ceil_jax.evaluation import pair_sampling
from ceil_jax.evaluation.calibrating import (
    FARS,
    calibrate_clusters,
    checked_confidence,
    checked_fars,
)
from ceil_jax.evaluation.calibration import COSINE, INNER, SAME_MOMENT, Calibration
from ceil_jax.evaluation.image_pairs import ANY, MAX_PAIRS, pair_name
from ceil_jax.evaluation.resampling import Clustered

_NOTHING = "no camera saw two people of this modality at one moment"
_ACROSS = "one camera at one moment shows one modality: labelled images are needed"


class MomentPairs(NamedTuple):
    """Pairs of images of one camera at one moment.

    Attributes:
        first: (n,) row of the first image, ascending in the order of cameras and times.
        second: (n,) row of the second image.
        total: Pairs that there are; more than n where some were drawn at random.
    """

    first: np.ndarray
    second: np.ndarray
    total: int


def calibrate_same_moment(
    features: Any,
    cameras: Any,
    times: Any,
    modalities: Any = None,
    *,
    fars: Sequence[float] = FARS,
    tolerance: float = 0.0,
    stretch: float = 60.0,
    confidence: float = 0.95,
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
    normalise: Normalise = None,
) -> Calibration:
    """Thresholds at false accept rates from pairs of one camera at one moment.

    The same two people are seen together in many frames, which depend on each other.
    For the intervals it is stretches of time of each camera that are left out in turn.

    Args:
        features: (N, d) rows; the similarity of two is their inner product.
        cameras: (N,) whole numbers or text.
        times: (N,) seconds of the camera's clock, or NumPy's dates; images of one frame
            have the same time.
        modalities: (N,) text, such as "visible" and "infrared"; None for one.
        fars: False accept rates.
        tolerance: Seconds by which two images of one moment may differ. A person who
            is found twice in so short a time is taken for two, which raises thresholds.
        stretch: Seconds after which other people are seen.
        confidence: Of the intervals.
        max_pairs: Most pairs; if there are more, as many are drawn at random.
        seed: Of the pairs that are drawn.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        Thresholds within each modality, without true accept rates; across modalities
        there are none.

    Raises:
        ValueError: An argument that does not fit, or there is no such pair.
    """
    confidence = checked_confidence(confidence)
    (seed,) = checks.at_least(0, seed=seed)
    fars = checked_fars(fars)
    (max_pairs,) = checks.at_least(1, max_pairs=max_pairs)
    rows = features_lib.rows("features", features, normalise=normalise)
    seen = _Seen.of(rows, cameras, times)
    kinds = np.array([ANY] * len(rows)) if modalities is None else modalities
    checks.codes(modalities=(kinds, len(rows)))
    kinds = checks.array("modalities", kinds).astype(np.str_)
    spans = _positive("tolerance", tolerance, least=0), _positive("stretch", stretch)
    pairs, left_out = {}, {}
    names = np.unique(kinds).tolist()
    for place, kind in enumerate(names):
        left_out |= {pair_name(kind, other): _ACROSS for other in names[place + 1 :]}
        rng = np.random.default_rng((seed, place))
        impostor, num, total = seen.take(kinds == kind).pairs(*spans, max_pairs, rng)
        name = pair_name(kind, kind)
        if not total:
            left_out[name] = _NOTHING
            continue
        size: Any = {"num_units": num, "totals": (0, total)}
        pairs[name] = calibrate_clusters(
            None, impostor, **size, fars=fars, confidence=confidence
        )
    if not pairs:
        raise ValueError(f"there is no impostor pair: {_NOTHING}")
    return Calibration(
        pairs,
        left_out,
        similarity=INNER if normalise is False else COSINE,
        same_camera=True,
        source=SAME_MOMENT,
        confidence=confidence,
        seed=seed,
    )


class _Seen(NamedTuple):
    """What was seen where and when."""

    rows: np.ndarray
    cameras: np.ndarray
    times: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, cameras: Any, times: Any) -> "_Seen":
        (codes,) = checks.codes(cameras=(cameras, len(rows)))
        return cls(rows, codes, _seconds(times, len(rows)))

    def take(self, chosen: np.ndarray) -> "_Seen":
        return _Seen(*(part[chosen] for part in self))

    def pairs(
        self,
        tolerance: float,
        stretch: float,
        max_pairs: int,
        rng: np.random.Generator,
    ) -> tuple[Clustered, int, int]:
        """Similarities by stretch, how many stretches and how many pairs there are."""
        found = moment_pairs(
            self.cameras, self.times, tolerance=tolerance, max_pairs=max_pairs, rng=rng
        )
        units, num = _stretches(self.cameras, self.times, found, stretch)
        products = pair_sampling.products(
            self.rows, self.rows, found.first, found.second
        )
        return Clustered.of(products, units), num, found.total


def moment_pairs(
    cameras: np.ndarray,
    times: np.ndarray,
    *,
    tolerance: float = 0.0,
    max_pairs: int = MAX_PAIRS,
    rng: np.random.Generator,
) -> MomentPairs:
    """Every two images of one camera at one moment.

    Args:
        cameras: (n,) int64.
        times: (n,) float64 seconds.
        tolerance: Seconds by which the two may differ.
        max_pairs: Most pairs, drawn without replacement if there are more.
        rng: Draws them.

    Returns:
        The pairs, the first ones ascending.
    """
    order = np.lexsort((times, cameras))
    ends = np.empty(len(order), np.int64)
    for camera in np.unique(cameras):
        inside = np.flatnonzero(cameras[order] == camera)
        clock = times[order[inside]]
        ends[inside] = inside[0] + np.searchsorted(clock, clock + tolerance, "right")
    counts = ends - np.arange(len(order)) - 1
    last = np.cumsum(counts)
    ranks = pair_sampling.ranks(int(last[-1]), max_pairs, rng)
    i = np.searchsorted(last, ranks, side="right")
    j = i + 1 + ranks - (last[i] - counts[i])
    first, second = order[i], order[j]
    ascending = np.argsort(first, kind="stable")
    return MomentPairs(first[ascending], second[ascending], int(last[-1]))


def _stretches(
    cameras: np.ndarray, times: np.ndarray, pairs: MomentPairs, stretch: float
) -> tuple[np.ndarray, int]:
    """The stretch of each pair, from 0, and how many there are."""
    when = np.floor((times - times.min()) / stretch).astype(np.int64)
    keys = np.stack([cameras, when], axis=1)[pairs.first]
    found, codes = np.unique(keys, axis=0, return_inverse=True)
    return codes.reshape(-1).astype(np.int32), len(found)


def _seconds(times: Any, length: int) -> np.ndarray:
    found = checks.array("times", times)
    if found.dtype.kind == "M":
        if np.isnat(found).any():
            raise ValueError("times must all be known, one is NaT")
        found = found.astype("datetime64[us]").astype(np.int64) / 1e6
    checks.real("times", found)
    if found.shape != (length,):
        raise ValueError(f"times.shape={found.shape} must be ({length},)")
    if not np.isfinite(found).all():
        raise ValueError("times must be finite, not NaN or infinite")
    return found.astype(np.float64)


def _positive(name: str, value: Any, least: float | None = None) -> float:
    found = checks.number(name, value)
    if not (found > 0 or found == least) or not np.isfinite(found):
        need = "greater than 0" if least is None else "at least 0"
        raise ValueError(f"{name}={value} must be finite and {need}")
    return found
