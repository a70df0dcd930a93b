"""One epoch of training: embed, cluster, match, fit."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np

from ceil_jax.common import parallel
from ceil_jax.common.errors import UserError
from ceil_jax.common.progress import bar
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.datasets.loading import Splits
from ceil_jax.datasets.read_ahead import read_ahead
from ceil_jax.experiment import build
from ceil_jax.experiment.config import Config
from ceil_jax.training import fit, pseudo_labels, schedules, steps
from ceil_jax.training.objective import Objective
from ceil_jax.training.pseudo_labels import PseudoLabels
from ceil_jax.training.state import Memories, TrainState

MODALITIES = ("visible", "infrared")


class Timer:
    """Seconds of the named parts of an epoch."""

    def __init__(self) -> None:
        """Start with none."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the time of a `with` block to a part.

        Args:
            name: The part.

        Yields:
            Nothing.
        """
        start = time.monotonic()
        yield
        passed = time.monotonic() - start
        self.seconds[name] = self.seconds.get(name, 0.0) + passed


def schedule_of(config: Config) -> Any:
    """The learning rate by epoch that the configuration describes.

    Args:
        config: The whole configuration.

    Returns:
        A function of the epoch, counted from 1.

    Raises:
        UserError: The schedule's numbers do not fit.
    """
    optimizer = config.optimizer
    try:
        if optimizer.schedule == "cosine":
            return schedules.warmup_cosine(
                optimizer.rate,
                num_epochs=config.num_epochs,
                warmup_epochs=optimizer.warmup_epochs,
            )
        return schedules.warmup_multistep(
            optimizer.rate,
            warmup_epochs=optimizer.warmup_epochs,
            warmup_factor=optimizer.warmup_factor,
            milestones=optimizer.milestones,
            gamma=optimizer.gamma,
        )
    except ValueError as error:
        raise UserError(f"config.optimizer: {error}") from error


class Trainer:
    """The compiled steps of a training, and what does not change between its epochs."""

    def __init__(self, config: Config, splits: Splits, devices: list[Any]) -> None:
        """Build the steps; they compile at their first use.

        Args:
            config: The whole configuration, checked.
            splits: The images.
            devices: The devices that share every batch.

        Raises:
            UserError: The schedule's numbers do not fit, or there is no image.
        """
        self._config = config
        self.rate_of = schedule_of(config)
        self._sets = (splits.train_visible, splits.train_infrared)
        if not any(map(len, self._sets)):
            raise UserError("there are no training images")
        self._devices = devices
        encoder = build.encoder_of(config, synchronised=True)
        flips = (config.clustering.train_flip, config.evaluation.flip)
        embedders = {
            flip: build.embedder_of(config, devices, flip=flip) for flip in set(flips)
        }
        self.embed_train, self.embed_test = (embedders[flip] for flip in flips)
        self._steps = {
            stage: steps.train_step_over(
                devices,
                encoder=encoder,
                optimizer=build.optimizer_of(config),
                constants=_objective(config),
                stage=stage,
                seed=config.seed,
                pad=config.augment.pad,
                strong_view_from=config.augment.strong_view_from,
            )
            for stage in (1, 2)
        }

    @property
    def num_images(self) -> dict[str, int]:
        """Number of training images by modality."""
        return dict(zip(MODALITIES, map(len, self._sets), strict=True))

    def epoch(self, state: TrainState, epoch: int) -> tuple[TrainState, dict[str, Any]]:
        """Train one epoch.

        Args:
            state: The state before; donated.
            epoch: Counted from 1; decides stage, rate and draws.

        Returns:
            The state after, and the epoch's object of `metrics.jsonl`.

        Raises:
            UserError: No cluster was found, or the training diverged.
        """
        config, timer = self._config, Timer()
        stage, rate = config.stage_of(epoch), self.rate_of(epoch)
        variables = build.variables_of(state)
        with timer.part("embed"):
            features = [
                self._embed(variables, images, modality)
                for images, modality in zip(self._sets, MODALITIES, strict=True)
            ]
        with timer.part("cluster"):
            labels = self._find_labels(features, epoch)
            sizes = pseudo_labels.capacities(self._sets, labels)
            memories = Memories(
                *(
                    None
                    if rows is None or side is None or size is None
                    else pseudo_labels.initial_memory(rows, side, size)
                    for rows, side, size in zip(features, labels, sizes, strict=True)
                )
            )
        record: dict[str, Any] = {"epoch": epoch, "stage": stage}
        across = None
        if stage == 2:
            with timer.part("match"):
                across, right = self._match(memories, labels)
            if right is not None:
                record["right_matches"] = right
        with timer.part("fit"):
            state, losses = self._fit(
                state,
                memories,
                pseudo_labels.both_tables(labels, sizes, across),
                labels,
                epoch,
            )
        record |= losses | {"learning_rate": rate}
        record |= {
            name: side.counts()
            for name, side in zip(MODALITIES, labels, strict=True)
            if side is not None
        }
        return state, record | {"seconds": timer.seconds}

    def _embed(
        self, variables: Any, images: ImageSet, modality: str
    ) -> np.ndarray | None:
        """Unit rows of one modality's training images; None where there are none."""
        if not len(images):
            return None
        rows = self.embed_train(variables, images, modality)
        return build.unit_rows(rows) if self._config.clustering.train_flip else rows

    def _find_labels(
        self, features: list[np.ndarray | None], epoch: int
    ) -> tuple[PseudoLabels | None, PseudoLabels | None]:
        clustering = self._config.clustering
        found: list[PseudoLabels | None] = []
        total = sum(map(len, self._sets))
        with bar(total=total, desc=f"epoch {epoch} clustering", unit="img") as shown:
            for rows, images, modality in zip(
                features, self._sets, MODALITIES, strict=True
            ):
                if rows is None:
                    found.append(None)
                    continue
                found.append(
                    pseudo_labels.find(
                        rows,
                        images,
                        modality,
                        k1=clustering.k1,
                        k2=clustering.k2,
                        eps=clustering.eps,
                        min_samples=clustering.min_samples,
                    )
                )
                shown.update(len(images))
        visible, infrared = found
        return visible, infrared

    def _match(self, memories: Memories, labels: Any) -> tuple[Any, float | None]:
        """Partners across modalities, and the share of right ones where it is known."""
        matching = self._config.matching
        across = pseudo_labels.match_across(
            memories, labels, k1=matching.k1, k2=matching.k2
        )
        identities = (self._sets[0].identities, self._sets[1].identities)
        partners = across[0][0]
        right = pseudo_labels.share_of_right_matches(labels, identities, partners)
        return across, right

    def _fit(
        self,
        state: TrainState,
        memories: Memories,
        tables: Any,
        labels: Any,
        epoch: int,
    ) -> tuple[TrainState, dict[str, float]]:
        config = self._config
        stage = config.stage_of(epoch)
        num_steps = (config.batch.stage1_steps, config.batch.stage2_steps)[stage - 1]
        sides = [
            None if label is None else fit.Side(images, label)
            for images, label in zip(self._sets, labels, strict=True)
        ]
        source = fit.batches(
            *sides,
            visible_rows=config.batch.visible_rows,
            images_per_proxy=config.batch.images_per_proxy,
            num_steps=num_steps,
            seed=(config.seed, epoch),
        )
        state, memories, tables = parallel.replicate(
            (state, memories, tables), self._devices
        )
        sent = (parallel.send(batch, self._devices) for batch in source)
        with closing(read_ahead(sent)) as ready:
            return fit.fit(
                self._steps[stage],
                state,
                memories,
                tables,
                self.rate_of(epoch),
                ready,
                num_steps=num_steps,
                epoch=epoch,
            )


def _objective(config: Config) -> Objective:
    part = config.objective
    return Objective(
        temperature=part.temperature,
        num_negatives=part.num_negatives,
        update=part.update,  # type: ignore[arg-type]
        smoothing=part.smoothing,
        beta=part.beta,
        memory_gradient=part.memory_gradient,  # type: ignore[arg-type]
        contrast=part.contrast,  # type: ignore[arg-type]
    )
