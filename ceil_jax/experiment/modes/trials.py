"""All splits of a data set: a model trained and scored on each, and their mean."""

from pathlib import Path

from ceil_jax.common.files import write_json
from ceil_jax.evaluation.results import Results, mean_of_splits
from ceil_jax.experiment import page, runs_page
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.numbered import num_splits, of_split, parse_trials
from ceil_jax.experiment.several import Task, train_each
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
    chosen = parse_trials(trials, num_splits(config, "--mode trials"), config.dataset)
    check_several(workdir, "splits")
    tasks = [
        Task(f"split {trial}", of_split(config, trial), folder_of_split(workdir, trial))
        for trial in chosen
    ]
    results = {}
    found = train_each(
        tasks, take_over=take_over, after=lambda: runs_page.keep_up(workdir)
    )
    for trial, each in zip(chosen, found, strict=True):
        assert each is not None  # every split has test images
        results[trial] = each
    mean = mean_of_splits(results)
    with Writer(workdir, "averaging", take_over=take_over):
        write_json(workdir / "config.json", to_dict(config))
        mean.save(workdir / "results.json")
        shown = page.write(workdir, workdir / "results.json")
    print(f"\n{table.splits_table(mean)}\n\n{table.results_table(mean)}")
    print(f"\nwritten to {workdir}\nreport: {shown}", flush=True)
    runs_page.finish(workdir)
    return mean
