"""What is made ready before a run: a data set's images, and weights of others."""

import time

from ceil_jax import weights
from ceil_jax.common.errors import UserError
from ceil_jax.common.progress import heartbeat
from ceil_jax.experiment import sources
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.workdir import workdir_of


def prepare_data(config: Config) -> None:
    """Read, check, resize and store the images of a data set, if not done before.

    Args:
        config: The whole configuration.

    Raises:
        DataError: The folder, a list, a count or an image is wrong.
    """
    start = time.monotonic()
    with heartbeat(f"preparing {config.dataset}"):
        builder = sources.prepare_images(config)
    for warning in builder.warnings:
        warn(warning)
    num_images = len(builder.index().record)
    height, width = config.image_size
    print(
        f"{config.dataset}: {num_images:,} images of {height}x{width} pixels in "
        f"{builder.data_path}, {time.monotonic() - start:.1f} s",
        flush=True,
    )


def convert_weights(path: str, output: str) -> None:
    """Write the weights of a file as an Orbax checkpoint.

    Args:
        path: The file.
        output: The folder to write; it must not exist, or be empty.

    Raises:
        UserError: The file cannot be used, or the folder cannot be written.
    """
    workdir_of(output, "--output")
    try:
        with heartbeat("converting weights"):
            summary = weights.convert(path, output)
    except (OSError, ValueError) as error:
        raise UserError(f"--mode convert: {error}") from error
    print(summary, flush=True)
