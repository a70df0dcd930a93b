"""The page of a run, rebuilt from the files that it keeps."""

import json
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ceil_jax import __version__
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import read_json, write_whole
from ceil_jax.evaluation import rankings
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import (
    control,
    explained,
    pictured,
    results_files,
    settings,
    trained_on,
)
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.config import Config, definitions, field_names
from ceil_jax.pretrained import SYNTHETIC, SYNTHETIC_NOTE
from ceil_jax.report import run_page
from ceil_jax.report.contents import Contents, OtherModel

_LINE = 60  # characters of a line of a command
_PATHS = ("data_dir", "prepared_dir", "compilation_cache", "init_from")
_PATH_FIELDS = (*_PATHS, "evaluation.control", "evaluation.permutations")


def write(workdir: Path, figures: Path | None = None) -> Path:
    """Make the page of an evaluation.

    Args:
        workdir: The run's folder.
        figures: The file of figures; None where nothing was scored.

    Returns:
        The page: `report.html`, or `results/NAME.html` of another evaluation.

    Raises:
        UserError: A file that it needs is missing or damaged.
        OSError: It cannot be written.
    """
    own = workdir / results_files.OWN
    path = results_files.beside(figures or own, results_files.PAGE)
    write_whole(path, run_page.html(contents(workdir, figures)))
    return path


def keep(workdir: Path, kept: results_files.Kept) -> Path:
    """Make the page of an evaluation unless it is there and still says all.

    Args:
        workdir: The run's folder.
        kept: Its figures, as they were kept.

    Returns:
        The page.

    Raises:
        UserError: See `write`.
        OSError: See `write`.
    """
    path = results_files.beside(kept.path, results_files.PAGE)
    is_whole = path.exists() and not kept.is_new and not kept.added
    return path if is_whole else write(workdir, kept.path)


def write_all(workdir: Path) -> list[Path]:
    """Make the pages of all evaluations of a run.

    Args:
        workdir: The run's folder.

    Returns:
        The pages, the run's own first.

    Raises:
        UserError: There is nothing to make a page of, or a file is damaged.
        OSError: One cannot be written.
    """
    own = workdir / results_files.OWN
    others = sorted((workdir / results_files.FOLDER).glob("*.json"))
    found = [write(workdir, path) for path in (own, *others) if path.exists()]
    pictures = results_files.beside(own, results_files.PICTURES)
    if not found and pictures.exists():
        found = [write(workdir)]
    if not found:
        raise UserError(
            f"{workdir} holds no results.json: --mode train or evaluate makes it"
        )
    return found


def contents(workdir: Path, figures: Path | None) -> Contents:
    """What the files of an evaluation hold.

    Args:
        workdir: The run's folder.
        figures: The file of figures; None where nothing was scored.

    Returns:
        Everything on its page.

    Raises:
        UserError: A file is damaged.
    """
    own = workdir / results_files.OWN
    record: dict[str, Any] = {}
    results = None
    if figures is not None:
        record, results = _figures(figures)
    place = figures or own
    lists = results_files.beside(place, results_files.RANKINGS)
    pictures = results_files.beside(place, results_files.PICTURES)
    config = _config(workdir)
    is_own = figures == own
    return Contents(
        run=workdir.resolve().name,
        version=__version__,
        results=results,
        rankings=rankings.load(lists) if figures and lists.exists() else None,
        pictures=pictured.load(pictures) if pictures.exists() else None,
        epochs=epochs(workdir),
        others=tuple(_others(workdir, results, config) if is_own and results else ()),
        engine=record.get("engine") or {},
        start=_start(config, record),
        num_epochs=config.num_epochs if config and _has_epochs(workdir) else None,
        rerank_chosen=bool((record.get("evaluated_with") or {}).get("rerank.auto")),
        differences=tuple(_differences(config, record)) if config else (),
        commands=tuple(commands(workdir, scored=results is not None)),
        people=_people(workdir),
        matches=explained.of_model(
            results_files.beside(place, results_files.EXPLAINED),
            str((record.get("engine") or {}).get("model", "")),
        ),
    )


def _figures(path: Path) -> tuple[dict[str, Any], Results]:
    try:
        record = read_json(path)
        return record, Results.from_json(record)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error


def _config(workdir: Path) -> Config | None:
    path = workdir / "config.json"
    return settings.read(path) if path.exists() else None


