"""The program's command line, read without running anything."""

from ceil_jax import main
from ceil_jax.experiment import words
from ceil_jax.experiment.config import Config
from tests.repo import source


def arguments_of_main(given: list[str]) -> list[str] | None:
    """What stands after `python -m ceil_jax.main`, or None in other commands."""
    for start in range(len(given) - 2):
        python, dash, module = given[start : start + 3]
        if python.endswith(("python", "python3")) and dash == "-m":
            return given[start + 3 :] if module == "ceil_jax.main" else None
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
    has_config = any(word.split("=")[0] == "--config" for word in argv)
    mode = words.word_of(argv, "mode") or "train"
    has_config |= "config" not in main.MODES[mode].needed
    if not has_config and any(word.startswith("--workdir") for word in argv):
        # The reader's folder holds a config.json; here any configuration stands for it.
        argv = [argv[0], f"--config={source.ROOT / 'configs' / 'regdb.py'}", *argv[1:]]
    return main.parse(argv).config
