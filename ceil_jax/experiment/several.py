"""Several trainings one after another, each in a folder of its own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.common.errors import DataError, UserError
from ceil_jax.common.files import read_json
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import score, settings
from ceil_jax.experiment.config import TRAINING, Config, field_names
from ceil_jax.experiment.modes.train import train_and_evaluate


class Task(NamedTuple):
    """One of several trainings.

    Attributes:
        name: What it is called in lines and messages, e.g. "split 4".
        config: Its whole configuration, checked.
        folder: Its own folder.
    """

    name: str
    config: Config
    folder: Path


def train_each(
    tasks: Sequence[Task],
    *,
    take_over: bool = False,
    after: Callable[[], None] = lambda: None,
) -> list[Results | None]:
    """Train and evaluate what is not finished yet.

    What is half trained is resumed, so that the same command goes on after a stop.

    Args:
        tasks: What is to be trained, in this order.
        take_over: See `Writer`.
        after: Called whenever a training is done.

    Returns:
        The figures of each; None where there are no test images.

    Raises:
        UserError: A folder holds a training of other settings, before anything is
            done; or another mistake that the user can mend, with the task's name.
    """
    for task in tasks:
        _check_same_training(task)
    results = []
    for place, task in enumerate(tasks, 1):
        heading = f"{task.name} ({place} of {len(tasks)})"
        found = finished(task.config, task.folder)
        print(f"\n{heading}: {'finished before' if found else 'training'}", flush=True)
        if found is None:
            found = _trained(task, take_over)
            after()
        if found is not None:
            print(f"{heading}: {score.line(found)}", flush=True)
        results.append(found)
    return results


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


def _trained(task: Task, take_over: bool) -> Results | None:
    try:
        return train_and_evaluate(task.config, task.folder, take_over=take_over)
    except (UserError, DataError) as error:
        raise UserError(f"{task.name}: {error}") from error


def _check_same_training(task: Task) -> None:
    """Refuse to put models of other settings beside each other."""
    path = task.folder / "config.json"
    if not path.exists():
        return
    changed = settings.differences(settings.read_record(path), task.config)
    for name, was in changed.items():
        if settings.of_training(name):
            raise UserError(
                f"{task.folder} was trained with {name}={was}, now it is "
                f"{field_names(task.config)[name]}: give the same, or another --workdir"
            )
