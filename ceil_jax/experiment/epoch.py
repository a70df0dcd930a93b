"""One epoch of training: embed, cluster, match, fit."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common import parallel
from ceil_jax.common.errors import UserError
from ceil_jax.common.progress import bar
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.datasets.read_ahead import read_ahead
from ceil_jax.embedding.embedder import Embedder, unit_rows
from ceil_jax.evaluation.scoring import Embeddings
from ceil_jax.training import fit, pseudo_labels
from ceil_jax.training.cluster_quality import purity_and_recall
from ceil_jax.training.pseudo_labels import PseudoLabels
from ceil_jax.training.state import Memories, TrainState, variables_of
from ceil_jax.training.within import MODALITIES, Within

AtStep = Callable[[Callable[[], tuple[TrainState, Within]]], None]


class Timer:
    """Seconds of the named parts of an epoch."""

    def __init__(self, seconds: Mapping[str, float] | None = None) -> None:
        """Start with none, or with those of an earlier part of the epoch.

        Args:
            seconds: Of the parts so far.
        """
        self.seconds: dict[str, float] = dict(seconds or {})
        self._start = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the time of a `with` block to a part.

        Args:
            name: The part.

        Yields:
            Nothing.
        """
        self._start = time.monotonic()
        yield
        self.seconds = self.so_far(name)

    def so_far(self, name: str) -> dict[str, float]:
        """The seconds with those of the part that is going on.

        Args:
            name: The part.

        Returns:
            Seconds by part.
        """
        passed = time.monotonic() - self._start
        return self.seconds | {name: self.seconds.get(name, 0.0) + passed}


class Clusters(NamedTuple):
    """How images are clustered, see `clustering.cluster`."""

    k1: int
    k2: int
    eps: float
    min_samples: int


class Partners(NamedTuple):
    """How centres are matched across modalities, see `matching.match`."""

    k1: int
    k2: int


class Drawing(NamedTuple):
    """How batches are drawn.

    Attributes:
        visible_rows: Visible images of a batch; there are twice as many infrared ones.
        images_per_proxy: Images of each drawn proxy.
        num_steps: Batches of an epoch of stage 1 and of stage 2.
        seed: Of the training.
    """

    visible_rows: int
    images_per_proxy: int
    num_steps: tuple[int, int]
    seed: int


