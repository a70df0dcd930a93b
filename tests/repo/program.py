"""The program's command line, read without running anything."""

from absl import flags
from ml_collections import config_flags

from ceil_jax.config import Config, check


def arguments_of_main(words: list[str]) -> list[str] | None:
    """What stands after `python -m ceil_jax.main`, or None in other commands."""
    for start in range(len(words) - 2):
        python, dash, module = words[start : start + 3]
        if python.endswith(("python", "python3")) and dash == "-m":
            return words[start + 3 :] if module == "ceil_jax.main" else None
    return None


def parse(argv: list[str]) -> Config:
    """Read arguments as the program does, with flags of this test's own.

    Returns:
        The configuration, checked.

    Raises:
        Exception: A flag, a config file or a field does not exist.
    """
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", flag_values=values)
    flags.DEFINE_string("workdir", None, "", flag_values=values)
    flags.DEFINE_enum("mode", "train", ["train", "evaluate"], "", flag_values=values)
    left = values(argv)
    assert left == ["main"], f"{left[1:]} are no flags"
    assert isinstance(values.config, Config), "no --config"
    check(values.config)
    return values.config
