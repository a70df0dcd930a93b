"""Keeping what every query found, in the pass that computes the figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ceil_jax.common import digest
from ceil_jax.evaluation import metrics, places
from ceil_jax.evaluation.labelled import Labelled
from ceil_jax.evaluation.labels import UNKNOWN
from ceil_jax.evaluation.protocols import Mode, Trial
from ceil_jax.evaluation.rankings import (
    Cells,
    EachQuery,
    Images,
    Lists,
    ModeRankings,
    Rankings,
)
from ceil_jax.neighbours.largest import largest

TOP = 100
"""Images of each list that are kept."""
_ROWS_ENTRIES = 1 << 20
"""Similarities whose lists are made at a time."""

OnBlock = Callable[[int, np.ndarray], object]


class Recorder:
    """Collects the rankings of an evaluation, mode by mode.

    Attributes:
        rankings: Those of the modes that are done.
    """

    def __init__(self, *, top: int = TOP) -> None:
        """Begin with nothing.

        Args:
            top: Images of each list to keep.
        """
        self.rankings: Rankings = {}
        self._top = top

    def begin(
        self,
        mode: Mode,
        query: Labelled,
        gallery: Labelled,
        trials: Sequence[Trial],
        *,
        protocol: str,
    ) -> "ModeRecorder":
        """Begin with a mode.

        Args:
            mode: The mode.
            query: Test images of the query modality.
            gallery: Test images of the gallery modality.
            trials: Which of them are used, one entry per gallery.
            protocol: One of `metrics.PROTOCOLS`.

        Returns:
            What its trials are told to.
        """
        sides = _Side(query), _Side(gallery)
        return ModeRecorder(mode, *sides, trials, protocol, self._top)

    def end(self, recorded: "ModeRecorder") -> None:
        """Keep a mode whose trials are all done.

        Args:
            recorded: What `begin` gave.
        """
        self.rankings[recorded.name] = recorded.finished()


class _Side:
    """The labels of one modality's test images, as they are kept."""

    def __init__(self, images: Labelled) -> None:
        self._names = np.asarray(images.names, np.str_)
        self._identities = np.asarray(images.identities, np.int64)
        self._cameras = np.asarray(images.cameras, np.int64)

    def take(self, rows: np.ndarray) -> Images:
        return Images(self._names[rows], self._identities[rows], self._cameras[rows])


class _Sums(NamedTuple):
    """Sums over the queries of each pair of cameras, (a, b)."""

    first: np.ndarray
    precision: np.ndarray
    number: np.ndarray


