"""What a training scores: epochs on the way, baselines, and its model at the end."""

from pathlib import Path
from typing import Any

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import build, logs, results_files, score
from ceil_jax.experiment.comparison import (
    GREY,
    PRETRAINED,
    RANDOM,
    STAGE_1,
    Comparison,
)
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.record import Origin, origin_of
from ceil_jax.experiment.run import Run
from ceil_jax.experiment.selection import BEST_ON_TEST, Scores
from ceil_jax.pretrained import SYNTHETIC, SYNTHETIC_NOTE
from ceil_jax.training.state import TrainState


class Evaluations:
    """The scores of a run: of its epochs on the way, and of its model at the end."""

    def __init__(
        self,
        run: Run,
        record: dict[str, Any],
        scores: Scores,
        comparison: Comparison,
        log: logs.EpochLog,
    ) -> None:
        """Score what is to come of a run.

        Args:
            run: The run.
            record: That of its checkpoints.
            scores: Those of its epochs.
            comparison: What is shown side by side at the end.
            log: Gets the figures as curves.
        """
        self._run, self._record, self._scores = run, record, scores
        self._comparison, self._log = comparison, log

    def of_epoch(self, state: TrainState, epoch: int) -> None:
        """Score an epoch on the way, if it is its turn and not done yet.

        Args:
            state: The training state at its end.
            epoch: Counted from 1.
        """
        config = self._run.config
        is_due = self._run.scorer.modes and is_evaluated(config, epoch)
        if not is_due or epoch in self._scores:
            return
        results = self._run.score(state, origin_of(self._record, epoch))
        self._write(results, epoch)
        if config.evaluation.baselines and epoch == config.stage1_epochs:
            self._comparison.add(STAGE_1, results)
        self._scores.add(epoch, score.mean_rank1(results))

    def make_up(self, done: int, saved: Checkpoints) -> None:
        """Score what the comparison lacks: at the beginning, or where lines were lost.

        Args:
            done: Epochs finished.
            saved: The checkpoints; the one at the end of stage 1 is kept.
        """
        config, run = self._run.config, self._run
        if not (config.evaluation.baselines and run.scorer.modes):
            return
        score_baselines(run, self._comparison)
        first = config.stage1_epochs
        is_lost = first in self._scores and STAGE_1 not in self._comparison.rows
        if first <= done and is_lost and first in saved.epochs:
            state = saved.restore(run.initial, first)
            results = run.score(state, origin_of(self._record, first))
            self._comparison.add(STAGE_1, results)

    def of_model(self, state: TrainState, saved: Checkpoints) -> Results:
        """Score the epoch that is the run's model, and report it.

        Args:
            state: The training state at the end of the last epoch.
            saved: The checkpoints, where the model is an earlier epoch.

        Returns:
            The figures.
        """
        config, run = self._run.config, self._run
        chosen = config.num_epochs
        if config.selection == BEST_ON_TEST:
            results = run.score(state, origin_of(self._record, chosen))
            self._write(results, chosen)
            self._scores.add(chosen, score.mean_rank1(results))
            chosen = self._scores.best or chosen
            if chosen != config.num_epochs:
                state = saved.restore(state, chosen)
        origin = origin_of(self._record, chosen, config.selection)
        name = f"stage {config.stage_of(chosen)}"

        def note(results: Results) -> None:
            self._log.write_scores(score.flat(results), chosen)
            self._scores.add(chosen, score.mean_rank1(results))

        results = run.report(state, origin, self._comparison, name, note=note)
        own = run.workdir / results_files.OWN
        self._log.add_picture(results_files.beside(own, results_files.PICTURE), chosen)
        return results

    def _write(self, results: Results, epoch: int) -> None:
        self._log.write_scores(score.flat(results), epoch)
        print(score.line(results), flush=True)


def score_baselines(run: Run, comparison: Comparison) -> None:
    """Grey pixels, random weights, and the weights that training starts from.

    Args:
        run: The run.
        comparison: Gets their figures, but for those that it has.
    """
    config = run.config
    if GREY not in comparison.rows:
        comparison.add(GREY, run.scorer.score(run.scorer.grey_pixels(), GREY))
    if RANDOM not in comparison.rows:
        state = build.initial_state(config, from_weights=False)
        comparison.add(RANDOM, run.score(state, Origin(RANDOM)))
    if config.init_from and PRETRAINED not in comparison.rows:
        path = Path(config.init_from)
        note = SYNTHETIC_NOTE if path.name == SYNTHETIC.name else path.name
        comparison.add(PRETRAINED, run.score(run.initial, Origin(note)), note)


def is_evaluated(config: Config, epoch: int) -> bool:
    """Whether an epoch is scored on the way; the last one is scored at the end.

    Args:
        config: The whole configuration.
        epoch: Counted from 1.

    Returns:
        True if it is its turn.
    """
    if epoch == config.num_epochs:
        return False
    if config.evaluation.baselines and epoch == config.stage1_epochs:
        return True
    return bool(config.eval_step) and epoch % config.eval_step == 0