def _has_epochs(workdir: Path) -> bool:
    return (workdir / "metrics.jsonl").exists()


def epochs(workdir: Path, *, quiet: bool = False) -> list[Mapping[str, Any]]:
    """The lines of the log that are epochs.

    Args:
        workdir: The run's folder.
        quiet: Whether nothing is said of other lines, as of one being written.

    Returns:
        The objects of `metrics.jsonl`, in order.
    """
    path = workdir / "metrics.jsonl"
    if not path.is_file():
        return []
    found: dict[int, Mapping[str, Any]] = {}
    wrong = 0
    for line in path.read_bytes().splitlines():
        try:
            epoch = json.loads(line)
            found[int(epoch["epoch"])] = epoch
        except (ValueError, KeyError, TypeError):
            wrong += 1
    if wrong and not quiet:
        warn(f"{path}: {wrong} lines are no epochs and are left out of the report")
    return [found[number] for number in sorted(found)]


def _others(
    workdir: Path, results: Results, config: Config | None
) -> Iterator[OtherModel]:
    """The lines of the comparison, this model among them, and a recorded run."""
    path = workdir / "comparison.json"
    try:
        record = read_json(path) if path.exists() else {}
        rows = {
            name: (Results.from_json(row["results"]), str(row["note"]))
            for name, row in record.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        warn(f"{path} cannot be used ({error}): the report does without")
        rows = {}
    for name, (row, note) in rows.items():
        is_this = row.checkpoint == results.checkpoint and row.modes == results.modes
        yield OtherModel(name, row.modes, note, is_this)
    if config is not None and rows:
        try:
            recorded = control.read_control(config)
        except UserError as error:
            warn(str(error))
            return
        if recorded is not None:
            yield OtherModel("control", recorded[0].modes, recorded[1])


def _start(config: Config | None, record: Mapping[str, Any]) -> str:
    if config is None or not record.get("trained_with", True):
        return ""
    if not config.init_from:
        return "random weights"
    name = Path(config.init_from).name
    return SYNTHETIC_NOTE if name == SYNTHETIC.name else name


def _people(workdir: Path) -> int | None:
    """Persons among the training images, where all are known."""
    try:
        trained = trained_on.read(workdir)
    except UserError:
        return None
    if trained is None or (trained.identities < 0).any():
        return None
    return len({*trained.identities.tolist()}) or None


def _differences(
    config: Config, record: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Fields that are not as the program has them, as they were at the evaluation."""
    now = record.get("evaluated_with") or {}
    defaults = field_names(Config())
    for name, value in field_names(config).items():
        short = name.removeprefix("config.")
        value = settings.plain(now.get(short, value))
        default = settings.plain(defaults[name])
        if value != default and name in definitions("config."):
            yield short, _shown(short, value), _shown(short, default)


def _shown(name: str, value: Any) -> str:
    if name in _PATH_FIELDS:  # where it lies says nothing to another reader
        return Path(str(value)).name if value else '""'
    return json.dumps(value)


def commands(workdir: Path, *, scored: bool = True) -> Iterator[tuple[str, str]]:
    """What can be done next with a run.

    Args:
        workdir: Its folder.
        scored: Whether there were test images.

    Yields:
        In words, and the command.
    """
    near = os.path.relpath(workdir)
    place = shlex.quote(near if not near.startswith("..") else str(workdir))
    program = f"python -m ceil_jax.main --workdir {place}"
    if scored:
        yield "Measure again", _folded(f"{program} --mode evaluate")
    yield "The embeddings of all images", _folded(f"{program} --mode export")
    yield (
        "The model for other programs",
        _folded(f"{program} --mode package --output DIR"),
    )
    yield "This page once more", _folded(f"{program} --mode report")
    if scored:
        yield (
            "This page with what matched in the first answers",
            _folded(f"{program} --mode report --explain"),
        )


def _folded(command: str) -> str:
    """A command over several lines of at most `_LINE` characters, where that goes."""
    lines = [""]
    for word in command.split(" --"):
        word = word if not lines[0] else f"--{word}"
        if lines[0] and len(lines[-1]) + len(word) + 3 > _LINE:
            lines[-1] += " \\"
            lines.append("    ")
        lines[-1] += f"{' ' if lines[-1].strip() else ''}{word}"
    return "\n".join(lines)
