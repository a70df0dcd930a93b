"""The folder of a run, or of several splits."""

import os
from pathlib import Path

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import check_writable, user_path


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
    return workdir / f"trial_{split:02d}"


def check_one_split(workdir: Path) -> None:
    """Refuse a folder of several splits, whose mean would be overwritten.

    Args:
        workdir: The folder for one run.

    Raises:
        UserError: It holds several.
    """
    if any(workdir.glob("trial_[0-9][0-9]")):
        raise UserError(
            f"--workdir={workdir} holds the splits of --mode trials: give the folder "
            "of one of them, or another"
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
