"""A run: its images, its compiled steps, and what it leaves in its folder."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.evaluation import rankings
from ceil_jax.evaluation.recording import Recorder
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import (
    build,
    control,
    engine,
    page,
    pictured,
    results_files,
    selection,
    settings,
    sources,
)
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.comparison import Comparison
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.protocol import method_of
from ceil_jax.experiment.record import Origin, start_warnings
from ceil_jax.report import table
from ceil_jax.report.own_names import OwnNames
from ceil_jax.training.state import TrainState, variables_of


class Run:
    """The images, the compiled steps and the protocol of one run.

    Attributes:
        config: The configuration, as it fits the images.
        workdir: The run's folder.
        control: A recorded run to show beside this one, see `control.read_control`.
        initial: The state before the first step.
        trainer: What trains; None if the run only evaluates.
        scorer: What scores.
        splits: The image sets.
    """

    def __init__(
        self,
        config: Config,
        workdir: Path,
        *,
        training: bool,
        init_flag: str = "",
    ) -> None:
        """Load the images and build the steps.

        Args:
            config: The whole configuration, checked.
            workdir: The run's folder.
            training: Whether anything will be trained, or only evaluated.
            init_flag: The flag that named `config.init_from`, where it is what is
                evaluated; a checkpoint is without it.

        Raises:
            UserError: A mistake that the user can mend.
        """
        self.workdir = workdir
        self.control = control.read_control(config)
        # Cheap things are refused before a data set is prepared.
        devices = build.devices_of(config)
        if training:
            build.check_batch(config, len(devices))
        build.check_engine(config)
        protocol = sources.protocol_of(config)
        sources.check_folder(config)
        self.initial = build.initial_state(
            config,
            from_weights=training or bool(init_flag),
            flag=init_flag or "config.init_from",
        )
        self.splits = splits = sources.load_images(config)
        for warning in splits.warnings:
            warn(warning)
        self.config = config
        if training:
            self.config = _told_of_modalities(config, splits)
            self.trainer = build.trainer_of(self.config, splits, devices)
        else:
            self.trainer = None
        self._embed = self._test_embedder(devices)
        tested = sources.tested(config, splits)
        self.scorer = build.scorer_of(
            self.config, protocol, tested, warnings=splits.warnings
        )

    def _test_embedder(self, devices: list[Any]) -> Any:
        """What embeds test images: the training's own where it does the same."""
        flip = self.config.evaluation.flip
        is_jax = self.config.evaluation.engine == "jax"
        alike = is_jax and flip == self.config.clustering.train_flip
        if self.trainer is not None and alike:
            return self.trainer.embed
        return build.embedder_of_tests(self.config, devices)

    def checkpoints(
        self, scores: selection.Scores, guard: Callable[[], None]
    ) -> Checkpoints:
        """The run's checkpoints, to be written.

        Args:
            scores: Those of its epochs: the best one's checkpoint is kept.
            guard: See `Checkpoints`.

        Returns:
            To be used as a context manager.
        """
        keep = tuple(e for e in (self.config.stage1_epochs,) if e)
        return Checkpoints(
            self.workdir / "checkpoints",
            keep_epochs=keep,
            best=lambda: scores.best,
            guard=guard,
        )

    def score(self, state: TrainState, origin: Origin) -> Results:
        """Figures of a state, without any file.

        Args:
            state: The training state.
            origin: Where it comes from.

        Returns:
            The figures.
        """
        return self._score(self._embeddings(state), origin)

    def report(
        self,
        state: TrainState,
        origin: Origin,
        comparison: Comparison | None = None,
        name: str = "",
        own: bool = True,
        note: Callable[[Results], None] = lambda results: None,
    ) -> Results:
        """Evaluate a state; keep figures, rankings and picture; print the tables.

        Args:
            state: The training state.
            origin: Where it comes from.
            comparison: What else was scored in this run; None or empty for nothing.
            name: What the state is called there.
            own: Whether these are the figures of the run's finished training; others
                are kept in `results/`.
            note: Given the figures before they are kept: what it does is done once
                the file is there.

        Returns:
            The figures.
        """
        sides = self._embeddings(state)
        recorder = Recorder()
        results = dataclasses.replace(
            self._score(sides, origin, recorder),
            verification=self.scorer.verification(sides),
        )
        self.workdir.mkdir(parents=True, exist_ok=True)
        model = engine.model_digest(self.config, variables_of(state))
        record = results.to_json() | {
            "trained_with": origin.trained_with,
            "evaluated_with": settings.evaluated_with(self.config),
            "engine": engine.facts(self.config, model),
        }
        is_compared = bool(comparison and comparison.rows)
        if comparison and is_compared:  # before what says that the run is done
            comparison.add(name, results)
        note(results)
        kept = results_files.write(self.workdir, record, own=own)
        # A run that was stopped here before has its figures, but not all beside them.
        lists = results_files.beside(kept.path, results_files.RANKINGS)
        if kept.is_new or not lists.exists():
            rankings.save(lists, recorder.rankings)
        picture = results_files.beside(kept.path, results_files.PICTURE)
        if self.config.evaluation.num_pictured_queries and (
            kept.is_new or not picture.exists()
        ):
            self.scorer.draw(recorder.rankings, picture, self._names)
        self._keep_pictures(kept, sides, recorder.rankings, results)
        print(f"\n{table.results_table(results)}")
        if comparison and is_compared:
            print(f"\n{comparison.table(self.control)}")
        print(f"\n{kept}", flush=True)
        print(f"report: {page.keep(self.workdir, kept)}", flush=True)
        return results

    def _keep_pictures(
        self, kept: results_files.Kept, sides: Any, found: Any, results: Results
    ) -> None:
        """What the report needs of images and embeddings, beside a file of figures."""
        pictures = results_files.beside(kept.path, results_files.PICTURES)
        if kept.is_new or not pictures.exists():
            material = self._material(self.scorer.sets, sides)
            pictured.save(pictures, pictured.of_test(material, found, results))

    def show_clusters(self, state: TrainState) -> Path:
        """Make the report of a training without test images: sheets of its clusters.

        Args:
            state: The training state.

        Returns:
            The page.
        """
        assert self.trainer is not None
        variables = variables_of(state)
        sides = self.trainer.embeddings(variables)
        pictures = results_files.beside(
            self.workdir / results_files.OWN, results_files.PICTURES
        )
        material = self._material(self.trainer.sets, sides)
        pictured.save(pictures, pictured.of_training(material))
        return page.write(self.workdir)

    def _material(self, sets: Any, sides: Any) -> pictured.Material:
        clusters = build.clusters_of(self.config)._asdict()
        search = method_of(self.config).search
        return pictured.Material(sets, sides, clusters, search, self._names)

    @property
    def _names(self) -> OwnNames:
        return OwnNames(self.splits.camera_names, self.splits.identity_names)

    def _embeddings(self, state: TrainState) -> Any:
        return self.scorer.embeddings(self._embed, variables_of(state))

    def _score(
        self, sides: Any, origin: Origin, recorder: Recorder | None = None
    ) -> Results:
        results = self.scorer.score(sides, origin.checkpoint, recorder)
        return dataclasses.replace(
            results,
            seed=origin.seed,
            selection=origin.selection,
            embedded_by=self._embed.name,
            warnings=(*results.warnings, *origin.warnings),
        )


def warn_of_start(config: Config) -> None:
    """Tell the user on stderr where training starts, if that is no good start.

    Args:
        config: The whole configuration.
    """
    for text in start_warnings(config.dataset, config.init_from):
        warn(text)


def _told_of_modalities(config: Config, splits: Any) -> Config:
    fitted = sources.for_modalities(config, splits)
    if fitted is not config:
        print(
            "training images of one modality only: stage 1 alone, "
            f"{fitted.num_epochs} epochs; stage 2 works across modalities",
            flush=True,
        )
    return fitted
