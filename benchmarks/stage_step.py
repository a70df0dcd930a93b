"""A stage's training step as the program builds it, ready to be timed.

Imports nothing but jax, flax, optax, numpy and scipy: for bare machines, too.
"""

from collections.abc import Callable
from typing import Any

import jax

from ceil_jax.common import parallel
from ceil_jax.encoder import Encoder
from ceil_jax.training import optim, steps
from ceil_jax.training.objective import Objective
from ceil_jax.training.state import BothTables, Memories

SEED = 0


def ready(
    encoder: Encoder,
    image_size: tuple[int, int],
    memories: Memories,
    tables: BothTables,
    *,
    constants: Objective,
    stage: int,
) -> Callable[..., Any]:
    """Build the step for the first device and give it its state.

    Args:
        encoder: The model; its axis is `parallel.AXIS_NAME`.
        image_size: Height and width in pixels.
        memories: Host arrays to begin with.
        tables: Host arrays of both modalities.
        constants: Of the losses.
        stage: 1 or 2.

    Returns:
        A function of the learning rate and of a batch on the host: issues one step,
        keeps the new state, and returns it with the memories and the losses.
    """
    optimizer, devices = optim.adam(), jax.local_devices()[:1]
    step = steps.train_step_over(
        devices,
        encoder=encoder,
        optimizer=optimizer,
        constants=constants,
        stage=stage,
        seed=SEED,
        pad=10,
        strong_view_from="weak",
    )
    plain = encoder.clone(axis_name=None)
    state = steps.init_state(plain, optimizer, image_size, seed=SEED)
    held = list(parallel.replicate((state, memories), devices))
    placed = parallel.replicate(tables, devices)

    def run(rate: Any, batch: Any) -> Any:
        *held[:], losses = step(*held, placed, rate, batch)
        return *held, losses

    return run
