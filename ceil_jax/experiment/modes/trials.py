"""All splits of a data set: a model trained and scored on each, and their mean."""

import copy
from pathlib import Path

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import write_json
from ceil_jax.datasets import registry
from ceil_jax.evaluation.results import Results, mean_of_splits
from ceil_jax.experiment import page
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.several import Task, ranges, train_each
from ceil_jax.experiment.workdir import check_several, folder_of_split
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
    check_several(workdir, "splits")
    tasks = [
        Task(
            f"split {trial}", _of_split(config, trial), folder_of_split(workdir, trial)
        )
        for trial in chosen
    ]
    results = {}
    found = train_each(tasks, take_over=take_over)
    for trial, of_split in zip(chosen, found, strict=True):
        assert of_split is not None  # every split has test images
        results[trial] = of_split
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
    for part, first, last in ranges(text, "trials", "all, or "):
        if not 1 <= first <= last <= num_splits:
            raise UserError(
                f"--trials={text}: {dataset} has splits 1 to {num_splits}, "
                f"{part} is none of them"
            )
        found |= set(range(first, last + 1))
    return sorted(found)


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


def _of_split(config: Config, trial: int) -> Config:
    chosen = copy.deepcopy(config)
    chosen.trial = trial
    return chosen
