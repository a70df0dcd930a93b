"""Where the figures of a run are kept: its own, and every other evaluation's."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import read_json, write_json
from ceil_jax.experiment import damaged, settings
from ceil_jax.experiment.announce import warn

OWN = "results.json"
FOLDER = "results"
PICTURE, RANKINGS = "ranked_lists.png", "rankings.npz"
PICTURES, PAGE = "pictures.npz", "report.html"
EXPLAINED = "explained.npz"
_ENDINGS = {
    PICTURE: ".png",
    RANKINGS: ".rankings.npz",
    PICTURES: ".pictures.npz",
    EXPLAINED: ".explained.npz",
    PAGE: ".html",
}
"""Of what belongs to the figures of the others; it comes and goes with them."""
_OF_NAME = ("protocol", "sampling", "shots", "checkpoint")
_LONGEST_PART = 50  # of a name of at most 255 bytes


class Kept(NamedTuple):
    """Where figures are kept.

    Attributes:
        path: The file.
        is_new: Whether it was written now.
        added: What a file of before lacked, and has got now.
    """

    path: Path
    is_new: bool
    added: tuple[str, ...] = ()

    def __str__(self) -> str:
        """For people."""
        if self.is_new:
            return f"written to {self.path}"
        if self.added:
            return (
                f"measured before, and what was missing ({', '.join(self.added)}) "
                f"added now, see {self.path}"
            )
        return f"measured before, see {self.path}"


def write(workdir: Path, record: Mapping[str, Any], *, own: bool) -> Kept:
    """Keep the figures of an evaluation; what is kept already stays as it is.

    What figures of before lack, as those of an earlier version have no thresholds, is
    added to them, and `completed_by` says by which program.

    Args:
        workdir: The run's folder, which exists.
        record: The content of the file, see `Results.to_json`, with `trained_with` and
            `evaluated_with`.
        own: Whether it is the run's own evaluation, of its finished training.

    Returns:
        The file, and what was written. Own figures of an earlier end of the training,
        which has gone on, move to the others; a damaged file of own figures is set
        aside.

    Raises:
        UserError: Something else stands in the place of the folder of the others.
    """
    path = workdir / OWN
    kept = _read(path)
    if kept is not None and _same(kept, record):
        return _completed(path, kept, record)
    if own:
        if kept is not None:
            _move_aside(workdir, kept)
        elif os.path.lexists(path):
            damaged.set_aside(path, "it holds no figures", "the figures are kept anew")
        _write(path, record)
        return Kept(path, True)
    if kept is None and path.exists():
        warn(f"{path} is damaged and is left as it is")
    path, is_there = _place(workdir, record)
    if is_there:
        return _completed(path, _read(path) or {}, record)
    _write(path, record)
    return Kept(path, True)


def _completed(path: Path, kept: Mapping[str, Any], record: Mapping[str, Any]) -> Kept:
    """Add to figures of before what the same evaluation says now and they do not."""
    added = [name for name in record if name not in kept]
    if added:
        by = {name: record["engine"] for name in added}
        more = {name: record[name] for name in added}
        before = kept.get("completed_by", {})
        write_json(path, {**kept, **more, "completed_by": {**before, **by}})
    return Kept(path, False, tuple(added))


def beside(path: Path, part: str) -> Path:
    """A file that belongs to a file of figures.

    Args:
        path: The file of figures.
        part: `PICTURE`, `RANKINGS`, `PICTURES`, `EXPLAINED` or `PAGE`.

    Returns:
        Of the run's own, `part` itself; else NAME.png or NAME.rankings.npz.
    """
    if path.name == OWN and path.parent.name != FOLDER:
        return path.with_name(part)
    return path.with_name(path.name.removesuffix(".json") + _ENDINGS[part])


def name_of(record: Mapping[str, Any]) -> str:
    """PROTOCOL-SAMPLING-SHOTS-CHECKPOINT, as a file can be named.

    Args:
        record: The content of the file.

    Returns:
        The name without its ending.
    """
    parts = [re.sub(r"[^\w.]+", "_", str(record[key])) for key in _OF_NAME]
    return "-".join(part[:_LONGEST_PART] for part in parts)


def is_evaluated(workdir: Path) -> bool:
    """Whether a folder has figures of its own.

    Args:
        workdir: The run's folder.

    Returns:
        True if they are there.
    """
    return (workdir / OWN).exists()


def trained_epochs(workdir: Path) -> int | None:
    """How many epochs the training had whose figures are the run's own.

    Args:
        workdir: The run's folder.

    Returns:
        Their number; None where there are no figures, or the file does not say.
    """
    trained_with = (_read(workdir / OWN) or {}).get("trained_with")
    if not isinstance(trained_with, dict):
        return None
    stages = [trained_with.get(f"stage{stage}_epochs") for stage in (1, 2)]
    return sum(stages) if all(type(n) is int for n in stages) else None  # type: ignore[arg-type]


def _write(path: Path, record: Mapping[str, Any]) -> None:
    """Keep figures; what lies beside them is of others, if it is there at all."""
    for part in _ENDINGS:
        beside(path, part).unlink(missing_ok=True)
    write_json(path, record)


def _place(workdir: Path, record: Mapping[str, Any]) -> tuple[Path, bool]:
    """A free name among the others, or the file that holds the same evaluation."""
    folder, number = workdir / FOLDER, 1
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise UserError(
            f"{folder} is no folder: move it away, figures are kept there"
        ) from error
    while True:
        suffix = f"-{number}" if number > 1 else ""
        path = folder / f"{name_of(record)}{suffix}.json"
        if not path.exists():
            return path, False
        kept = _read(path)
        if kept is not None and _same(kept, record):
            return path, True
        number += 1


def _move_aside(workdir: Path, kept: Mapping[str, Any]) -> None:
    """Move the run's own figures, and what belongs to them, to the others."""
    path, is_there = _place(workdir, kept)
    own = workdir / OWN
    for part in _ENDINGS:
        if beside(own, part).exists() and not is_there:
            beside(own, part).replace(beside(path, part))
    if is_there:
        own.unlink()
    else:
        own.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    """The content of a file of figures; None if it holds something else."""
    try:
        record = read_json(path)
    except (OSError, ValueError):
        return None
    is_one = isinstance(record, dict) and all(key in record for key in _OF_NAME)
    return record if is_one else None


def _same(kept: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether two evaluations are of one model, done in the same way."""
    known = (kept.get("evaluated_with"), kept.get("engine"))
    if not all(isinstance(part, dict) for part in known):
        return False  # of a version that did not say
    return (
        kept.get("checkpoint") == record.get("checkpoint")
        and kept["engine"].get("model") == record["engine"].get("model")
        and settings.same_evaluation(kept["evaluated_with"], record["evaluated_with"])
    )
