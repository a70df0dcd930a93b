"""The steps of one epoch: batches to the devices, losses back, never waiting."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.parallel import Shares
from ceil_jax.common.progress import bar
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.inputs.sampler import sample_epoch
from ceil_jax.training.pseudo_labels import PseudoLabels
from ceil_jax.training.state import Batch, BothTables, Memories, RowLabels, TrainState

# Steps in flight before the oldest one's losses are read: the device never waits for
# the host, and a divergence is seen soon. Slow steps gain nothing from it, and would
# make whoever asks the training to stop wait for all of them.
STEPS_IN_FLIGHT = 4
SLOW_STEP_SECONDS = 0.5


class Reached(NamedTuple):
    """Where an epoch is between two of its steps.

    Attributes:
        state: The training state; the next step takes it over.
        memories: The memories; likewise.
        step: Steps taken.
        sums: Every loss, summed over them.
    """

    state: TrainState
    memories: Memories
    step: int
    sums: dict[str, float]


class Side(NamedTuple):
    """What batches of one modality are drawn from."""

    images: ImageSet
    labels: PseudoLabels


def batches(
    visible: Side | None,
    infrared: Side | None,
    *,
    visible_rows: int,
    images_per_proxy: int,
    num_steps: int,
    seed: tuple[int, ...],
    done: int = 0,
) -> Iterator[Batch]:
    """The batches of one epoch: twice as many infrared images as visible ones.

    Args:
        visible: The visible training images and their labels; None if there are none.
        infrared: The infrared ones, likewise.
        visible_rows: Visible images of a batch.
        images_per_proxy: Images of each drawn proxy.
        num_steps: Number of batches.
        seed: Source of the draws, e.g. the training's seed and the epoch.
        done: How many of the first ones to leave out; the others are the same.

    Yields:
        Batches of host arrays.
    """
    rng = np.random.RandomState(np.array(seed, np.uint32))
    sides, counts = (visible, infrared), (visible_rows, 2 * visible_rows)
    positions = [
        [None] * num_steps
        if side is None
        else sample_epoch(
            rng,
            side.labels.proxies,
            num_proxies_per_batch=rows // images_per_proxy,
            images_per_proxy=images_per_proxy,
            num_steps=num_steps,
        )
        for side, rows in zip(sides, counts, strict=True)
    ]
    for pair in islice(zip(*positions, strict=True), done, None):
        yield _batch(sides, pair, counts)


def example(visible: Side | None, infrared: Side | None, *, visible_rows: int) -> Batch:
    """A batch of the shapes and types of all others, of one image many times.

    Args:
        visible: See `batches`.
        infrared: See `batches`.
        visible_rows: See `batches`.

    Returns:
        The batch.
    """
    counts = (visible_rows, 2 * visible_rows)
    positions = [np.zeros(rows, np.int64) for rows in counts]
    return _batch((visible, infrared), positions, counts)


def _batch(
    sides: Sequence[Side | None],
    positions: Sequence[np.ndarray | None],
    counts: Sequence[int],
) -> Batch:
    """The images and labels at positions among the kept images of each side."""
    images, labels, rows = zip(*map(_rows_of, sides, positions, counts), strict=True)
    return Batch(*images, *labels, *rows)


def _rows_of(side: Side | None, index: np.ndarray | None, num_rows: int) -> Any:
    """Images, labels and row numbers of one modality's part of a batch."""
    if side is None or index is None:
        return None, None, None
    images = side.images.images.take(side.labels.kept[index])
    labels = RowLabels(side.labels.proxies[index], side.labels.clusters[index])
    return images, labels, np.arange(num_rows, dtype=np.int32)


@jax.jit
def _all_finite(params: Any) -> jax.Array:
    leaves = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(params)]
    return jnp.stack(leaves).all()


def _diverged(what: str, epoch: int, step: int, rate: float) -> str:
    return (
        f"{what} at epoch {epoch}, step {step}: the training has diverged. The last "
        "checkpoint is kept; lower config.optimizer.rate (now "
        f"{rate:.3g} in this epoch) and start again in another --workdir"
    )


def fit(
    step: Callable[..., tuple[TrainState, Memories, dict[str, jax.Array]]],
    state: TrainState,
    memories: Memories,
    tables: BothTables,
    rate: float,
    source: Iterator[Batch | Shares],
    *,
    num_steps: int,
    epoch: int,
    done: int = 0,
    sums: Mapping[str, float] | None = None,
    at_step: Callable[[Callable[[], Reached]], None] | None = None,
) -> tuple[TrainState, dict[str, float]]:
    """Take the steps of one epoch, or those that are left of it.

    Args:
        step: The compiled step of the stage.
        state: The state before; donated.
        memories: The memories at the start of the epoch; donated.
        tables: The epoch's tables.
        rate: The epoch's learning rate.
        source: The batches, of the host or sent ahead.
        num_steps: Their number, with those that are done.
        epoch: For messages.
        done: Steps that were taken before.
        sums: Every loss, summed over these steps.
        at_step: Called between two steps, with what waits for the steps in flight and
            tells where the epoch is; what it raises ends the epoch.

    Returns:
        The state after the last step, and the mean of every loss.

    Raises:
        UserError: A loss is not finite; names epoch and step.
    """
    in_flight: deque[tuple[int, dict[str, jax.Array]]] = deque()
    sums = dict(sums or {})
    learning_rate = np.asarray(rate, np.float32)
    is_fast = False

    def read() -> None:
        number, losses = in_flight.popleft()
        for name, value in jax.device_get(losses).items():
            if not np.isfinite(value):
                what = f"the loss {name} is {value}"
                raise UserError(_diverged(what, epoch, number, rate))
            sums[name] = sums.get(name, 0.0) + float(value)

    def reached() -> Reached:
        while in_flight:
            read()
        return Reached(state, memories, number, dict(sums))

    with bar(total=num_steps, desc=f"epoch {epoch} fitting", unit="step") as shown:
        shown.update(done)
        begin = time.monotonic()
        for number, batch in enumerate(source, start=done + 1):
            state, memories, losses = step(
                state, memories, tables, learning_rate, batch
            )
            in_flight.append((number, losses))
            # The first one may compile; the second one tells how long a step takes.
            while len(in_flight) > (STEPS_IN_FLIGHT if is_fast else 0):
                read()
            begin, last = time.monotonic(), begin
            is_fast = number > done + 1 and begin - last < SLOW_STEP_SECONDS
            shown.update()
            if at_step is not None and number < num_steps:
                at_step(reached)
        while in_flight:
            read()
    # A loss belongs to the parameters before its update: the last update needs a look.
    if not _all_finite(state.params):
        raise UserError(_diverged("a parameter is not finite", epoch, num_steps, rate))
    return state, {name: value / num_steps for name, value in sums.items()}
