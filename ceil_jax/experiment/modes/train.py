"""Training a run: what is left of its epochs, saved and scored, then its report."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import write_json
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import (
    ahead,
    announce,
    build,
    logs,
    results_files,
    stopping,
    trained_on,
)
from ceil_jax.experiment.comparison import Comparison
from ceil_jax.experiment.compilation import CompilationCounter
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.epoch import Trainer
from ceil_jax.experiment.evaluations import Evaluations, is_evaluated
from ceil_jax.experiment.keeper import Keeper
from ceil_jax.experiment.record import (
    origin_of,
)
from ceil_jax.experiment.resuming import Start, resume
from ceil_jax.experiment.run import Run
from ceil_jax.experiment.selection import BEST_ON_TEST, Scores
from ceil_jax.experiment.trained_on import TrainedOn
from ceil_jax.experiment.workdir import check_no_scores, check_one_split
from ceil_jax.experiment.writer import Writer
from ceil_jax.training.state import TrainState
from ceil_jax.training.within import Within


def train_and_evaluate(
    config: Config, workdir: Path, *, take_over: bool = False
) -> Results | None:
    """Train all epochs that are left, then evaluate the model.

    An epoch is saved before it is scored, the last one too: what goes wrong while it is
    scored loses no training. A training that is told to stop saves first.

    Args:
        config: The whole configuration, checked.
        workdir: The run's folder; one with a checkpoint is resumed.
        take_over: See `Writer`.

    Returns:
        The figures of the last epoch, or of the best one where that is asked for; they
        are also in `results.json`. None where no test images are there.

    Raises:
        UserError: A mistake that the user can mend, or another process writes there.
        Stopped: A signal asked for it.
    """
    check_one_split(workdir)
    check_no_scores(workdir)
    counter = CompilationCounter()
    with Writer(workdir, "training", take_over=take_over) as writer:
        run = Run(config, workdir, training=True)
        trained = _check_images(run)
        is_needed = run.config.selection == BEST_ON_TEST
        scores = Scores(workdir / "scores.json", set_aside=not is_needed)
        with run.checkpoints(scores, writer.check) as saved:
            start = resume(
                run.config, saved, run.initial, trained, run.splits.value_ranges
            )
            return _Training(run, writer, saved, scores, start, counter).finish(trained)


def _check_images(run: Run) -> TrainedOn:
    """What is trained on, none of which may be tested on."""
    config, trainer = run.config, run.trainer
    assert trainer is not None
    if config.selection == BEST_ON_TEST and not run.scorer.modes:
        raise UserError("config.selection=best_on_test: there are no test images")
    trained = trained_on.of_images(trainer.sets)
    if not config.evaluation.protocol:
        trained_on.check_overlap(trained, run.scorer.sets, same_people=True)
    return trained


class _Training:
    """What is left of a training, in its folder."""

    def __init__(
        self,
        run: Run,
        writer: Writer,
        saved: Checkpoints,
        scores: Scores,
        start: Start,
        counter: CompilationCounter,
    ) -> None:
        self._run, self._writer, self._saved = run, writer, saved
        self._scores, self._start, self._counter = scores, start, counter
        self._keeper = Keeper(
            saved, writer, start.record, save_minutes=run.config.save_minutes
        )

    def finish(self, trained: TrainedOn) -> Results | None:
        """Train what is left, and evaluate the model."""
        config, workdir, done = self._run.config, self._run.workdir, self._start.done
        is_scored = bool(self._run.scorer.modes)
        trained.save(workdir)
        self._scores.forget_after(done)
        if done < config.num_epochs or not (workdir / "config.json").exists():
            self._saved.check_room(self._start.state, config.num_epochs - done)
            write_json(workdir / "config.json", to_dict(config))
        elif is_scored and not _is_own(config, workdir):
            return self._measured_again()
        with self._saved_if_stopped(), self._log() as log, self._compiling():
            comparison = Comparison(workdir / "comparison.json", keep=done > 0)
            evaluations = Evaluations(
                self._run, self._start.record, self._scores, comparison, log
            )
            evaluations.make_up(done, self._saved)
            state = self._epochs(evaluations, log)
            self._saved.wait()
            if not is_scored:
                shown = self._run.show_clusters(state)
                print(f"no test images to score; checkpoints are in {workdir}")
                print(f"report: {shown}", flush=True)
                return None
            return evaluations.of_model(state, self._saved)

    def _compiling(self) -> contextlib.AbstractContextManager[None]:
        """Compile what the epochs that are left need, beside other work."""
        config, trainer = self._run.config, self._run.trainer
        assert trainer is not None
        left = range(self._start.done + 1, config.num_epochs + 1)
        stages = {trainer.stage_of(epoch) for epoch in left}
        return ahead.compiling(trainer, self._start.state, stages)

    def _log(self) -> logs.EpochLog:
        """What the run writes as it goes."""
        config = self._run.config
        return logs.EpochLog(
            self._run.workdir,
            epochs_done=self._start.done,
            trackers=config.trackers,
            settings=to_dict(config),
        )

    @contextlib.contextmanager
    def _saved_if_stopped(self) -> Iterator[None]:
        """Save what is not saved yet where the program is told to stop."""
        stop = stopping.current()
        try:
            with stop.last_resort(self._keeper.stopped):
                yield
        except stopping.Stopped as stopped:
            if stopped.saved:
                raise
            with stop.saving():
                said = self._keeper.stopped()
            raise stopping.Stopped(stopped.number, said) from None

    def _epochs(self, evaluations: Evaluations, log: logs.EpochLog) -> TrainState:
        config, trainer, keeper = self._run.config, self._run.trainer, self._keeper
        state, done, within = self._start.state, self._start.done, self._start.within
        assert trainer is not None
        if within is not None:
            keeper.went_on_from(f"epoch {within.epoch}, step {within.step}")
        else:
            keeper.hold(state, done, is_saved=self._start.is_saved)
            if done:  # the run may have been stopped after saving, before scoring
                evaluations.of_epoch(state, done)
        print(_opening(config, trainer, done), flush=True)
        measured: list[tuple[int, float]] = []
        for epoch in range(done + 1, config.num_epochs + 1):
            begun = within or self._begun(trainer, state, epoch)
            keeper.begin_steps()
            with stopping.current().deferred():
                state, figures = trainer.finish(state, begun, keeper.at_step)
                within = None
                figures["compilations"] = self._counter.count
                self._writer.check()
                log.write(figures)  # first: what is saved is not done again
                is_saved = _is_saved(config, epoch)
                if is_saved:
                    self._saved.save(state, epoch, self._start.record)
                keeper.hold(state, epoch, is_saved=is_saved)
                measured.append((figures["stage"], sum(figures["seconds"].values())))
                left = announce.remaining(_seconds_left(config, measured, epoch))
                print(logs.epoch_line(figures, config.num_epochs, left), flush=True)
            evaluations.of_epoch(state, epoch)
        return state

    def _begun(self, trainer: Trainer, state: TrainState, epoch: int) -> Within:
        """The epoch's pseudo-labels; where there are none the training is saved."""
        try:
            return trainer.begin(state, epoch)
        except UserError as error:
            if epoch == 1:
                raise
            self._keeper.stopped()
            raise UserError(
                f"epoch {epoch}: {error}. Epoch {epoch - 1} is saved and can be "
                "evaluated; other settings need another --workdir"
            ) from error

    def _measured_again(self) -> Results:
        """Evaluate a finished run once more; its own figures and logs stay."""
        config, state, chosen = self._run.config, self._start.state, self._start.done
        if config.selection == BEST_ON_TEST and self._scores.best not in (None, chosen):
            chosen = self._scores.best or chosen
            state = self._saved.restore(state, chosen)
        origin = origin_of(self._start.record, chosen, config.selection)
        return self._run.report(state, origin, own=False)


def _opening(config: Config, trainer: Trainer, done: int) -> str:
    """The first lines, see `announce.opening`."""
    return announce.opening(
        [device.device_kind for device in build.devices_of(config)],
        trainer.num_images,
        (config.stage1_epochs, config.stage2_epochs),
        (config.batch.stage1_steps, config.batch.stage2_steps),
        done=done,
    )


def _seconds_left(
    config: Config, measured: list[tuple[int, float]], epoch: int
) -> float:
    """What the epochs after this one will take, see `announce.time_left`."""
    first = max(0, config.stage1_epochs - epoch)
    return announce.time_left(
        measured,
        (first, config.num_epochs - epoch - first),
        (config.batch.stage1_steps, config.batch.stage2_steps),
    )


def _is_own(config: Config, workdir: Path) -> bool:
    """Whether a finished training has not been evaluated yet."""
    epochs = results_files.trained_epochs(workdir)
    return epochs is None or epochs != config.num_epochs


def _is_saved(config: Config, epoch: int) -> bool:
    if epoch in (config.stage1_epochs, config.num_epochs):
        return True
    if config.selection == BEST_ON_TEST and is_evaluated(config, epoch):
        return True
    return epoch % config.save_epoch == 0
