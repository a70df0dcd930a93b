"""Files of a run that a crash or an editor has damaged."""

from pathlib import Path

from ceil_jax.common import files
from ceil_jax.experiment.announce import warn

_LONGEST_REASON = 160


def reason(error: Exception) -> str:
    """What is wrong with a file, for a message of one line.

    Args:
        error: What reading it raised.

    Returns:
        A few words.
    """
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    text = " ".join(str(error).split()) or type(error).__name__
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."


def set_aside(path: Path, why: str, then: str) -> None:
    """Rename a damaged file of a run and say so; only for a process that trains.

    Args:
        path: The file, or what stands in its place.
        why: What is wrong with it.
        then: How the run goes on.
    """
    aside = files.set_aside(path)
    warn(f"{path} is damaged ({why}) and is now {aside.name}; {then}")
