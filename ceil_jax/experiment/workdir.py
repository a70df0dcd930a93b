"""The folder of a run, or of several."""

import contextlib
import os
from pathlib import Path

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import check_writable, read_json, user_path

SEEDS, SWEEP = "seeds.json", "sweep.json"
"""The figures of several seeds, and of a sweep; the second is there from its start."""
_SEED, _SPLIT = "seed-", "trial_"
_MAKERS = {"splits": "--mode trials", "seeds": "--seeds", "overrides": "--mode sweep"}


def workdir_of(path: str, flag: str = "--workdir") -> Path:
    """The run's folder, which need not exist yet: a run makes it once it is sure to go.

    Args:
        path: What the user gave.
        flag: What it was given by, for messages.

    Returns:
        The folder.

    Raises:
        UserError: It is a file, lies below one, or cannot be written to.
    """
    folder = user_path(path)
    nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not nearest.is_dir():
        raise UserError(f"{flag}={path}: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"{flag}={path}: {nearest} cannot be written to")
    try:
        check_writable(nearest)
    except OSError as error:
        raise UserError(
            f"{flag}={path}: {nearest} cannot be written to ({error.strerror})"
        ) from error
    return folder


def folder_of_split(workdir: Path, split: int) -> Path:
    """Where one of several splits is trained.

    Args:
        workdir: The folder of all.
        split: Its number, from 1.

    Returns:
        The split's own folder.
    """
    return workdir / f"{_SPLIT}{split:02d}"


def folder_of_seed(workdir: Path, seed: int) -> Path:
    """Where one of several training seeds is trained.

    Args:
        workdir: The folder of all.
        seed: The seed.

    Returns:
        The seed's own folder.
    """
    return workdir / f"{_SEED}{seed}"


def seeds_in(workdir: Path) -> dict[int, Path]:
    """The training seeds that a folder of `--seeds` holds.

    Args:
        workdir: The folder of all.

    Returns:
        The folder of each, by ascending seed.
    """
    found = [(p.name.removeprefix(_SEED), p) for p in workdir.glob(f"{_SEED}[0-9]*")]
    numbers = {int(name): p for name, p in found if name.isdecimal() and p.is_dir()}
    return dict(sorted(numbers.items()))


def splits_in(workdir: Path) -> dict[int, Path]:
    """The splits that a folder of `--mode trials` holds.

    Args:
        workdir: The folder of all.

    Returns:
        The folder of each, by ascending number.
    """
    found = [p for p in workdir.glob(f"{_SPLIT}[0-9][0-9]") if p.is_dir()]
    return {int(p.name.removeprefix(_SPLIT)): p for p in sorted(found)}


def kind_of(workdir: Path) -> str:
    """What several runs of a folder are.

    Args:
        workdir: The folder.

    Returns:
        "splits", "seeds" or "overrides"; "" of a folder for one run, or none yet.
    """
    if splits_in(workdir):
        return "splits"
    if (workdir / SWEEP).exists():
        return "overrides"
    return "seeds" if seeds_in(workdir) else ""


def check_one_split(workdir: Path) -> None:
    """Refuse a folder of several runs, whose files would be overwritten.

    Args:
        workdir: The folder for one run.

    Raises:
        UserError: It holds several.
    """
    if kind := kind_of(workdir):
        raise UserError(
            f"--workdir={workdir} holds the {kind} of {_MAKERS[kind]}: give the folder "
            "of one of them, or another"
        )


def check_no_scores(workdir: Path) -> None:
    """Refuse to train where figures of features lie, which look like the run's own.

    Args:
        workdir: The folder for the training.

    Raises:
        UserError: It holds figures of `--mode score`.
    """
    with contextlib.suppress(OSError, ValueError):
        record = read_json(workdir / "results.json")
        if isinstance(record, dict) and "features" in record:
            raise UserError(
                f"--workdir={workdir} holds figures of features (--mode score): these "
                "would be taken for the training's own; give another folder"
            )


def check_several(workdir: Path, kind: str) -> None:
    """Refuse to put several runs where something else is.

    Args:
        workdir: The folder for all of them.
        kind: "splits", "seeds" or "overrides".

    Raises:
        UserError: It holds one run, or several of another kind.
    """
    maker, noun = _MAKERS[kind], kind.removesuffix("s")
    if (workdir / "checkpoints").exists():
        raise UserError(
            f"--workdir={workdir} holds a run of one {noun}: give another to {maker}, "
            "which makes a folder for each"
        )
    other = kind_of(workdir)
    if other not in ("", kind):
        raise UserError(
            f"--workdir={workdir} holds the {other} of {_MAKERS[other]}: give another "
            f"to {maker}"
        )


def check_no_training(folder: Path, flag: str) -> None:
    """Refuse to put figures of another model or data set beside a training.

    Args:
        folder: The folder for the figures.
        flag: What named it, with its value, for messages.

    Raises:
        UserError: It holds a training.
    """
    for name in ("checkpoints", "metrics.jsonl"):
        if (folder / name).exists():
            raise UserError(
                f"{flag} holds a training ({name}): these figures would be taken for "
                "its own; give another folder"
            )
