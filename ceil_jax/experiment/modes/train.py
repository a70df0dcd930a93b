"""Training a run: what is left of its epochs, saved and scored, then its report."""

from pathlib import Path
from typing import Any

from ceil_jax.common import digest
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import write_json
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import announce, build, logs, results_files, score, trained_on
from ceil_jax.experiment.checkpoint import Checkpoints
from ceil_jax.experiment.comparison import Comparison
from ceil_jax.experiment.compilation import CompilationCounter
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.epoch import Trainer
from ceil_jax.experiment.record import (
    Origin,
    check_fingerprint,
    check_resumable,
    check_same_data,
    origin_of,
    record_of,
)
from ceil_jax.experiment.run import Run, warn_of_start
from ceil_jax.experiment.selection import BEST_ON_TEST, Scores
from ceil_jax.experiment.trained_on import TrainedOn
from ceil_jax.experiment.workdir import check_one_split
from ceil_jax.pretrained import SYNTHETIC, SYNTHETIC_NOTE
from ceil_jax.training.state import TrainState, variables_of


def train_and_evaluate(config: Config, workdir: Path) -> Results | None:
    """Train all epochs that are left, then evaluate the model.

    An epoch is saved before it is scored, the last one too: what goes wrong while it is
    scored loses no training.

    Args:
        config: The whole configuration, checked.
        workdir: The run's folder; one with a checkpoint is resumed.

    Returns:
        The figures of the last epoch, or of the best one where that is asked for; they
        are also in `results.json`. None where no test images are there.

    Raises:
        UserError: A mistake that the user can mend.
    """
    check_one_split(workdir)
    counter = CompilationCounter()
    run = Run(config, workdir, training=True)
    config, trainer, is_scored = run.config, run.trainer, bool(run.scorer.modes)
    assert trainer is not None
    if config.selection == BEST_ON_TEST and not is_scored:
        raise UserError("config.selection=best_on_test: there are no test images")
    trained = trained_on.of_images(trainer.sets)
    if not config.evaluation.protocol:
        trained_on.check_overlap(trained, run.scorer.sets, same_people=True)
    workdir.mkdir(parents=True, exist_ok=True)
    scores = Scores(workdir / "scores.json")
    with run.checkpoints(scores) as saved:
        state, done, record = _resume(config, saved, run.initial, trained)
        trained.save(workdir)
        scores.forget_after(done)
        if done < config.num_epochs or not (workdir / "config.json").exists():
            write_json(workdir / "config.json", to_dict(config))
        elif is_scored and not _is_own(config, workdir):
            return _measured_again(run, saved, scores, record, state)
        comparison = Comparison(workdir / "comparison.json", keep=done > 0)
        if done == 0 and config.evaluation.baselines and is_scored:
            _score_baselines(run, comparison)
        with logs.EpochLog(workdir, epochs_done=done) as log:
            evaluations = _Evaluations(run, record, scores, comparison, log)
            if done:  # the run may have been stopped after saving, before scoring
                evaluations.of_epoch(state, done)
            print(_opening(config, trainer, done), flush=True)
            measured: list[tuple[int, float]] = []
            for epoch in range(done + 1, config.num_epochs + 1):
                state, figures = trainer.epoch(state, epoch)
                figures["compilations"] = counter.count
                log.write(figures)
                measured.append((figures["stage"], sum(figures["seconds"].values())))
                left = announce.remaining(_seconds_left(config, measured, epoch))
                print(logs.epoch_line(figures, config.num_epochs, left), flush=True)
                if _is_saved(config, epoch):
                    saved.save(state, epoch, record)
                evaluations.of_epoch(state, epoch)
            if not is_scored:
                print(f"no test images to score; checkpoints are in {workdir}")
                print(announce.next_steps(str(workdir), scored=False), flush=True)
                return None
            results = evaluations.of_model(state, saved)
            pictured = bool(config.evaluation.num_pictured_queries)
            print(announce.next_steps(str(workdir), pictured=pictured), flush=True)
            return results


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


def _measured_again(
    run: Run,
    saved: Checkpoints,
    scores: Scores,
    record: dict[str, Any],
    state: TrainState,
) -> Results:
    """Evaluate a finished run once more; its own figures and logs stay as they are."""
    config = run.config
    chosen = config.num_epochs
    if config.selection == BEST_ON_TEST and scores.best not in (None, chosen):
        chosen = scores.best or chosen
        state = saved.restore(state, chosen).state
    origin = origin_of(record, chosen, config.selection)
    return run.report(state, origin, own=False)


