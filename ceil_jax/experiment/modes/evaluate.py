"""Scoring what was trained before: a run's checkpoint, or weights of a file."""

import dataclasses
from pathlib import Path

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import write_json
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment.checkpoint import Checkpoints, Saved
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.run import Origin, Run, check_same_data, origin_of, warn
from ceil_jax.experiment.selection import BEST_ON_TEST, Scores
from ceil_jax.experiment.workdir import check_one_split
from ceil_jax.training.state import TrainState


def evaluate_checkpoint(config: Config, workdir: Path) -> Results:
    """Evaluate a run's newest checkpoint, or its best on the test set if asked for.

    Args:
        config: The configuration that it was trained with.
        workdir: The run's folder.

    Returns:
        The figures, which are also in `results.json`.

    Raises:
        UserError: There is no checkpoint, or a mistake that the user can mend.
    """
    check_trained(workdir)
    run = _run(config, workdir)
    got = restore(config, workdir, run.initial)
    check_same_data(config, got.record)
    return run.report(got.state, origin_of(got.record, got.epoch, config.selection))


def check_trained(workdir: Path) -> None:
    """Refuse a folder without checkpoints, before anything is loaded.

    Args:
        workdir: The run's folder.

    Raises:
        UserError: There is none.
    """
    if not (workdir / "checkpoints").is_dir():
        raise UserError(f"{workdir}/checkpoints: no checkpoint here; train first")


def restore(config: Config, workdir: Path, like: TrainState) -> Saved:
    """The checkpoint that is a run's model.

    Args:
        config: Its `selection` decides: the newest, or the best on the test set.
        workdir: The run's folder.
        like: A state of the architecture that is expected.

    Returns:
        What the checkpoint holds.

    Raises:
        UserError: It was not kept, or is of another architecture.
    """
    with Checkpoints(workdir / "checkpoints") as saved:
        return saved.restore(like, _chosen(config, workdir, saved))


def _chosen(config: Config, workdir: Path, saved: Checkpoints) -> int | None:
    """The epoch to evaluate; None for the newest."""
    if config.selection != BEST_ON_TEST:
        return None
    best = Scores(workdir / "scores.json").best
    if best is None:
        raise UserError(
            f"{workdir}: no epoch of this run was scored, so none is the best on the "
            "test set; train with config.selection=best_on_test"
        )
    if best not in saved.epochs:
        raise UserError(
            f"{workdir}: epoch {best} scored best on the test set, but its checkpoint "
            f"was not kept (kept are {', '.join(map(str, saved.epochs))}); train with "
            "config.selection=best_on_test"
        )
    return best


def evaluate_weights(config: Config, workdir: Path, path: str) -> Results:
    """Evaluate weights of a file, such as a released model's.

    Args:
        config: A configuration of their data set and architecture.
        workdir: The folder for the report; not that of a training.
        path: The weights.

    Returns:
        The figures, which are also in `results.json`.

    Raises:
        UserError: The weights cannot be read or are of another architecture, the folder
            is a training's, or another mistake that the user can mend.
    """
    check_one_split(workdir)
    for name in ("checkpoints", "metrics.jsonl"):
        if (workdir / name).exists():
            raise UserError(
                f"--workdir={workdir} holds a training ({name}): figures of "
                f"--weights={path} would be taken for its own; give another --workdir"
            )
    config = dataclasses.replace(config, init_from=path)
    run = _run(config, workdir, init_flag="--weights")
    unknown = unknown_people(config)
    warn(unknown)
    workdir.mkdir(parents=True, exist_ok=True)
    write_json(workdir / "config.json", to_dict(config))
    origin = Origin(f"weights {Path(path).name}", warnings=(unknown,))
    return run.report(run.initial, origin)


def unknown_people(config: Config) -> str:
    """What a file of weights leaves open: whom it was trained on.

    Args:
        config: The whole configuration.

    Returns:
        The warning, a line.
    """
    text = "the weights do not tell which people they were trained on: if any is among "
    if config.dataset == "regdb" and not config.evaluation.protocol:
        return (
            f"{text}the test images of split {config.trial}, as in every other split "
            "than their own, the figures are too high"
        )
    return f"{text}the test images, the figures are too high"


def _run(config: Config, workdir: Path, init_flag: str = "") -> Run:
    run = Run(config, workdir, training=False, init_flag=init_flag)
    if not run.scorer.modes:
        raise UserError("there are no test images to score")
    return run