@dataclass(frozen=True)
class Trainer:
    """The compiled steps of a training, and what does not change between its epochs.

    Attributes:
        sets: The visible and the infrared training images.
        devices: The devices that share every batch.
        embed: What embeds the training images.
        renormalise: Whether its rows are averages, which are shorter than 1.
        steps: The compiled step of each stage.
        rate_of: The learning rate by epoch, counted from 1.
        stage1_epochs: Epochs of stage 1; every later one is of stage 2.
        clusters: How images are clustered.
        partners: How centres are matched.
        drawing: How batches are drawn.
    """

    sets: tuple[ImageSet, ImageSet]
    devices: list[Any]
    embed: Embedder
    renormalise: bool
    steps: Mapping[int, parallel.OverDevices]
    rate_of: Callable[[int], float]
    stage1_epochs: int
    clusters: Clusters
    partners: Partners
    drawing: Drawing

    def __post_init__(self) -> None:
        """Refuse a training of nothing.

        Raises:
            UserError: There is no image.
        """
        if not any(map(len, self.sets)):
            raise UserError("there are no training images")

    def stage_of(self, epoch: int) -> int:
        """The stage of an epoch, which is counted from 1."""
        return 1 if epoch <= self.stage1_epochs else 2

    @property
    def num_images(self) -> dict[str, int]:
        """Number of training images by modality."""
        return dict(zip(MODALITIES, map(len, self.sets), strict=True))

    def epoch(self, state: TrainState, epoch: int) -> tuple[TrainState, dict[str, Any]]:
        """Train one epoch.

        Args:
            state: The state before; the first step takes it over.
            epoch: Counted from 1; decides stage, rate and draws.

        Returns:
            The state after, and the epoch's object of `metrics.jsonl`.

        Raises:
            UserError: No cluster was found, or the training diverged.
        """
        return self.finish(state, self.begin(state, epoch))

    def begin(self, state: TrainState, epoch: int) -> Within:
        """All that comes before the first step of an epoch: embed, cluster, match.

        Args:
            state: The state before; it is left as it is.
            epoch: Counted from 1.

        Returns:
            The epoch, no step of which is taken.

        Raises:
            UserError: No cluster was found.
        """
        variables = variables_of(state)
        timer, stage = Timer(), self.stage_of(epoch)
        with timer.part("embed"):
            features = [
                self._embed(variables, images, modality)
                for images, modality in zip(self.sets, MODALITIES, strict=True)
            ]
        with timer.part("cluster"):
            labels = self._find_labels(features, epoch)
            sizes = pseudo_labels.capacities(self.sets, labels)
            memories = pseudo_labels.initial_memories(features, labels, sizes)
        figures: dict[str, Any] = {"epoch": epoch, "stage": stage}
        across = None
        if stage == 2:
            with timer.part("match"):
                across, right = self._match(memories, labels)
            if right is not None:
                figures["right_matches"] = right
        figures["seconds"] = timer.seconds
        tables = pseudo_labels.both_tables(labels, sizes, across)
        return Within(epoch, 0, memories, tables, labels, {}, figures)

    def finish(
        self, state: TrainState, begun: Within, at_step: AtStep | None = None
    ) -> tuple[TrainState, dict[str, Any]]:
        """Take the steps of an epoch, or those that are left of it.

        Args:
            state: The state at the place of `begun`; the first step takes it over.
            begun: Where the epoch is.
            at_step: Called between two steps with what gives the state and the place
                within the epoch; what it raises ends the epoch.

        Returns:
            The state after, and the epoch's object of `metrics.jsonl`.

        Raises:
            UserError: The training diverged.
        """
        timer = Timer(begun.figures["seconds"])
        with timer.part("fit"):
            state, losses = self._fit(state, begun, timer, at_step)
        record = dict(begun.figures)
        record |= losses | {"learning_rate": self.rate_of(begun.epoch)}
        record |= {
            name: side.counts()
            | purity_and_recall(side.kept, side.clusters, images.identities)
            for name, side, images in zip(
                MODALITIES, begun.labels, self.sets, strict=True
            )
            if side is not None
        }
        return state, record | {"seconds": timer.seconds}

    def embeddings(self, variables: Any) -> list[Embeddings]:
        """The training images as the model sees them.

        Args:
            variables: The weights.

        Returns:
            Visible, infrared; no rows of a modality without images.
        """
        found = [
            self._embed(variables, images, modality)
            for images, modality in zip(self.sets, MODALITIES, strict=True)
        ]
        width = next(rows.shape[1] for rows in found if rows is not None)
        none = np.zeros((0, width), np.float32)
        return [
            Embeddings(
                none if rows is None else rows,
                images.identities,
                images.cameras,
                images.names,
            )
            for rows, images in zip(found, self.sets, strict=True)
        ]

    def _embed(
        self, variables: Any, images: ImageSet, modality: str
    ) -> np.ndarray | None:
        """Unit rows of one modality's training images; None where there are none."""
        if not len(images):
            return None
        rows = self.embed(variables, images, modality)
        return unit_rows(rows) if self.renormalise else rows

    def _find_labels(
        self, features: list[np.ndarray | None], epoch: int
    ) -> tuple[PseudoLabels | None, PseudoLabels | None]:
        found: list[PseudoLabels | None] = []
        total = sum(map(len, self.sets))
        with bar(total=total, desc=f"epoch {epoch} clustering", unit="img") as shown:
            for rows, images, modality in zip(
                features, self.sets, MODALITIES, strict=True
            ):
                if rows is None:
                    found.append(None)
                    continue
                found.append(
                    pseudo_labels.find(
                        rows,
                        images,
                        modality,
                        **self.clusters._asdict(),
                    )
                )
                shown.update(len(images))
        visible, infrared = found
        return visible, infrared

    def _match(self, memories: Memories, labels: Any) -> tuple[Any, float | None]:
        """Partners across modalities, and the share of right ones where it is known."""
        across = pseudo_labels.match_across(memories, labels, **self.partners._asdict())
        identities = (self.sets[0].identities, self.sets[1].identities)
        partners = across[0][0]
        right = pseudo_labels.share_of_right_matches(labels, identities, partners)
        return across, right

    def _fit(
        self,
        state: TrainState,
        begun: Within,
        timer: Timer,
        at_step: AtStep | None,
    ) -> tuple[TrainState, dict[str, float]]:
        epoch, drawing = begun.epoch, self.drawing
        stage = self.stage_of(epoch)
        num_steps = drawing.num_steps[stage - 1]
        sides = [
            None if label is None else fit.Side(images, label)
            for images, label in zip(self.sets, begun.labels, strict=True)
        ]
        source = fit.batches(
            *sides,
            visible_rows=drawing.visible_rows,
            images_per_proxy=drawing.images_per_proxy,
            num_steps=num_steps,
            seed=(drawing.seed, epoch),
            done=begun.step,
        )
        state, memories, tables = parallel.replicate(
            (state, begun.memories, begun.tables), self.devices
        )

        def between(reached: Callable[[], fit.Reached]) -> None:
            def take() -> tuple[TrainState, Within]:
                now = reached()
                figures = begun.figures | {"seconds": timer.so_far("fit")}
                return now.state, begun._replace(
                    step=now.step,
                    memories=now.memories,
                    sums=now.sums,
                    figures=figures,
                )

            assert at_step is not None
            at_step(take)

        sent = (parallel.send(batch, self.devices) for batch in source)
        with closing(read_ahead(sent)) as ready:
            return fit.fit(
                self.steps[stage],
                state,
                memories,
                tables,
                self.rate_of(epoch),
                ready,
                num_steps=num_steps,
                epoch=epoch,
                done=begun.step,
                sums=begun.sums,
                at_step=between if at_step is not None else None,
            )
