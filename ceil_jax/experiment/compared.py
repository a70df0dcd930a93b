"""Runs that are compared: their figures, what every query found, and what differs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import read_json, user_path
from ceil_jax.evaluation import rankings as rankings_lib
from ceil_jax.evaluation.rankings import Rankings
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import damaged, results_files, settings
from ceil_jax.experiment.config import TRAINING
from ceil_jax.experiment.ranges import shown
from ceil_jax.experiment.workdir import kind_of, seeds_in, splits_in

UNKNOWN = "unknown"
SEEDS, SPLITS = "seeds", "splits"
_ENGINE = ("ceil_jax", "jax", "device", "kernels")
_NUMBER = {SEEDS: "config.seed", SPLITS: "config.trial"}
_BEST = "best_on_test"


class Evaluation(NamedTuple):
    """One evaluation of a model.

    Attributes:
        path: Its file of figures.
        results: The figures.
        record: All that the file holds.
        rankings: What every query found; None where no file tells.
    """

    path: Path
    results: Results
    record: Mapping[str, Any]
    rankings: Rankings | None

    @property
    def model(self) -> str:
        """Digest of the model; "" if unknown."""
        engine = self.record.get("engine")
        return str(engine.get("model", "")) if isinstance(engine, dict) else ""


class Opened(NamedTuple):
    """What a command line names: one evaluation, or several seeds or splits.

    Attributes:
        path: As it was given.
        evaluations: By training seed or split where there are several, else by 0.
        kind: `SEEDS` or `SPLITS` where there are several; else "".
    """

    path: Path
    evaluations: dict[int, Evaluation]
    kind: str = ""

    @property
    def first(self) -> Evaluation:
        """The evaluation, or that of the lowest seed or split."""
        return next(iter(self.evaluations.values()))


def open_run(text: str) -> Opened:
    """Read what a command line names.

    Args:
        text: A folder of a run, of several seeds or splits, or a file of figures.

    Returns:
        Its evaluations.

    Raises:
        UserError: There are no figures, or they cannot be read.
    """
    path = user_path(text)
    if path.is_file():
        return Opened(path, {0: _evaluation(path)})
    if not path.is_dir():
        raise UserError(f"{text}: there is no such folder or file")
    kind = kind_of(path)
    if kind == "overrides":
        raise UserError(f"{text} is a sweep: name some of its folders")
    if kind:
        return _group(path, kind)
    own = path / results_files.OWN
    if not own.is_file():
        raise UserError(
            f"{text} holds no {results_files.OWN}: --mode evaluate --workdir {text} "
            "makes it"
        )
    return Opened(path, {0: _evaluation(own)})


def _group(path: Path, kind: str) -> Opened:
    """The finished runs of a folder; rankings of single seeds are not needed."""
    folders = splits_in(path) if kind == SPLITS else seeds_in(path)
    found = {
        number: _evaluation(folder / results_files.OWN, rankings=kind == SPLITS)
        for number, folder in folders.items()
        if (folder / results_files.OWN).is_file()
    }
    if not found:
        noun = "splits" if kind == SPLITS else "training seeds"
        raise UserError(f"{path}: none of its {noun} is finished")
    if kind == SPLITS:  # the lists of so many runs would only take memory
        found = {number: _without_lists(each) for number, each in found.items()}
    return Opened(path, found, kind)


def _without_lists(evaluation: Evaluation) -> Evaluation:
    if evaluation.rankings is None:
        return evaluation
    rankings = {n: mode._replace(lists={}) for n, mode in evaluation.rankings.items()}
    return evaluation._replace(rankings=rankings)


def _evaluation(path: Path, *, rankings: bool = True) -> Evaluation:
    try:
        record = read_json(path)
        results = Results.from_json(record)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: no figures: {damaged.reason(error)}") from error
    of_queries = results_files.beside(path, results_files.RANKINGS)
    is_there = rankings and of_queries.exists()
    found = rankings_lib.load(of_queries) if is_there else None
    return Evaluation(path, results, record, found)


def fields_of(evaluation: Evaluation) -> dict[str, Any]:
    """Every field that the figures of an evaluation depend on.

    Args:
        evaluation: The evaluation.

    Returns:
        Plain values by dotted name, with the checkpoint and what computed the figures;
        `UNKNOWN` where the file does not say.
    """
    record = evaluation.record
    trained, scored = record.get("trained_with"), record.get("evaluated_with")
    trained = settings.recorded_fields(trained) if isinstance(trained, dict) else {}
    scored = scored if isinstance(scored, dict) else {}
    found: dict[str, Any] = {
        "checkpoint": evaluation.results.checkpoint,
        "training": "recorded" if trained else UNKNOWN,
    }
    for name, tag in settings.tags().items():
        of_scored = scored.get(name.removeprefix("config."), UNKNOWN)
        if tag == TRAINING:
            found[name] = trained.get(name, of_scored)
        elif settings.of_figures(name):
            found[name] = of_scored
    if found["config.init_from"] != UNKNOWN:  # the same file may lie elsewhere
        found["config.init_from"] = Path(str(found["config.init_from"])).name
    engine = record.get("engine")
    for name in _ENGINE:
        known = engine.get(name, UNKNOWN) if isinstance(engine, dict) else UNKNOWN
        found[f"engine.{name}"] = known
    return {name: settings.plain(value) for name, value in found.items()}


def differing(runs: Sequence[Opened]) -> dict[str, list[str]]:
    """What differs between runs.

    Args:
        runs: At least one.

    Returns:
        A text for each run by the name of the field, in the order of the
        configuration; of several seeds or splits what they have in common, else all
        their values.
        Fields of the training are left out where a run does not tell how it was
        trained.
    """
    fields = [[fields_of(e) for e in run.evaluations.values()] for run in runs]
    numbers = {_NUMBER[run.kind] for run in runs if run.kind}
    found = {}
    for name in fields[0][0]:
        if name in numbers:
            continue
        values = [_in_common([each[name] for each in of_run]) for of_run in fields]
        if name.startswith("config.") and UNKNOWN in values:
            continue
        if any(value != values[0] for value in values):
            found[name] = values
    return found


def _in_common(values: Sequence[Any]) -> str:
    """One text for the values of several seeds."""
    texts = list(dict.fromkeys(_words(value) for value in values))
    return ", ".join(texts[:3]) + (", ..." if len(texts) > 3 else "")


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value or '""'
    return shown(value)


def recipe_fault(one: Opened, other: Opened) -> str:
    """Why two groups of runs are not two recipes.

    Args:
        one: The first, of several seeds or splits.
        other: The second, of the same kind.

    Returns:
        The field in which runs of equal seed or split differ for some of them only, or
        the number that a run did not have; "" for nothing.
    """
    noun, number = one.kind.removesuffix("s"), _NUMBER[one.kind]
    common = sorted(one.evaluations.keys() & other.evaluations.keys())
    changes: dict[str, tuple[Any, Any]] | None = None
    for place in common:
        evaluations = [group.evaluations[place] for group in (one, other)]
        sides = [fields_of(each) for each in evaluations]
        for each, side in zip(evaluations, sides, strict=True):
            if side[number] not in (place, UNKNOWN):
                return f"{each.path.parent} was trained with {noun} {side[number]}"
        now = {
            name: (value, sides[1][name])
            for name, value in sides[0].items()
            if value != sides[1][name]
        }
        if any(each.results.selection == _BEST for each in evaluations):
            now.pop("checkpoint", None)  # every run has its own
        if changes is not None and now != changes:
            name = next(n for n in {**now, **changes} if now.get(n) != changes.get(n))
            return (
                f"runs of {noun} {place} differ in {name} otherwise than those of "
                f"{noun} {common[0]}: these are not two recipes"
            )
        changes = now
    return ""
