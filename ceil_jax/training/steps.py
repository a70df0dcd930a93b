"""Pure steps: training, and embedding without training."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from ceil_jax.common import parallel
from ceil_jax.common.shapes import check_same_shapes
from ceil_jax.inputs import augment
from ceil_jax.inputs.augment.views import StrongViewFrom
from ceil_jax.training import objective, optim
from ceil_jax.training.state import Batch, BothTables, Memories, RowLabels, TrainState

STAGES = {1: objective.stage1, 2: objective.stage2}


class Views(NamedTuple):
    """What the encoder sees of a batch: normalised images, (2 b, h, w, 3) each.

    A modality that is not there is None.
    """

    visible: jax.Array | None
    infrared: jax.Array | None


def _by_modality(
    rows: jax.Array, views: Views
) -> tuple[jax.Array | None, jax.Array | None]:
    """The rows of a batch, visible first, by modality."""
    if views.visible is None:
        return None, rows
    if views.infrared is None:
        return rows, None
    visible, infrared = jnp.split(rows, [len(views.visible)])
    return visible, infrared


def _same(tree: Any, num_parts: int = 1) -> Any:
    del num_parts
    return tree


def update(
    state: TrainState,
    memories: Memories,
    tables: BothTables,
    rate: jax.Array,
    views: Views,
    labels: tuple[RowLabels | None, RowLabels | None],
    key: jax.Array,
    *,
    encoder: nn.Module,
    optimizer: optax.GradientTransformation,
    constants: objective.Objective,
    stage: int,
    gather: Callable[..., Any] = _same,
    mean: Callable[[Any], Any] = _same,
) -> tuple[TrainState, Memories, dict[str, jax.Array]]:
    """One step from images that are already augmented.

    Args:
        state: The state before.
        memories: The memories before.
        tables: The epoch's tables.
        rate: The learning rate.
        views: Images of this device.
        labels: Labels of the rows of each modality's views.
        key: Draws of the "random" memory update.
        encoder: The model.
        optimizer: What makes steps of gradients.
        constants: Constants of the objective.
        stage: 1 or 2.
        gather: Joins the devices' rows; see `parallel.gather`.
        mean: Averages over devices.

    Returns:
        The state and the memories after, and the losses: "loss" is the total.
    """
    apply: Any = encoder.apply

    def loss_of(params: Any) -> tuple[jax.Array, Any]:
        variables = {"params": params, "batch_stats": state.batch_stats}
        embeddings, new = apply(variables, *views, train=True, mutable=["batch_stats"])
        visible, infrared = _by_modality(embeddings, views)
        total, (named, after) = STAGES[stage](
            constants,
            visible,
            infrared,
            memories,
            tables,
            labels,
            key,
            gather,
            gather_visible=functools.partial(gather, num_parts=2),  # weak, strong
        )
        return total, (named, after, new["batch_stats"])

    (total, aux), grads = jax.value_and_grad(loss_of, has_aux=True)(state.params)
    named, after, batch_stats = aux
    # The mean goes on the gradient of each device's own loss: inside the differentiated
    # function it would count every gathered row once for each device.
    grads, named = mean((grads, {"loss": total, **named}))
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optim.apply(state.params, updates, rate)
    return TrainState(params, batch_stats, opt_state, state.step + 1), after, named


def make_train_step(
    *,
    encoder: nn.Module,
    optimizer: optax.GradientTransformation,
    constants: objective.Objective,
    stage: int,
    seed: int,
    pad: int,
    strong_view_from: StrongViewFrom,
    gather: Callable[..., Any] = _same,
    mean: Callable[[Any], Any] = _same,
) -> Callable[..., tuple[TrainState, Memories, dict[str, jax.Array]]]:
    """The whole step of a stage, from 8-bit images; a pure function.

    Args:
        encoder: The model.
        optimizer: What makes steps of gradients.
        constants: Constants of the objective.
        stage: 1 or 2.
        seed: With the state's step number, source of every draw.
        pad: Pixels of zeros around an image before it is cropped.
        strong_view_from: What the strong view is made of: "weak" or "image".
        gather: Joins the devices' rows; see `parallel.gather`.
        mean: Averages over devices.

    Returns:
        The function of state, memories, tables, rate and batch; it returns the new
        state, the new memories and the losses.
    """

    def step(
        state: TrainState,
        memories: Memories,
        tables: BothTables,
        rate: jax.Array,
        batch: Batch,
    ) -> tuple[TrainState, Memories, dict[str, jax.Array]]:
        key = jax.random.fold_in(jax.random.key(seed), state.step)
        image_key, memory_key = jax.random.split(key)
        weak, strong, infrared = augment.augment_batch(
            image_key,
            batch.visible,
            batch.infrared,
            batch.visible_rows,
            batch.infrared_rows,
            strong_view_from=strong_view_from,
            pad=pad,
        )
        visible = None if weak is None else jnp.concatenate([weak, strong])
        views = Views(visible, infrared)
        twice = jax.tree.map(lambda x: jnp.concatenate([x, x]), batch.visible_labels)
        return update(
            state,
            memories,
            tables,
            rate,
            views,
            (twice, batch.infrared_labels),
            memory_key,
            encoder=encoder,
            optimizer=optimizer,
            constants=constants,
            stage=stage,
            gather=gather,
            mean=mean,
        )

    return step


def train_step_over(devices: Sequence[Any], **of_step: Any) -> parallel.OverDevices:
    """The step of a stage on its share of every batch, by several devices.

    Args:
        devices: The devices.
        **of_step: Arguments of `make_train_step` besides `gather` and `mean`.

    Returns:
        The function of state and memories, which it takes over, tables, rate and batch.
    """
    step = make_train_step(**of_step, gather=parallel.gather, mean=parallel.mean)
    return parallel.over_devices(
        step, num_shared=4, num_split=1, donate=(0, 1), devices=devices
    )


def init_state(
    encoder: nn.Module,
    optimizer: optax.GradientTransformation,
    image_size: tuple[int, int],
    *,
    seed: int,
    variables: Any = None,
) -> TrainState:
    """The state before the first step.

    Args:
        encoder: The model.
        optimizer: Its optimiser.
        image_size: Height and width of the images, in pixels.
        seed: Source of random weights.
        variables: Weights to start from; random ones where it is None.

    Returns:
        The state.

    Raises:
        ValueError: `variables` are of another architecture; names the first difference.
    """
    images = jax.ShapeDtypeStruct((1, *image_size, 3), jnp.float32)
    init = functools.partial(encoder.lazy_init, jax.random.key(seed), images, images)
    if variables is None:
        variables = init()  # weights alone: no image is computed with
    else:
        check_same_shapes(variables, jax.eval_shape(init))
        variables = jax.tree.map(jnp.asarray, variables)
    params = variables["params"]
    return TrainState(
        params,
        variables["batch_stats"],
        optimizer.init(params),
        jnp.zeros((), jnp.int32),
    )
