"""The trackers that can be asked for, what they need, and how their pages open."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

TENSORBOARD, WANDB, MLFLOW, TRACKIO = "tensorboard", "wandb", "mlflow", "trackio"
NAMES = (TENSORBOARD, WANDB, MLFLOW, TRACKIO)
EXTRAS = (WANDB, MLFLOW, TRACKIO)
"""Those that an extra of their own name installs."""


def how_to_open(names: Sequence[str], workdir: Path) -> list[str]:
    """The commands that show the curves of a run.

    Args:
        names: Of `NAMES`.
        workdir: The run's folder.

    Returns:
        A command for each; what shows TensorBoard's curves is no dependency, so that
        where it is missing the command installs it first.
    """
    has_board = importlib.util.find_spec("tensorboard") is not None
    board = f"tensorboard --logdir {workdir}/tensorboard"
    commands = {
        TENSORBOARD: board if has_board else f"pip install tensorboard && {board}",
        WANDB: f"wandb sync {workdir}/wandb/offline-run-*",
        MLFLOW: f"mlflow ui --backend-store-uri {workdir}/mlruns",
        TRACKIO: f"TRACKIO_DIR={workdir}/trackio trackio show --project ceil-jax",
    }
    return [commands[name] for name in names]
