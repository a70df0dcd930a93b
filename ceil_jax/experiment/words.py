"""Words of a command line before it is parsed."""

import os
import re
from collections.abc import Sequence


def word_of(argv: Sequence[str], flag: str) -> str | None:
    """What a flag is given, the last time it is.

    Args:
        argv: Program name and words.
        flag: The flag, without dashes.

    Returns:
        The word; None if there is none.
    """
    given = None
    for i, word in enumerate(argv):
        if word in (f"--{flag}", f"-{flag}") and i + 1 < len(argv):
            given = argv[i + 1]
        if match := re.match(rf"--?{flag}=(.+)", word):
            given = match[1]
    return given


def without_config(argv: Sequence[str]) -> list[str]:
    """The words without --config and its file.

    Args:
        argv: Program name and words.

    Returns:
        The others.
    """
    kept, skip = [], False
    for word in argv:
        if skip:
            skip = False
        elif word in ("--config", "-config"):
            skip = True
        elif not re.match(r"--?config=", word):
            kept.append(word)
    return kept


def recorded_path(argv: Sequence[str], path: str | None) -> str | None:
    """The config.json to read: the one named, or the run folder's if none is named.

    Args:
        argv: Program name and words.
        path: What `--config` names, if it is given.

    Returns:
        The file; None for none.
    """
    if path is not None:
        return path if path.endswith(".json") else None
    workdir = word_of(argv, "workdir")
    if not workdir:
        return None
    recorded = os.path.join(os.path.expanduser(workdir), "config.json")
    return recorded if os.path.isfile(recorded) else None
