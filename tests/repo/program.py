"""The program's command line, read without running anything."""

from ceil_jax import main
from ceil_jax.experiment.config import Config
from tests.repo import source


def arguments_of_main(words: list[str]) -> list[str] | None:
    """What stands after `python -m ceil_jax.main`, or None in other commands."""
    if words and words[0] == "ceil-jax":
        return words[1:]
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
    has_config = any(word.split("=")[0] == "--config" for word in argv)
    if not has_config and any(word.startswith("--workdir") for word in argv):
        # The reader's folder holds a config.json; here any configuration stands for it.
        argv = [argv[0], f"--config={source.ROOT / 'configs' / 'regdb.py'}", *argv[1:]]
    return main.parse(argv).config
