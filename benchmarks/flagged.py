"""Flags of a benchmark, which no other benchmark sees."""

from absl import flags


def own(module: str) -> flags.FlagValues:
    """Where a module's flags are defined.

    absl knows every flag of a program once. A benchmark that is imported by another
    module, and not run, must not define its own there.

    Args:
        module: Its `__name__`.

    Returns:
        The program's flags if it is the program, else some that nothing parses.
    """
    return flags.FLAGS if module == "__main__" else flags.FlagValues()
