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
from ceil_jax.experiment.workdir import kind_of, seeds_in

UNKNOWN = "unknown"
_ENGINE = ("ceil_jax", "jax", "device", "kernels")
_SEED = "config.seed"


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
    """What a command line names: one evaluation, or several training seeds.

    Attributes:
        path: As it was given.
        evaluations: By training seed where there are several, else by 0.
        is_group: Whether there are several.
    """

    path: Path
    evaluations: dict[int, Evaluation]
    is_group: bool

    @property
    def first(self) -> Evaluation:
        """The evaluation, or that of the lowest seed."""
        return next(iter(self.evaluations.values()))


def open_run(text: str) -> Opened:
    """Read what a command line names.

    Args:
        text: A folder of a run, of several seeds, or a file of figures.

    Returns:
        Its evaluations.

    Raises:
        UserError: There are no figures, or they cannot be read.
    """
    path = user_path(text)
    if path.is_file():
        return Opened(path, {0: _evaluation(path)}, False)
    if not path.is_dir():
        raise UserError(f"{text}: there is no such folder or file")
    kind = kind_of(path)
    if kind == "overrides":
        raise UserError(f"{text} is a sweep: name some of its folders")
    if kind == "seeds":
        return _group(path)
    own = path / results_files.OWN
    if not own.is_file():
        raise UserError(
            f"{text} holds no {results_files.OWN}: --mode evaluate --workdir {text} "
            "makes it"
        )
    return Opened(path, {0: _evaluation(own)}, False)


def _group(path: Path) -> Opened:
    """The finished seeds of a folder; rankings of single seeds are not needed."""
    found = {
        seed: _evaluation(folder / results_files.OWN, rankings=False)
        for seed, folder in seeds_in(path).items()
        if (folder / results_files.OWN).is_file()
    }
    if not found:
        raise UserError(f"{path}: none of its training seeds is finished")
    return Opened(path, found, True)


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
        configuration; of a group what its seeds have in common, else all their values.
        Fields of the training are left out where a run does not tell how it was
        trained.
    """
    fields = [[fields_of(e) for e in run.evaluations.values()] for run in runs]
    found = {}
    for name in fields[0][0]:
        if name == _SEED and any(run.is_group for run in runs):
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
    """Why two groups of seeds are not two recipes.

    Args:
        one: The first group.
        other: The second.

    Returns:
        The field in which runs of equal seed differ for some seeds only, or the seed
        that a run did not have; "" for nothing.
    """
    common = sorted(one.evaluations.keys() & other.evaluations.keys())
    changes: dict[str, tuple[Any, Any]] | None = None
    for seed in common:
        sides = [fields_of(group.evaluations[seed]) for group in (one, other)]
        for group, side in zip((one, other), sides, strict=True):
            if side[_SEED] not in (seed, UNKNOWN):
                return f"{group.path}/seed-{seed} was trained with seed {side[_SEED]}"
        now = {
            name: (value, sides[1][name])
            for name, value in sides[0].items()
            if value != sides[1][name]
        }
        if changes is not None and now != changes:
            name = next(n for n in {**now, **changes} if now.get(n) != changes.get(n))
            return (
                f"runs of seed {seed} differ in {name} otherwise than those of seed "
                f"{common[0]}: these are not two recipes"
            )
        changes = now
    return ""