class ModeRecorder:
    """Collects the rankings of one mode.

    Attributes:
        name: The mode's.
    """

    def __init__(
        self,
        mode: Mode,
        query: _Side,
        gallery: _Side,
        trials: Sequence[Trial],
        protocol: str,
        top: int,
    ) -> None:
        """See `Recorder.begin`.

        Args:
            mode: The mode.
            query: Test images of the query modality.
            gallery: Test images of the gallery modality.
            trials: Which of them are used.
            protocol: One of `metrics.PROTOCOLS`.
            top: Images of each list to keep.
        """
        self.name = mode.name
        self._mode, self._protocol, self._top = mode, protocol, top
        self._sides = [
            (query.take(trial.query), gallery.take(trial.gallery)) for trial in trials
        ]
        queries, images = zip(*self._sides, strict=True)
        self._cameras = _cameras(queries), _cameras(images)
        first = trials[0].query
        self._one_query_set = all(np.array_equal(first, t.query) for t in trials)
        self._lists: dict[str, list[Lists]] = {}
        self._each: dict[str, list[metrics.EachQuery]] = {}
        self._cells: dict[str, list[_Sums]] = {}
        self._num_done = 0

    def watch(self, re_ranked: np.ndarray | None) -> OnBlock:
        """Begin with the next trial.

        Args:
            re_ranked: Its re-ranked similarities, (Q, G), if there are any.

        Returns:
            To be called with the plain ones, see `metrics.each_query`.
        """
        query, gallery = self._sides[self._num_done]
        is_first = not self._num_done
        by_camera = len(np.unique(gallery.cameras)) > 1

        def on_block(first: int, block: np.ndarray) -> None:
            rows = slice(first, first + len(block))
            both = {"plain": block}
            if re_ranked is not None:
                both["gcr"] = re_ranked[rows]
            if is_first:
                self._add_lists(_taken(query, rows), gallery, both)
            if by_camera:
                self._add_cells(_taken(query, rows), gallery, both)

        return on_block

    def add(self, each: Mapping[str, metrics.EachQuery]) -> None:
        """Keep the figures of the trial that was watched.

        Args:
            each: By kind.
        """
        query, gallery = self._sides[self._num_done]
        cameras = np.unique(gallery.cameras)
        for kind, figures in each.items():
            if not self._num_done or self._one_query_set:
                self._each.setdefault(kind, []).append(figures)
            sums = self._sums(kind)
            if len(cameras) == 1:  # the whole gallery is what the camera sees
                self._add_up(sums, query, int(cameras[0]), figures)
        self._num_done += 1

    def finished(self) -> ModeRankings:
        """What was collected.

        Returns:
            The rankings of all trials.
        """
        query, gallery = self._sides[0]
        return ModeRankings(
            query_modality=self._mode.query_modality,
            gallery_modality=self._mode.gallery_modality,
            query=query,
            gallery=gallery,
            gallery_digests=np.array([_digest(*sides) for sides in self._sides]),
            query_cameras=self._cameras[0],
            gallery_cameras=self._cameras[1],
            lists={
                kind: Lists(*map(np.concatenate, zip(*parts, strict=True)))
                for kind, parts in self._lists.items()
            },
            each={kind: _stacked(trials) for kind, trials in self._each.items()},
            cells={kind: _mean(trials) for kind, trials in self._cells.items()},
        )

    def _add_lists(
        self, query: Images, gallery: Images, both: Mapping[str, np.ndarray]
    ) -> None:
        step = max(1, _ROWS_ENTRIES // len(gallery.names))
        for start in range(0, len(query.names), step):
            rows = slice(start, start + step)
            some = {kind: scores[rows] for kind, scores in both.items()}
            asked = _taken(query, rows)
            stands = metrics.counted(*_labels(asked, gallery), protocol=self._protocol)
            for kind, found in _lists(asked, gallery, some, stands, self._top).items():
                self._lists.setdefault(kind, []).append(found)

    def _add_cells(
        self, query: Images, gallery: Images, both: Mapping[str, np.ndarray]
    ) -> None:
        for camera in np.unique(gallery.cameras).tolist():
            columns = np.flatnonzero(gallery.cameras == camera)
            labels = _labels(query, _taken(gallery, columns))
            for kind, scores in both.items():
                part = scores[:, columns]
                each = metrics.each_query(part, *labels, protocol=self._protocol)
                self._add_up(self._sums(kind), query, camera, each)

    def _sums(self, kind: str) -> _Sums:
        """Those of the trial that is being done."""
        trials = self._cells.setdefault(kind, [])
        if len(trials) <= self._num_done:
            shape = len(self._cameras[0]), len(self._cameras[1])
            trials.append(_Sums(*np.zeros((3, *shape))))
        return trials[-1]

    def _add_up(
        self, sums: _Sums, query: Images, camera: int, each: metrics.EachQuery
    ) -> None:
        """Add the figures of some queries among the images of one camera."""
        rows = each.order
        place = np.searchsorted(self._cameras[0], query.cameras[rows])
        column = np.searchsorted(self._cameras[1], camera)
        np.add.at(sums.first[:, column], place, each.first[rows] == 1)
        np.add.at(sums.precision[:, column], place, each.average_precision[rows])
        np.add.at(sums.number[:, column], place, 1)


def _cameras(sides: Sequence[Images]) -> np.ndarray:
    return np.unique(np.concatenate([side.cameras for side in sides]))


def _taken(images: Images, rows: slice | np.ndarray) -> Images:
    return Images(*(array[rows] for array in images))


def _labels(query: Images, gallery: Images) -> tuple[np.ndarray, ...]:
    """In the order of the arguments of `metrics.each_query`."""
    return query.identities, gallery.identities, query.cameras, gallery.cameras


def _digest(query: Images, gallery: Images) -> str:
    """The names in their order: it decides between images that are equally similar."""
    names = {"query": query.names.tolist(), "gallery": gallery.names.tolist()}
    return digest.of_arrays({}, names)


def _lists(
    query: Images,
    gallery: Images,
    both: Mapping[str, np.ndarray],
    stands: np.ndarray,
    top: int,
) -> dict[str, Lists]:
    """The heads of the lists of some queries, by kind.

    Args:
        query: The queries.
        gallery: The gallery.
        both: By kind: their similarities, (n, G).
        stands: Which images count for which of them, (n, G) bool.
        top: Length of the heads.
    """
    known = query.identities[:, None] != UNKNOWN
    found = {}
    for kind, scores in both.items():
        # Every row has as many entries: there is no NaN.
        column = largest(scores, top)[2].reshape(len(scores), -1)
        counts = np.take_along_axis(stands, column, axis=1)
        others = [scores for other, scores in both.items() if other != kind]
        elsewhere = _places(others[0], stands, column) if others else np.zeros(())
        found[kind] = Lists(
            gallery=column.astype(np.int32),
            scores=np.take_along_axis(scores, column, 1).astype(np.float32),
            places=np.where(counts, counts.cumsum(axis=1), 0).astype(np.int32),
            other_places=np.where(counts, elsewhere, 0).astype(np.int32),
            right=known & (gallery.identities[column] == query.identities[:, None]),
        )
    return found


def _places(scores: np.ndarray, stands: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Places of given images among those that count."""
    best = np.take_along_axis(scores, column, axis=1)
    listed = np.where(stands, scores, np.float32(np.nan))
    return places.of_images(listed, column, best)


def _stacked(trials: Sequence[metrics.EachQuery]) -> EachQuery:
    return EachQuery(
        np.array([t.average_precision for t in trials], np.float32),
        np.array([t.inverse_penalty for t in trials], np.float32),
        np.array([t.first for t in trials], np.int32),
    )


def _mean(trials: Sequence[_Sums]) -> Cells:
    """The mean over galleries, of those that have a query of the pair."""
    first, precision, number = map(np.array, zip(*trials, strict=True))
    has = number > 0
    with np.errstate(invalid="ignore"):  # a pair that no gallery has is NaN
        shares = [
            np.divide(sums, number, out=np.zeros(has.shape), where=has).sum(axis=0)
            / has.sum(axis=0)
            for sums in (first, precision)
        ]
    values = *shares, number.mean(axis=0)
    return Cells(*(value.astype(np.float32) for value in values))
