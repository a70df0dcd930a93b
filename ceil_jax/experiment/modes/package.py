"""A run's model as a folder of its own, for others."""

from pathlib import Path

from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.modes.opened import check_trained
from ceil_jax.model import loading


def package(workdir: Path, output: str) -> Path:
    """Write the model folder of a run, and say how to use it.

    Args:
        workdir: The run's folder; nothing in it is changed.
        output: The folder to write; it must not exist, or be empty.

    Returns:
        The folder written.

    Raises:
        UserError: There is no checkpoint, or the folder cannot be written.
    """
    check_trained(workdir)
    model = loading.load(workdir)
    for text in model.info.warnings:
        warn(text)
    if model.info.results is None:
        warn(
            f"{workdir} holds no figures of this model: its card tells none; "
            f"--mode evaluate --workdir {workdir} makes them"
        )
    folder = model.save(output)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(
        f"{model.info}\nwritten to {folder} ({size / 1e6:,.1f} MB)\nnext:\n"
        f'  embed images: ceil_jax.load("{folder}").embed(images, "visible")\n'
        f"  before you pass it on: fill in the licence in {folder / 'README.md'}",
        flush=True,
    )
    return folder
