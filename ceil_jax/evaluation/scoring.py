"""Scoring embeddings under a data set's protocol, plain and re-ranked."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.progress import bar
from ceil_jax.evaluation import cautions, metrics
from ceil_jax.evaluation.pictured import pick_queries
from ceil_jax.evaluation.protocols import Mode, Plan, Trial, metric_of
from ceil_jax.evaluation.results import (
    RANKS,
    ModeResults,
    RerankParams,
    Results,
    summarise,
)
from ceil_jax.evaluation.similarities import Products, Similarities
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


class RankedExamples(NamedTuple):
    """A few queries and the head of their ranked lists, ready to be drawn.

    Attributes:
        mode: Name of the search mode.
        query_modality: "visible" or "infrared": whose images the queries are.
        gallery_modality: The other one.
        queries: Positions in the query modality's test images, (n,).
        gallery: Positions in the gallery modality's test images, (m,): every image that
            some list shows.
        rankings: By "plain" and "GCR" (if re-ranked): indices into `gallery`, (n, top),
            best first; -1 past the end of a list.
        correct: By the same names: whether it is the right person, (n, top) bool.
        titles: Identity and camera of each query.
    """

    mode: str
    query_modality: str
    gallery_modality: str
    queries: np.ndarray
    gallery: np.ndarray
    rankings: dict[str, np.ndarray]
    correct: dict[str, np.ndarray]
    titles: list[str]


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
    total = sum(map(len, plan.trials.values()))
    modes, images = {}, {}
    with bar(total=total, desc="Scoring", unit="trial") as shown:
        for mode, trials in plan.trials.items():
            query, gallery = sides[mode.query_modality], sides[mode.gallery_modality]
            params = _parameters(query, gallery, trials[0], rerank)
            scored = score_trials(
                query,
                gallery,
                trials,
                protocol=metric_of(plan.protocol),
                rerank=params,
                search=search,
                max_rank=max_rank,
                on_trial=shown.update if progress else None,
            )
            found = _mode_results(scored, trials)
            if params is not None:
                first = _identities(query, gallery, trials[0])
                images[mode.name] = cautions.images_per_person(*first), params.k1
            own = params if rerank == "auto" else None
            modes[mode.name] = dataclasses.replace(found, rerank=own)
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

    Returns:
        The figures of each trial.

    Raises:
        ValueError: An argument that does not fit.
        UserError: A gallery in which no query has a true match.
    """
    scored = []
    for trial in trials:
        parts = _take(query, trial.query), _take(gallery, trial.gallery)
        try:
            plain, re_ranked = (
                None
                if similarity is None
                else metrics.evaluate(
                    similarity, *_labels(*parts), protocol=protocol, max_rank=max_rank
                )
                for similarity in _similarities(*parts, rerank, search)
            )
        except metrics.NoMatchError as error:
            raise UserError(f"the test set cannot be scored: {error}") from error
        assert plain is not None
        scored.append(TrialMetrics(plain, re_ranked))
        if on_trial is not None:
            on_trial()
    return scored


def ranked_examples(
    visible: Embeddings,
    infrared: Embeddings,
    plan: Plan,
    *,
    mode: Mode,
    rerank: Rerank = None,
    search: Search = "exact",
    num_queries: int = 6,
    top: int = 10,
) -> RankedExamples:
    """A few queries with the head of their ranked lists, in the first gallery.

    Args:
        visible: The visible test images.
        infrared: The infrared test images.
        plan: Queries and galleries, see `protocols.plan`.
        mode: One of the plan's.
        rerank: Parameters of GCR, None to do without, or "auto".
        search: How its neighbours are found.
        num_queries: Queries to show, see `ranked_lists.pick_queries`.
        top: Places to show.

    Returns:
        The lists; images that the protocol skips for a query are not in them.

    Raises:
        ValueError: An argument that does not fit.
        UserError: The test set lacks what the protocol needs.
    """
    sides = _checked_sides(visible, infrared, plan.protocol)
    trial, protocol = plan.trials[mode][0], metric_of(plan.protocol)
    both = sides[mode.query_modality], sides[mode.gallery_modality]
    params = _parameters(*both, trial, rerank)
    query, gallery = _take(both[0], trial.query), _take(both[1], trial.gallery)
    lists = {
        name: metrics.top_ranked(
            similarity, *_labels(query, gallery), protocol=protocol, top=top
        )
        for name, similarity in zip(
            ("plain", "GCR"), _similarities(query, gallery, params, search), strict=True
        )
        if similarity is not None
    }
    picked = pick_queries(
        {name: correct for name, (_, correct) in lists.items()},
        metrics.has_match(*_labels(query, gallery), protocol=protocol),
        num_queries=num_queries,
    )
    rankings = {name: indices[picked] for name, (indices, _) in lists.items()}
    shown = np.unique(np.concatenate([r[r >= 0] for r in rankings.values()]))
    return RankedExamples(
        mode=mode.name,
        query_modality=mode.query_modality,
        gallery_modality=mode.gallery_modality,
        queries=trial.query[picked],
        gallery=trial.gallery[shown],
        rankings={
            name: np.where(r >= 0, np.searchsorted(shown, r), -1)
            for name, r in rankings.items()
        },
        correct={name: correct[picked] for name, (_, correct) in lists.items()},
        titles=_titles(query, picked),
    )


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


def _similarities(
    query: Embeddings,
    gallery: Embeddings,
    rerank: RerankParams | None,
    search: Search,
) -> Iterator[Similarities | None]:
    """Plain, then re-ranked, each (Q, G); None without re-ranking."""
    yield Products(query.features, gallery.features, normalise=False)
    if rerank is None:
        yield None
        return
    re_ranked = gcr(
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
    yield np.asarray(re_ranked)


def _mode_results(
    scored: Sequence[TrialMetrics], trials: Sequence[Trial]
) -> ModeResults:
    re_ranked = [trial.gcr for trial in scored if trial.gcr is not None]
    return ModeResults(
        plain=summarise([trial.plain for trial in scored]),
        gcr=summarise(re_ranked) if re_ranked else None,
        num_queries=scored[0].plain.num_valid_queries,
        num_gallery=len(trials[0].gallery),
    )


def _titles(side: Embeddings, rows: np.ndarray) -> list[str]:
    pairs = zip(side.identities[rows], side.cameras[rows], strict=True)
    return [f"id {identity}, cam {camera}" for identity, camera in pairs]
