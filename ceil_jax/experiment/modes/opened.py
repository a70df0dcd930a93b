"""The model that a mode scores, exports or packs: a run's, or weights of a file."""

import dataclasses
from pathlib import Path

from ceil_jax.checkpoints import scores
from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.checkpoints.saved import Saved
from ceil_jax.common.errors import UserError
from ceil_jax.common.extras import MissingExtraError
from ceil_jax.common.files import user_path
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.record import check_architecture, of_model
from ceil_jax.model import Model, loading

_OTHERWISE = "give config.selection=last"


def opened(config: Config, workdir: Path, weights: str = "") -> tuple[Config, Model]:
    """Open a run's model, or the weights of a file.

    Args:
        config: A configuration of the model's architecture.
        workdir: The run's folder; nothing in it is changed.
        weights: A file of weights to take instead; "" for the run's.

    Returns:
        The configuration with the architecture and image size of the model, and the
        model.

    Raises:
        UserError: There is no checkpoint, or the weights cannot be read or are of
            another architecture.
    """
    if weights:
        return config, _of_weights(config, weights)
    check_trained(workdir)
    got = open_model(config, workdir)
    model = loading.of_checkpoint(workdir, got)
    config = of_model(config, got.record)
    sizes = model.info.architecture._asdict()
    encoder = dataclasses.replace(config.encoder, **sizes)
    size = model.info.image_size
    return dataclasses.replace(config, encoder=encoder, image_size=size), model


def _of_weights(config: Config, path: str) -> Model:
    height, width = config.image_size
    try:
        model = loading.of_weights(user_path(path), (height, width))
    except MissingExtraError:
        raise
    except (OSError, ValueError) as error:
        raise UserError(f"--weights: {error}") from error
    check_architecture(config, model.info.architecture, f"--weights={path}")
    return model


def check_trained(workdir: Path) -> None:
    """Refuse a folder without checkpoints, before anything is loaded.

    Args:
        workdir: The run's folder.

    Raises:
        UserError: There is none.
    """
    if not (workdir / "checkpoints").is_dir():
        raise UserError(f"{workdir}/checkpoints: no checkpoint here; train first")


def open_model(config: Config, workdir: Path) -> Saved:
    """The checkpoint that is a run's model.

    Args:
        config: Its `selection` decides: the newest whole one, or the best on the test
            set.
        workdir: The run's folder; nothing in it is changed.

    Returns:
        What the checkpoint holds, its architecture in its record: see `of_model`.

    Raises:
        UserError: There is none, it was not kept, or none is whole.
    """
    saved = Checkpoints(workdir / "checkpoints")
    epoch = scores.chosen(workdir, config.selection, saved.epochs, _OTHERWISE)
    got = saved.newest_epoch() if epoch is None else saved.open(epoch)
    for text in got.skipped:
        warn(text)
    return got
