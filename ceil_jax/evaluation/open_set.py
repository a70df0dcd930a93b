"""Open-set identification: the person of a query can be missing from the gallery.

A system searches the gallery and answers with a person, or with "nobody": the best
candidates are shown only if their similarity is at least a threshold t. With s the
highest similarity of a query to any image of a person,

    FPIR(t) = share of queries without a match in the gallery whose best s is >= t
    DIR(t)  = share of queries with a match whose own person has s >= t and is among the
              first `rank` people

FPIR is the false alarm rate; 1 - DIR is the false negative identification rate, FNIR.

References:
    ISO/IEC 19795-1 (FPIR, FNIR); Phillips, Grother and Micheals, "Evaluation methods in
    face recognition", Handbook of Face Recognition, 2011 (DIR at a false alarm rate).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common import checks
from ceil_jax.common.features import Normalise
from ceil_jax.evaluation import error_rates, labels, resampling, similarities
from ceil_jax.evaluation.calibrating import (
    MIN_PEOPLE,
    checked_confidence,
    checked_fars,
)
from ceil_jax.evaluation.error_rates import UnresolvedError
from ceil_jax.evaluation.labels import Labels
from ceil_jax.evaluation.resampling import Clustered, Interval


class OpenSetPoint(NamedTuple):
    """What is found at a false alarm rate.

    Attributes:
        fpir: The false alarm rate that was asked for.
        threshold: Similarity from which on candidates are shown.
        measured_fpir: That of the queries without a match, at most `fpir`.
        fpir_interval: Of it at this threshold; None with few people.
        detection_rate: DIR at the threshold.
        detection_interval: Of the DIR at this FPIR; None with few people.
    """

    fpir: float
    threshold: float
    measured_fpir: float
    fpir_interval: Interval | None
    detection_rate: float
    detection_interval: Interval | None


class OpenSet(NamedTuple):
    """Figures of an open-set search.

    Attributes:
        points: By descending false alarm rate.
        refused: By false alarm rate, why there is no threshold for it.
        mated: (n,) similarity of each query with a match to its own person; minus
            infinity where others are in the first `rank` places.
        unmated: (m,) best similarity of each query without a match.
        rank: Places that count as found.
    """

    points: tuple[OpenSetPoint, ...]
    refused: Mapping[float, str]
    mated: np.ndarray
    unmated: np.ndarray
    rank: int


class _Best(NamedTuple):
    """Of each query that counts: its person, whether it has a match, its score."""

    people: np.ndarray
    is_mated: np.ndarray
    scores: np.ndarray


def open_set(
    query: Any,
    gallery: Any,
    query_ids: Any,
    gallery_ids: Any,
    query_cameras: Any = None,
    gallery_cameras: Any = None,
    *,
    fpirs: Sequence[float] = (1e-1, 1e-2),
    rank: int = 1,
    confidence: float = 0.95,
    normalise: Normalise = None,
) -> OpenSet:
    """How often the right person is shown, and how often anybody at all.

    Images of a query's person by the query's camera are skipped, as in the "standard"
    protocol. Identity -1, unknown, counts nowhere, nor does a query all of whose
    matches are skipped. People are ranked by their best image; of two with the same
    similarity, the wrong one stands before the right one. Intervals are of the people
    of the queries, each left out in turn; the gallery stays.

    Args:
        query: (Q, d) features; inner products are the similarities.
        gallery: (G, d) features.
        query_ids: (Q,) whole numbers or text.
        gallery_ids: (G,) likewise; `hold_out` makes some people missing.
        query_cameras: (Q,) whole numbers or text; None for both sides skips nothing.
        gallery_cameras: (G,) likewise.
        fpirs: False alarm rates.
        rank: First places in which the right person counts as found.
        confidence: Of the intervals.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        A threshold and the rates at each false alarm rate.

    Raises:
        ValueError: An argument that does not fit, or there are no queries with, or
            none without, a match.
    """
    fpirs = checked_fars(fpirs)
    (rank,) = checks.at_least(1, rank=rank)
    confidence = checked_confidence(confidence)
    products = similarities.Products(query, gallery, normalise=normalise)
    given = labels.checked(
        query_ids, gallery_ids, query_cameras, gallery_cameras, products.shape
    )
    best = _best(products, given, rank)
    sides = best.scores[best.is_mated], best.scores[~best.is_mated]
    for side, kind in zip(sides, ("with", "without"), strict=True):
        if not len(side):
            raise ValueError(f"no query is {kind} a match in the gallery: see hold_out")
    points, refused = _points(best, fpirs, confidence)
    return OpenSet(points, refused, *sides, rank)


def hold_out(gallery_ids: Any, *, share: float = 0.5, seed: int = 0) -> np.ndarray:
    """Which gallery images stay if some people are taken out of the gallery.

    Args:
        gallery_ids: (G,) whole numbers or text.
        share: Of the people who are taken out; at least one is, and one stays.
        seed: Decides who.

    Returns:
        (G,) bool.

    Raises:
        ValueError: There are fewer than two people, or an argument does not fit.
    """
    ids = checks.array("gallery_ids", gallery_ids)
    (codes,) = checks.codes(gallery_ids=(ids, len(ids)))
    portion = checks.number("share", share)
    if not 0 < portion < 1:
        raise ValueError(f"{share=} must be greater than 0 and less than 1")
    people = np.unique(codes[~labels.is_unknown(ids)])
    if len(people) < 2:
        raise ValueError(f"gallery_ids shows {len(people)} people, must be at least 2")
    num = min(max(1, round(portion * len(people))), len(people) - 1)
    rng = np.random.default_rng(*checks.at_least(0, seed=seed))
    return ~np.isin(codes, rng.choice(people, num, replace=False))


def _best(products: similarities.Products, given: Labels, rank: int) -> _Best:
    """Scores of the queries that count."""
    order = np.argsort(given.gallery_ids, kind="stable")
    order = order[given.is_known[order]]
    if not order.size:
        raise ValueError("gallery_ids are all unknown (-1)")
    people, starts = np.unique(given.gallery_ids[order], return_index=True)
    cameras = given.gallery_cameras[order]
    own = np.searchsorted(people, given.query_ids).clip(max=len(people) - 1)
    is_there = people[own] == given.query_ids
    scores, is_mated = [], []
    for start, block in _blocks(products):
        rows = slice(start, start + len(block))
        block = block[:, order]
        same = given.query_ids[rows, None] == given.gallery_ids[order]
        same &= given.query_cameras[rows, None] == cameras
        block[same] = -np.inf
        of_person = np.maximum.reduceat(block, starts, axis=1)
        mine = of_person[np.arange(len(block)), own[rows]]
        ahead = (of_person >= mine[:, None]).sum(axis=1) - 1
        mated = np.where(ahead < rank, mine, -np.inf)
        scores.append(np.where(is_there[rows], mated, of_person.max(axis=1)))
        is_mated.append(is_there[rows] & np.isfinite(mine))
    found = _Best(given.query_ids, np.concatenate(is_mated), np.concatenate(scores))
    counts = (found.is_mated | ~is_there) & (given.query_ids >= 0)
    return _Best(*(part[counts] for part in found))


def _blocks(products: similarities.Products) -> Iterator[tuple[int, np.ndarray]]:
    start = 0
    step = max(1, similarities.BLOCK_ENTRIES // 16 // products.shape[1])
    for block in products.blocks():
        for at in range(0, len(block), step):
            yield start + at, block[at : at + step]
        start += len(block)


def _points(
    best: _Best, fpirs: Sequence[float], confidence: float
) -> tuple[tuple[OpenSetPoint, ...], dict[float, str]]:
    mated, unmated = best.scores[best.is_mated], best.scores[~best.is_mated]
    thresholds, refused = {}, {}
    for fpir in fpirs:
        try:
            thresholds[fpir] = error_rates.threshold_at(unmated, fpir)
        except UnresolvedError as error:
            told = str(error).replace("far=", "fpir=")
            refused[fpir] = told.replace("impostor pairs", "queries without a match")
    people, codes = np.unique(best.people, return_inverse=True)
    found = None
    if len(people) >= MIN_PEOPLE and thresholds:
        codes = codes.reshape(-1).astype(np.int32)
        found = resampling.intervals(
            Clustered.of(mated, codes[best.is_mated]),
            Clustered.of(unmated, codes[~best.is_mated]),
            num_units=len(people),
            fars=tuple(thresholds),
            thresholds=tuple(thresholds.values()),
            confidence=confidence,
        )

    def spread(figure: str, place: int) -> Interval | None:
        return None if found is None else getattr(found, figure)[place]

    points = tuple(
        OpenSetPoint(
            fpir,
            threshold,
            float((unmated >= threshold).mean()),
            spread("far", place),
            float((mated >= threshold).mean()),
            spread("tar", place),
        )
        for place, (fpir, threshold) in enumerate(thresholds.items())
    )
    return points, refused
