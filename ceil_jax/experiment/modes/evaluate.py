"""Scoring what was trained before: a run's checkpoint, or weights of a file."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path, write_json
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import results_files, settings, trained_on
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.modes.opened import check_trained, open_model, opened
from ceil_jax.experiment.record import (
    Origin,
    check_fingerprint,
    check_same_data,
    data_of,
    of_model,
    origin_of,
)
from ceil_jax.experiment.run import Run
from ceil_jax.experiment.selection import BEST_ON_TEST
from ceil_jax.experiment.trained_on import TrainedOn
from ceil_jax.experiment.workdir import check_no_training, check_one_split
from ceil_jax.experiment.writer import Writer


def evaluate_checkpoint(
    config: Config, workdir: Path, output: str = "", *, take_over: bool = False
) -> Results:
    """Evaluate a run's newest checkpoint, or its best on the test set if asked for.

    A damaged checkpoint is passed over, which the figures say. With `output` nothing is
    changed in the run's folder, in which a training may go on.

    Args:
        config: How to evaluate, and on which data set; architecture and image size are
            the checkpoint's.
        workdir: The run's folder.
        output: A folder for the figures of a data set that the run was not trained on;
            "" for the run's own data set and folder.
        take_over: See `Writer`.

    Returns:
        The figures, which are also in `results.json` of the run, if its training is
        finished and was not evaluated yet, or in `results/` beside it.

    Raises:
        UserError: There is no checkpoint, the model was trained on the people that it
            would be tested on, or another mistake that the user can mend.
    """
    check_trained(workdir)
    place = user_path(output) if output else workdir
    if output:
        check_no_training(place, f"--output={output}")
    with Writer(place, "evaluating", take_over=take_over):
        return _evaluated(config, workdir, place, is_other=bool(output))


def _evaluated(
    config: Config, workdir: Path, place: Path, *, is_other: bool
) -> Results:
    """Score a run's model; keep the figures in a folder that is this process's."""
    got = open_model(config, workdir)
    record, epoch = got.record, got.epoch
    config = of_model(config, record)
    if not is_other:
        check_same_data(config, record)
    run = _run(config, place)
    warnings = _check_people(run, record, trained_on.read(workdir), is_other)
    state = got.state(run.initial)
    origin = origin_of(record, epoch, config.selection)
    origin = origin._replace(warnings=(*origin.warnings, *got.skipped, *warnings))
    if is_other and not (place / "config.json").exists():
        write_json(place / "config.json", to_dict(config))
    is_own = not results_files.is_evaluated(place) and (
        is_other or _is_runs_own(config, record, epoch)
    )
    return run.report(state, origin, own=is_own)


def _is_runs_own(config: Config, record: Mapping[str, Any], epoch: int) -> bool:
    """Whether this is the evaluation that ends the training of a record."""
    if "config" not in record:
        return True  # older than recorded configurations
    trained = settings.from_record(record["config"], "the checkpoint")
    return settings.same_evaluation(
        settings.evaluated_with(config), settings.evaluated_with(trained)
    ) and (epoch == trained.num_epochs or config.selection == BEST_ON_TEST)


def _check_people(
    run: Run, record: Mapping[str, Any], trained: TrainedOn | None, is_other: bool
) -> tuple[str, ...]:
    """Refuse to test on people of the training; what to say where nobody can tell."""
    config, data = run.config, record["data"]
    if config.evaluation.protocol:  # says in its own words whom it tests on
        return ()
    alike = config.dataset == data["dataset"] and config.dataset != "folder"
    if config.dataset == "synthetic" and alike:
        alike = data.get("synthetic") == data_of(config)["synthetic"]
    if trained is not None:
        if not is_other and _has_moved(config, record):
            sets = (run.splits.train_visible, run.splits.train_infrared)
            now = trained_on.of_images(sets).fingerprint
            check_fingerprint(record, now, config.data_dir)
        trained_on.check_overlap(trained, run.scorer.sets, same_people=alike)
    is_known = alike and trained is not None
    if not is_other or is_known:
        return ()
    warn(trained_on.UNKNOWN)
    return (trained_on.UNKNOWN,)


def _has_moved(config: Config, record: Mapping[str, Any]) -> bool:
    """Whether the data folder is another than in training."""
    was = record.get("config", {}).get("data_dir", config.data_dir)
    return Path(was).expanduser().absolute() != (
        Path(config.data_dir).expanduser().absolute()
    )


def evaluate_weights(
    config: Config, workdir: Path, path: str, *, take_over: bool = False
) -> Results:
    """Evaluate weights of a file, such as a released model's.

    Args:
        config: A configuration of their data set and architecture.
        workdir: The folder for the report; not that of a training.
        path: The weights.
        take_over: See `Writer`.

    Returns:
        The figures, which are also in `results.json`.

    Raises:
        UserError: The weights cannot be read or are of another architecture, the folder
            is a training's, or another mistake that the user can mend.
    """
    check_one_split(workdir)
    check_no_training(workdir, f"--workdir={workdir}")
    if user_path(path).suffix == ".safetensors":  # which may tell the size of images
        opened(config, workdir, path)
    config = dataclasses.replace(config, init_from=path)
    with Writer(workdir, "evaluating", take_over=take_over):
        run = _run(config, workdir, init_flag="--weights")
        unknown = trained_on.unknown_people(config)
        warn(unknown)
        if not (workdir / "config.json").exists():
            write_json(workdir / "config.json", to_dict(config))
        origin = Origin(f"weights {Path(path).name}", warnings=(unknown,))
        is_own = not results_files.is_evaluated(workdir)
        return run.report(run.initial, origin, own=is_own)


def _run(config: Config, workdir: Path, init_flag: str = "") -> Run:
    run = Run(config, workdir, training=False, init_flag=init_flag)
    if not run.scorer.modes:
        raise UserError("there are no test images to score")
    return run
