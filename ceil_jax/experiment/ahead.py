"""Compiling a training's programs while the processor waits for something else."""

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from ceil_jax.common import parallel
from ceil_jax.experiment.compilation import background
from ceil_jax.experiment.epoch import Trainer
from ceil_jax.training import fit, pseudo_labels
from ceil_jax.training.state import TrainState, variables_of


@contextlib.contextmanager
def compiling(
    trainer: Trainer, state: TrainState, stages: Collection[int]
) -> Iterator[None]:
    """Compile the steps of a training in the background, in the order of their use.

    Until the first epoch fits, one core works at most: it generates or reads images and
    scores baselines. On other devices than processors nothing is done ahead: XLA tries
    there how fast kernels are, and must have the device for itself.

    Args:
        trainer: The training.
        state: Its state, for shapes alone.
        stages: The stages that are left.

    Yields:
        Nothing. What is not compiled at the end of the block never is.
    """
    if not stages or any(device.platform != "cpu" for device in trainer.devices):
        yield
        return
    pool = background()
    try:
        image_size = next(s.images.image_size for s in trainer.sets if len(s))
        trainer.embed.compile_ahead(pool, variables_of(state), image_size)
        for stage in sorted(stages):
            trainer.steps[stage].compile_ahead(pool, lambda: example(trainer, state))
        yield
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def example(trainer: Trainer, state: TrainState) -> tuple[Any, ...]:
    """Arguments of a step, of the shapes that most epochs have, in either stage.

    Args:
        trainer: The training.
        state: Its state, for shapes alone.

    Returns:
        State, memories, tables, rate and a batch, where the steps expect them.
    """
    width = state.batch_stats["norm"]["mean"].size
    visible, infrared = trainer.sets
    labels = (pseudo_labels.stand_in(visible), pseudo_labels.stand_in(infrared))
    sizes = pseudo_labels.capacities(trainer.sets, labels)
    rows = [np.zeros((len(images), width), np.float32) for images in trainer.sets]
    memories = pseudo_labels.initial_memories(rows, labels, sizes)
    tables = pseudo_labels.both_tables(labels, sizes, None)
    sides = [
        None if label is None else fit.Side(images, label)
        for images, label in zip(trainer.sets, labels, strict=True)
    ]
    batch = fit.example(*sides, visible_rows=trainer.drawing.visible_rows)
    return (
        parallel.described(state, trainer.devices),
        *parallel.replicate((memories, tables), trainer.devices),
        np.zeros((), np.float32),
        parallel.send(batch, trainer.devices),
    )
