"""The model that a mode writes or embeds with: a run's, or weights of a file."""

import dataclasses
from pathlib import Path

from ceil_jax.experiment import build
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes.evaluate import check_trained, open_model
from ceil_jax.experiment.record import of_model
from ceil_jax.training.state import TrainState


def opened(
    config: Config, workdir: Path, weights: str = ""
) -> tuple[Config, TrainState]:
    """Open a run's model, or the weights of a file.

    Args:
        config: A configuration of the model's architecture.
        workdir: The run's folder; nothing in it is changed.
        weights: A file of weights to take instead; "" for the run's.

    Returns:
        The configuration with the architecture and image size of the model, and its
        state.

    Raises:
        UserError: There is no checkpoint, or the weights cannot be read or are of
            another architecture.
    """
    if weights:
        config = dataclasses.replace(config, init_from=weights)
        return config, build.initial_state(config, flag="--weights")
    check_trained(workdir)
    got = open_model(config, workdir)
    config = of_model(config, got.record)
    return config, got.state(build.initial_state(config, from_weights=False))
