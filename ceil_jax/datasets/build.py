"""TFDS's command `build`, which also runs where TensorFlow is not installed.

`tfds build` itself does not: the program `tfds` imports all of its commands, and one of
them needs TensorFlow. Arguments are the same; the data sets of this project are known
by name, and a path to a builder's folder works as well.

    python -m ceil_jax.datasets.build sysu_mm01 --manual_dir=/path/to/SYSU-MM01
"""

import importlib
import sys
from typing import Any

from absl import app, logging

from ceil_jax.common.errors import DataError
from ceil_jax.datasets import registry


def main(arguments: Any) -> None:
    """Prepare the data sets that the command line names.

    Args:
        arguments: What TFDS's own parser made of the command line.
    """
    for name in registry.REGISTRY:
        importlib.import_module(f"ceil_jax.datasets.{name}.{name}_dataset_builder")
    logging.set_verbosity(logging.WARNING)
    try:
        arguments.execute()
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def run() -> None:
    """Parse the command line with TFDS's parser and go."""
    from tensorflow_datasets.scripts.cli import build, cli_utils

    parser = cli_utils.make_flags_parser(build.Args, description="tfds build")
    run_app: Any = app.run  # its annotation knows no parser of other arguments
    run_app(main, flags_parser=parser)


if __name__ == "__main__":
    run()
