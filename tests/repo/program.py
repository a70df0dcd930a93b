"""The program's command line, read without running anything."""

from ceil_jax import main
from ceil_jax.experiment.config import Config


def arguments_of_main(words: list[str]) -> list[str] | None:
    """What stands after `python -m ceil_jax.main`, or None in other commands."""
    for start in range(len(words) - 2):
        python, dash, module = words[start : start + 3]
        if python.endswith(("python", "python3")) and dash == "-m":
            return words[start + 3 :] if module == "ceil_jax.main" else None
    return None


def parse(argv: list[str]) -> Config:
    """Read arguments as the program does.

    Args:
        argv: Program name and words; files that a reader has are only named there.

    Returns:
        The configuration, checked.

    Raises:
        Exception: A flag, a mode, a config file or a field does not exist.
    """
    return main.parse(argv).config
