"""Scoring embeddings under a data set's protocol, plain and re-ranked."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.progress import bar
from ceil_jax.evaluation import cautions, metrics
from ceil_jax.evaluation.protocols import Plan, Trial, metric_of
from ceil_jax.evaluation.recording import ModeRecorder, Recorder
from ceil_jax.evaluation.results import (
    RANKS,
    ModeResults,
    RerankParams,
    Results,
    summarise,
)
from ceil_jax.evaluation.similarities import Products
from ceil_jax.neighbours.search import Search
from ceil_jax.rerank import gcr
from ceil_jax.rerank.choosing import auto_parameters

Rerank = RerankParams | Literal["auto"] | None
"""Parameters of GCR, "auto" to choose them without labels, None to do without."""


class Embeddings(NamedTuple):
    """The test images of one modality as the model sees them.

    Attributes:
        features: One row per image, (N, d); inner products are the similarities.
        identities: Identity of each image, (N,) integers.
        cameras: Camera of each image, (N,) integers; the data set's own numbers.
        names: Path of each image relative to the data folder, (N,) str.
    """

    features: np.ndarray
    identities: np.ndarray
    cameras: np.ndarray
    names: np.ndarray


class TrialMetrics(NamedTuple):
    """Figures of one gallery; `gcr` is None without re-ranking."""

    plain: metrics.Metrics
    gcr: metrics.Metrics | None


def score_protocol(
    visible: Embeddings,
    infrared: Embeddings,
    plan: Plan,
    *,
    rerank: Rerank = None,
    search: Search = "exact",
    max_rank: int = 20,
    checkpoint: str = "",
    progress: bool = True,
    recorder: Recorder | None = None,
) -> Results:
    """Score the embeddings of a test set in every mode of its protocol.

    Args:
        visible: The visible test images.
        infrared: The infrared test images.
        plan: Queries and galleries, see `protocols.plan`.
        rerank: Parameters of GCR, None to do without, or "auto": chosen for each mode
            from the features of its first query and gallery set.
        search: How GCR's neighbours are found, see `ceil_jax.neighbours.nearest`.
        max_rank: Places of the CMC, at least 20.
        checkpoint: What made the embeddings, for the record.
        progress: Whether to show a bar over the trials.
        recorder: Gets what every query found, in the same pass.

    Returns:
        Mean and standard deviation over trials of every figure, by mode, and a warning
        where there are too few images of each person to re-rank.

    Raises:
        ValueError: An argument that does not fit.
        UserError: The test set lacks what the protocol needs.

    References:
        The released `code/test.py`, `code/train/trainer/tester.py` and
        `code/tools/eavl/eval_metrics.py`. For RegDB it scores one model on all ten
        splits, which is protocol "regdb_released" here.
    """
    if max_rank < max(RANKS):
        raise ValueError(f"{max_rank=} must be at least {max(RANKS)}")
    if not plan.trials:
        raise UserError("there are no test images to score")
    sides = _checked_sides(visible, infrared, plan.protocol)
    protocol = metric_of(plan.protocol)
    total = sum(map(len, plan.trials.values()))
    modes, images = {}, {}
    with bar(total=total, desc="Scoring", unit="trial") as shown:
        for mode, trials in plan.trials.items():
            query, gallery = sides[mode.query_modality], sides[mode.gallery_modality]
            sought = query, gallery, trials
            params = _parameters(query, gallery, trials[0], rerank)
            recorded = recorder and recorder.begin(mode, *sought, protocol=protocol)
            scored = score_trials(
                *sought,
                protocol=protocol,
                rerank=params,
                search=search,
                max_rank=max_rank,
                on_trial=shown.update if progress else None,
                recorded=recorded,
            )
            if recorder and recorded:
                recorder.end(recorded)
            if params is not None:
                first = _identities(query, gallery, trials[0])
                images[mode.name] = cautions.images_per_person(*first), params.k1
            own = params if rerank == "auto" else None
            modes[mode.name] = _mode_results(scored, trials, own)
    return Results(
        protocol=plan.protocol,
        sampling=plan.sampling,
        trials=plan.num_trials,
        modes=modes,
        checkpoint=checkpoint,
        shots=plan.shots,
        galleries=plan.galleries,
        rerank=None if rerank == "auto" else rerank,
        warnings=cautions.few_images(images),
    )


def score_trials(
    query: Embeddings,
    gallery: Embeddings,
    trials: Sequence[Trial],
    *,
    protocol: str,
    rerank: RerankParams | None = None,
    search: Search = "exact",
    max_rank: int = 20,
    on_trial: Callable[[], object] | None = None,
    recorded: ModeRecorder | None = None,
) -> list[TrialMetrics]:
    """Score given queries and galleries.

    The plain similarity is the inner product of the rows as given, q . g: neither it
    nor GCR normalises them, as the mean of an image's and its mirror's embedding is not
    normalised either.

    Args:
        query: Test images of the query modality.
        gallery: Test images of the gallery modality.
        trials: Which of them to use, one entry per gallery.
        protocol: One of `metrics.PROTOCOLS`.
        rerank: Parameters of GCR; None to do without.
        search: How its neighbours are found.
        max_rank: Places of the CMC.
        on_trial: Called after each trial.
        recorded: Gets what every query found.

    Returns:
        The figures of each trial.

    Raises:
        ValueError: An argument that does not fit.
        UserError: A gallery in which no query has a true match.
    """
    scored = []
    for trial in trials:
        parts = _take(query, trial.query), _take(gallery, trial.gallery)
        plain = Products(parts[0].features, parts[1].features, normalise=False)
        re_ranked = None if rerank is None else _re_ranked(*parts, rerank, search)
        watch = recorded.watch(re_ranked) if recorded else None
        options: Any = {"protocol": protocol}
        each = {
            "plain": metrics.each_query(
                plain, *_labels(*parts), on_block=watch, **options
            )
        }
        if re_ranked is not None:
            each["gcr"] = metrics.each_query(re_ranked, *_labels(*parts), **options)
        try:
            found = {
                kind: metrics.averaged(figures, max_rank=max_rank, **options)
                for kind, figures in each.items()
            }
        except metrics.NoMatchError as error:
            raise UserError(f"the test set cannot be scored: {error}") from error
        if recorded:
            recorded.add(each)
        scored.append(TrialMetrics(found["plain"], found.get("gcr")))
        if on_trial is not None:
            on_trial()
    return scored


def _checked_sides(
    visible: Embeddings, infrared: Embeddings, protocol: str
) -> dict[str, Embeddings]:
    sides = {"visible": visible, "infrared": infrared}
    for name, side in sides.items():
        if side.features.ndim != 2:
            raise ValueError(
                f"{name} features have shape {side.features.shape}, must be (N, d)"
            )
        if not len(side.features) and protocol != "standard":
            raise UserError(f"there are no {name} test images")
        for field, array in zip(side._fields[1:], side[1:], strict=True):
            if array.shape != (len(side.features),):
                raise ValueError(
                    f"{name} {field} have shape {array.shape}, must be "
                    f"({len(side.features)},), one per row of the features"
                )
        if not np.isfinite(side.features).all():
            rows = np.flatnonzero(~np.isfinite(side.features).all(axis=1))
            raise ValueError(
                f"{len(rows)} of {len(side.features)} {name} features are NaN or "
                f"infinite, the first of {side.names[rows[0]]}"
            )
    if visible.features.shape[1] != infrared.features.shape[1]:
        raise ValueError(
            f"visible features have {visible.features.shape[1]} columns, infrared "
            f"ones {infrared.features.shape[1]}"
        )
    return sides


def _take(side: Embeddings, rows: np.ndarray) -> Embeddings:
    return Embeddings(*(np.asarray(array)[rows] for array in side))


def _labels(query: Embeddings, gallery: Embeddings) -> tuple[np.ndarray, ...]:
    """The labels in the order of the arguments of `metrics.evaluate`."""
    return query.identities, gallery.identities, query.cameras, gallery.cameras


def _identities(
    query: Embeddings, gallery: Embeddings, trial: Trial
) -> tuple[np.ndarray, np.ndarray]:
    return query.identities[trial.query], gallery.identities[trial.gallery]


def _parameters(
    query: Embeddings, gallery: Embeddings, trial: Trial, rerank: Rerank
) -> RerankParams | None:
    """Those given, or chosen from the features that a trial re-ranks."""
    if rerank != "auto":
        return rerank
    features = query.features[trial.query], gallery.features[trial.gallery]
    return RerankParams(*auto_parameters(*features, normalise=False)[:3])


def _re_ranked(
    query: Embeddings, gallery: Embeddings, rerank: RerankParams, search: Search
) -> np.ndarray:
    """Similarities by GCR, (Q, G)."""
    return np.asarray(
        gcr(
            query.features,
            gallery.features,
            query.cameras,
            gallery.cameras,
            k1=rerank.k1,
            k2=rerank.k2,
            camera_weight=rerank.camera_weight,
            search=search,
            normalise=False,
        )
    )


def _mode_results(
    scored: Sequence[TrialMetrics],
    trials: Sequence[Trial],
    rerank: RerankParams | None,
) -> ModeResults:
    re_ranked = [trial.gcr for trial in scored if trial.gcr is not None]
    return ModeResults(
        plain=summarise([trial.plain for trial in scored]),
        gcr=summarise(re_ranked) if re_ranked else None,
        num_queries=scored[0].plain.num_valid_queries,
        num_gallery=len(trials[0].gallery),
        rerank=rerank,
    )