class _Evaluations:
    """The scores of a run: of its epochs on the way, and of its model at the end."""

    def __init__(
        self,
        run: Run,
        record: dict[str, Any],
        scores: Scores,
        comparison: Comparison,
        log: logs.EpochLog,
    ) -> None:
        self._run, self._record, self._scores = run, record, scores
        self._comparison, self._log = comparison, log

    def of_epoch(self, state: TrainState, epoch: int) -> None:
        """Score an epoch on the way, if it is its turn and not done yet."""
        config = self._run.config
        is_due = self._run.scorer.modes and _is_evaluated(config, epoch)
        if not is_due or epoch in self._scores:
            return
        results = self._run.score(state, origin_of(self._record, epoch))
        self._write(results, epoch)
        if config.evaluation.baselines and epoch == config.stage1_epochs:
            self._comparison.add("stage 1", results)
        self._scores.add(epoch, score.mean_rank1(results))

    def of_model(self, state: TrainState, saved: Checkpoints) -> Results:
        """Score the epoch that is the run's model, and report it."""
        config, run = self._run.config, self._run
        chosen = config.num_epochs
        if config.selection == BEST_ON_TEST:
            results = run.score(state, origin_of(self._record, chosen))
            self._write(results, chosen)
            self._scores.add(chosen, score.mean_rank1(results))
            chosen = self._scores.best or chosen
            if chosen != config.num_epochs:
                state = saved.restore(state, chosen).state
        origin = origin_of(self._record, chosen, config.selection)
        name = f"stage {config.stage_of(chosen)}"
        results = run.report(state, origin, self._comparison, name)
        self._log.write_scores(score.flat(results), chosen)
        self._scores.add(chosen, score.mean_rank1(results))
        return results

    def _write(self, results: Results, epoch: int) -> None:
        self._log.write_scores(score.flat(results), epoch)
        print(score.line(results), flush=True)


def _score_baselines(run: Run, comparison: Comparison) -> None:
    """Grey pixels, random weights, and the weights that training starts from."""
    grey = run.scorer.score(run.scorer.grey_pixels(), "grey pixels")
    comparison.add("grey pixels", grey)
    random = build.initial_state(run.config, from_weights=False)
    comparison.add("random weights", run.score(random, Origin("random weights")))
    if run.config.init_from:
        path = Path(run.config.init_from)
        note = SYNTHETIC_NOTE if path.name == SYNTHETIC.name else path.name
        comparison.add("pretrained", run.score(run.initial, Origin(note)), note)


def _is_evaluated(config: Config, epoch: int) -> bool:
    """Whether an epoch is scored on the way; the last one is scored at the end."""
    if epoch == config.num_epochs:
        return False
    if config.evaluation.baselines and epoch == config.stage1_epochs:
        return True
    return bool(config.eval_step) and epoch % config.eval_step == 0


def _is_saved(config: Config, epoch: int) -> bool:
    if epoch in (config.stage1_epochs, config.num_epochs):
        return True
    if config.selection == BEST_ON_TEST and _is_evaluated(config, epoch):
        return True
    return epoch % config.save_epoch == 0


def _resume(
    config: Config, saved: Checkpoints, state: TrainState, trained: TrainedOn
) -> tuple[TrainState, int, dict[str, Any]]:
    """The state to go on with, epochs done, and the record of every checkpoint."""
    start = digest.of_arrays(variables_of(state)) if config.init_from else ""
    now = record_of(config, fingerprint=trained.fingerprint, init_digest=start)
    done = saved.latest_epoch
    if done is None:
        warn_of_start(config)
        return state, 0, now
    record = saved.record(done)
    check_same_data(config, record)
    check_fingerprint(record, trained.fingerprint, config.data_dir)
    check_resumable(config, record, done, init_digest=start)
    if done > config.num_epochs:
        raise UserError(
            f"the checkpoint is of epoch {done}, after the last of "
            f"{config.num_epochs} epochs: give another --workdir"
        )
    got = saved.restore(state, done)
    print(f"resumed from the checkpoint of epoch {done}", flush=True)
    return got.state, done, now | {"init_from": record["init_from"]}
