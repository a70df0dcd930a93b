"""A whole run: train what is left of it, save, evaluate, report."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

from ceil_jax import logs, model, score
from ceil_jax.checkpoint import SCORE, Checkpoints
from ceil_jax.comparison import Comparison
from ceil_jax.compilation import CompilationCounter
from ceil_jax.config import Config, to_dict
from ceil_jax.errors import UserError
from ceil_jax.files import write_json
from ceil_jax.pretrained import SYNTHETIC, SYNTHETIC_NOTE
from ceil_jax.report import table
from ceil_jax.report.results import Results
from ceil_jax.state import TrainState
from ceil_jax.trainer import Trainer


class Run:
    """The images, the compiled steps and the protocol of one run."""

    def __init__(self, config: Config, workdir: Path, *, training: bool) -> None:
        """Load the images and build the steps.

        Args:
            config: The whole configuration, checked.
            workdir: The run's folder.
            training: Whether anything will be trained, or only evaluated.

        Raises:
            UserError: A mistake that the user can mend.
        """
        self.workdir = workdir
        self.control = score.read_control(config)
        # Cheap things are refused before a data set is prepared.
        devices = model.devices_of(config)
        if training:
            model.check_batch(config, len(devices))
        protocol = model.protocol_of(config)
        self.initial = model.initial_state(config)
        splits = model.load_images(config)
        for warning in splits.warnings:
            print(f"warning: {warning}", file=sys.stderr, flush=True)
        self.config = model.for_modalities(config, splits)
        if self.config is not config:
            print(
                "training images of one modality only: stage 1 alone, "
                f"{self.config.num_epochs} epochs; stage 2 works across modalities",
                flush=True,
            )
            config = self.config
        self.trainer = Trainer(config, splits, devices)
        tested = model.tested(config, splits)
        self.scorer = score.Scorer(
            config,
            protocol,
            tested.visible,
            tested.infrared,
            splits=tested.splits,
            warnings=splits.warnings,
        )

    def checkpoints(self) -> Checkpoints:
        """The run's checkpoints.

        Returns:
            To be used as a context manager.
        """
        keep = tuple(e for e in (self.config.stage1_epochs,) if e)
        return Checkpoints(self.workdir / "checkpoints", keep_epochs=keep)

    def score(self, state: TrainState, checkpoint: str) -> Results:
        """Figures of a state, without any file.

        Args:
            state: The training state.
            checkpoint: Its name for the record.

        Returns:
            The figures.
        """
        variables = model.variables_of(state)
        sides = self.scorer.embeddings(self.trainer.embed_test, variables)
        return self.scorer.score(sides, checkpoint)

    def finish(
        self, state: TrainState, epoch: int, comparison: Comparison | None = None
    ) -> Results:
        """Evaluate a state; write `results.json` and the picture; print the tables.

        Args:
            state: The training state.
            epoch: Its epoch.
            comparison: What else was scored in this run; None or empty for nothing.

        Returns:
            The figures.
        """
        variables = model.variables_of(state)
        sides = self.scorer.embeddings(self.trainer.embed_test, variables)
        results = self.scorer.score(sides, f"epoch {epoch}")
        results.save(self.workdir / "results.json")
        if self.config.evaluation.num_pictured_queries:
            self.scorer.draw(sides, self.workdir / "ranked_lists.png")
        print(f"\n{table.results_table(results)}")
        if comparison and comparison.rows:
            comparison.add(f"stage {self.config.stage_of(epoch)}", results)
            print(f"\n{comparison.table(self.control)}")
        print(f"\nwritten to {self.workdir}", flush=True)
        return results


def train_and_evaluate(config: Config, workdir: Path) -> Results | None:
    """Train all epochs that are left, then evaluate the last.

    Args:
        config: The whole configuration, checked.
        workdir: The run's folder; one with a checkpoint is resumed.

    Returns:
        The last epoch's figures, which are also in `results.json`; None where no test
        images are there.

    Raises:
        UserError: A mistake that the user can mend.
    """
    counter = CompilationCounter()
    run = Run(config, workdir, training=True)
    config, is_scored = run.config, bool(run.scorer.modes)
    workdir.mkdir(parents=True, exist_ok=True)
    with run.checkpoints() as saved:
        state, done, best = _resume(config, saved, run.initial)
        write_json(workdir / "config.json", to_dict(config))
        comparison = Comparison(workdir / "comparison.json", keep=done > 0)
        if done == 0 and config.evaluation.baselines and is_scored:
            _score_baselines(run, comparison)
        with logs.EpochLog(workdir, epochs_done=done) as log:
            for epoch in range(done + 1, config.num_epochs + 1):
                state, record = run.trainer.epoch(state, epoch)
                record["compilations"] = counter.count
                log.write(record)
                print(logs.epoch_line(record, config.num_epochs), flush=True)
                results = None
                if is_scored and _is_evaluated(config, epoch):
                    results = run.score(state, f"epoch {epoch}")
                    log.write_scores(score.flat(results), epoch)
                    print(score.line(results), flush=True)
                    best = _better(best, results, epoch)
                    if config.evaluation.baselines and epoch == config.stage1_epochs:
                        comparison.add("stage 1", results)
                if _is_saved(config, epoch):
                    saved.save(state, epoch, _record(config, best, results))
            if not is_scored:
                print(f"no test images to score; checkpoints are in {workdir}")
                return None
            results = run.finish(state, config.num_epochs, comparison)
            log.write_scores(score.flat(results), config.num_epochs)
    return results


def evaluate_checkpoint(config: Config, workdir: Path) -> Results:
    """Evaluate the newest checkpoint of a run.

    Args:
        config: The configuration that it was trained with.
        workdir: The run's folder.

    Returns:
        The figures, which are also in `results.json`.

    Raises:
        UserError: There is no checkpoint, or a mistake that the user can mend.
    """
    if not (workdir / "checkpoints").is_dir():
        raise UserError(f"{workdir}/checkpoints: no checkpoint here; train first")
    run = Run(config, workdir, training=False)
    if not run.scorer.modes:
        raise UserError("there are no test images to score")
    with run.checkpoints() as saved:
        got = saved.restore(run.initial)
    _check_same_data(config, got.record)
    return run.finish(got.state, got.epoch)


def _score_baselines(run: Run, comparison: Comparison) -> None:
    """Grey pixels, random weights, and the weights that training starts from."""
    grey = run.scorer.score(run.scorer.grey_pixels(), "grey pixels")
    comparison.add("grey pixels", grey)
    random = model.initial_state(run.config, from_weights=False)
    comparison.add("random weights", run.score(random, "random weights"))
    if run.config.init_from:
        path = Path(run.config.init_from)
        note = SYNTHETIC_NOTE if path.name == SYNTHETIC.name else path.name
        comparison.add("pretrained", run.score(run.initial, note), note)


def _is_evaluated(config: Config, epoch: int) -> bool:
    """The last epoch is evaluated by `finish`, with its picture."""
    if epoch == config.num_epochs:
        return False
    if config.evaluation.baselines and epoch == config.stage1_epochs:
        return True
    return bool(config.eval_step) and epoch % config.eval_step == 0


def _is_saved(config: Config, epoch: int) -> bool:
    ends_stage = epoch in (config.stage1_epochs, config.num_epochs)
    return ends_stage or epoch % config.save_epoch == 0


def _better(best: dict[str, Any], results: Results, epoch: int) -> dict[str, Any]:
    value = score.mean_rank1(results)
    if best and best["mean_rank1"] >= value:
        return best
    return {"epoch": epoch, "mean_rank1": value}


def _record(
    config: Config, best: dict[str, Any], results: Results | None
) -> dict[str, Any]:
    record: dict[str, Any] = {"seed": config.seed, "data": _data(config), "best": best}
    if results is not None:
        record[SCORE] = score.mean_rank1(results)
    return record


def _data(config: Config) -> dict[str, Any]:
    """What decides which images are trained on and which are tested on."""
    data: dict[str, Any] = {
        "dataset": config.dataset,
        "trial": config.trial,
        "image_size": list(config.image_size),
    }
    if config.dataset == "synthetic":
        data |= {"synthetic": dataclasses.asdict(config.synthetic)}
    return data


def _check_same_data(config: Config, record: dict[str, Any]) -> None:
    """Refuse to score or continue a run on other images: its test set may be ours."""
    for name, value in _data(config).items():
        was = record["data"].get(name)
        if was != value:
            raise UserError(
                f"config.{name} is {value}, but this run was trained with {was}: its "
                "training images may be among these test images. Give the same, or "
                "another --workdir"
            )


def _resume(
    config: Config, saved: Checkpoints, state: TrainState
) -> tuple[TrainState, int, dict[str, Any]]:
    if saved.latest_epoch is None:
        return state, 0, {}
    got = saved.restore(state)
    _check_same_data(config, got.record)
    if got.record["seed"] != config.seed:
        raise UserError(
            f"config.seed={config.seed}, but this run began with seed "
            f"{got.record['seed']}: give that one, or another --workdir"
        )
    if got.epoch > config.num_epochs:
        raise UserError(
            f"the checkpoint is of epoch {got.epoch}, after the last of "
            f"{config.num_epochs} epochs: give another --workdir"
        )
    print(f"resumed from the checkpoint of epoch {got.epoch}", flush=True)
    return got.state, got.epoch, got.record["best"]
