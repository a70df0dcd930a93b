"""All splits of a data set: a model trained and scored on each, and their mean."""

import copy
import re
from pathlib import Path

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.common.errors import DataError, UserError
from ceil_jax.common.files import read_json, write_json
from ceil_jax.datasets import registry
from ceil_jax.evaluation.results import Results, mean_of_splits
from ceil_jax.experiment import page, score, settings
from ceil_jax.experiment.config import TRAINING, Config, field_names, to_dict
from ceil_jax.experiment.modes.train import train_and_evaluate
from ceil_jax.experiment.workdir import folder_of_split
from ceil_jax.experiment.writer import Writer
from ceil_jax.report import table


def run_trials(
    config: Config, workdir: Path, trials: str = "all", *, take_over: bool = False
) -> Results:
    """Train and evaluate splits one after another, each in a folder of its own.

    What is finished is not done again and what is half trained is resumed, so that a
    run that was stopped goes on by the same command.

    Args:
        config: The whole configuration, checked; its `trial` is not used.
        workdir: Holds a folder `trial_NN` per split, and the mean.
        trials: "all", or numbers and ranges such as "1,3-5".
        take_over: See `Writer`.

    Returns:
        Mean and spread over the splits, which are also in `results.json`.

    Raises:
        UserError: The data set has one split, there is no such split, a folder holds a
            run of other settings, or another mistake that the user can mend.
    """
    chosen = parse_trials(trials, _num_splits(config), config.dataset)
    if (workdir / "checkpoints").exists():
        raise UserError(
            f"--workdir={workdir} holds a run of one split: give another to --mode "
            "trials, which makes a folder for each"
        )
    configs = {trial: _of_split(config, trial) for trial in chosen}
    folders = {trial: folder_of_split(workdir, trial) for trial in chosen}
    for trial in chosen:
        _check_same_training(configs[trial], folders[trial])
    results = {}
    for place, trial in enumerate(chosen, 1):
        heading = f"split {trial} ({place} of {len(chosen)})"
        found = finished(configs[trial], folders[trial])
        print(f"\n{heading}: {'finished before' if found else 'training'}", flush=True)
        if found is None:
            found = _trained(configs[trial], folders[trial], take_over)
        assert found is not None  # every split has test images
        results[trial] = found
        print(f"{heading}: {score.line(found)}", flush=True)
    mean = mean_of_splits(results)
    with Writer(workdir, "averaging", take_over=take_over):
        write_json(workdir / "config.json", to_dict(config))
        mean.save(workdir / "results.json")
        shown = page.write(workdir, workdir / "results.json")
    print(f"\n{table.splits_table(mean)}\n\n{table.results_table(mean)}")
    print(f"\nwritten to {workdir}\nreport: {shown}", flush=True)
    return mean


def parse_trials(text: str, num_splits: int, dataset: str) -> list[int]:
    """The splits that a user names.

    Args:
        text: "all", or numbers and ranges such as "1,3-5".
        num_splits: How many there are.
        dataset: Whose, for messages.

    Returns:
        Their numbers from 1, ascending, each once.

    Raises:
        UserError: It is neither, or there is no such split.
    """
    if text == "all":
        return list(range(1, num_splits + 1))
    found = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if match is None:
            raise UserError(f"--trials={text} must be all, or numbers such as 1,3-5")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= num_splits:
            raise UserError(
                f"--trials={text}: {dataset} has splits 1 to {num_splits}, "
                f"{part.strip()} is none of them"
            )
        found |= set(range(first, last + 1))
    return sorted(found)


def finished(config: Config, folder: Path) -> Results | None:
    """The figures of a run that has nothing left to do.

    Args:
        config: The configuration of the run.
        folder: Its folder.

    Returns:
        The figures; None if the training or the evaluation is not done, or the
        evaluation was another one.
    """
    try:
        record = read_json(folder / "results.json")
        results = Results.from_json(record)
        trained, scored = record["trained_with"], record["evaluated_with"]
    except (OSError, ValueError, KeyError):
        return None  # not there yet, or not of this program: it is made again
    if not (isinstance(trained, dict) and isinstance(scored, dict)):
        return None
    if settings.differences(trained, config, TRAINING):
        return None
    if not settings.same_evaluation(scored, settings.evaluated_with(config)):
        return None
    latest = Checkpoints(folder / "checkpoints").latest_epoch
    return results if latest == config.num_epochs else None


def _num_splits(config: Config) -> int:
    """How many splits the configuration's data set has; more than one."""
    num_splits = registry.find(config.dataset).num_trials
    if num_splits < 2:
        raise UserError(
            f"--mode trials: {config.dataset} has one split; --mode train does it"
        )
    if config.evaluation.protocol:
        raise UserError(
            f"config.evaluation.protocol={config.evaluation.protocol} scores one model "
            "on all splits, --mode trials a model on each"
        )
    if config.trial != 1:
        raise UserError(
            f"config.trial={config.trial} is for one split: with --mode trials say "
            f"--trials={config.trial}"
        )
    return num_splits


def _trained(config: Config, folder: Path, take_over: bool) -> Results | None:
    try:
        return train_and_evaluate(config, folder, take_over=take_over)
    except (UserError, DataError) as error:
        raise UserError(f"split {config.trial}: {error}") from error


def _of_split(config: Config, trial: int) -> Config:
    chosen = copy.deepcopy(config)
    chosen.trial = trial
    return chosen


def _check_same_training(config: Config, folder: Path) -> None:
    """Refuse to average models of different settings."""
    path = folder / "config.json"
    if not path.exists():
        return
    changed = settings.differences(settings.read_record(path), config)
    for name, was in changed.items():
        if settings.of_training(name):
            raise UserError(
                f"{folder} was trained with {name}={was}, now it is "
                f"{field_names(config)[name]}: give the same, or another --workdir"
            )
