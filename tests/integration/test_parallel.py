"""The same global batch on 1, 2 and 4 devices gives the same step."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ceil_jax import weights
from ceil_jax.common import parallel
from ceil_jax.embedding.embedder import Embedder
from ceil_jax.encoder import Encoder
from ceil_jax.encoder.batch_norm import BatchNorm
from ceil_jax.experiment.compilation import CompilationCounter
from ceil_jax.inputs import augment
from ceil_jax.pretrained import SYNTHETIC
from ceil_jax.training import fit
from ceil_jax.training.objective import Objective, stage2
from ceil_jax.training.state import Memories, RowLabels, TrainState
from tests.integration.labelled import (
    PAD,
    SEED,
    SHAPE,
    initial_state,
    make_step,
    sides,
    start,
    unit_rows,
)

TOLERANCE = 1e-5  # of the largest entry of each tensor
DEVICES = (1, 2, 4)
# Rounding that moves one activation across ReLU's kink changes gradients by up to 1e-3.
# Of the first 400 steps, this one's draws keep all activations the farthest from it.
STEP = 248


def make_epoch(stage: int) -> tuple[Any, Any, Any]:
    """Memories, tables and one batch of 8 visible and 16 infrared images."""
    rng = np.random.default_rng(stage)
    visible, infrared = (unit_rows(rng, len(side.images)) for side in sides())
    source = fit.batches(
        *sides(), visible_rows=8, images_per_proxy=2, num_steps=1, seed=(SEED, 1)
    )
    return *start(stage, (visible, infrared)), next(source)


def state_before() -> TrainState:
    """The shipped weights, and an Adam that has seen gradients of about 0.01.

    Of random weights some gradients are so small that rounding is a large share of
    them; and at its very first step Adam divides every gradient by itself: where that
    is nothing but rounding, so is the step.
    """
    state = initial_state()
    squares = jax.tree.map(lambda p: jnp.full_like(p, 1e-4), state.params)
    opt_state = optax.tree_utils.tree_set(
        state.opt_state, count=jnp.asarray(1000, jnp.int32), nu=squares
    )
    return state._replace(opt_state=opt_state, step=jnp.asarray(STEP, jnp.int32))


def take_step(stage: int, num_devices: int) -> tuple[TrainState, Memories, Any]:
    """State, memories and losses after one whole step, on their devices."""
    memories, tables, batch = make_epoch(stage)
    placed = parallel.replicate(
        (state_before(), memories, tables), jax.devices()[:num_devices]
    )
    return make_step(stage, num_devices)(*placed, np.float32(1e-3), batch)


def distance_from_kinks(batch: Any) -> float:
    """The least size of what enters a ReLU of the training encoder in this step."""

    @jax.jit
    def smallest(variables: Any, batch: Any) -> jax.Array:
        key = jax.random.fold_in(jax.random.key(SEED), STEP)
        weak, strong, infrared = augment.augment_batch(
            jax.random.split(key)[0],
            batch.visible,
            batch.infrared,
            batch.visible_rows,
            batch.infrared_rows,
            strong_view_from="weak",
            pad=PAD,
        )
        apply: Any = Encoder(**SHAPE).apply
        _, new = apply(
            variables,
            jnp.concatenate([weak, strong]),
            infrared,
            train=True,
            mutable=["batch_stats", "intermediates"],
            capture_intermediates=lambda module, _: isinstance(module, BatchNorm),
        )
        least = []
        for name, part in new["intermediates"].items():
            if name != "norm":  # which no ReLU follows
                values = {key: value["__call__"][0] for key, value in part.items()}
                if "shortcut_norm" in values:
                    values["norm3"] += values.pop("shortcut_norm")
                least += [jnp.abs(x).min() for x in values.values()]
        return jnp.stack(least).min()

    return float(smallest(weights.load(SYNTHETIC), batch))


def worst(got: Any, want: Any) -> dict[str, float]:
    """Largest difference of every tensor, as a share of its largest entry."""
    differences = {}
    pairs = zip(
        jax.tree_util.tree_leaves_with_path(got), jax.tree.leaves(want), strict=True
    )
    for (path, x), y in pairs:
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        largest = max(np.abs(y).max(), 1e-30)
        differences[jax.tree_util.keystr(path)] = float(np.abs(x - y).max() / largest)
    return differences


def assert_replicas_equal(tree: Any, num_devices: int) -> None:
    for path, x in jax.tree_util.tree_leaves_with_path(tree):
        shards = [np.asarray(shard.data) for shard in x.addressable_shards]
        assert len(shards) == num_devices
        for shard in shards:
            assert shard.shape == x.shape
            assert shard.tobytes() == shards[0].tobytes(), jax.tree_util.keystr(path)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2])
def test_one_step_is_the_same_on_any_number_of_devices(stage, shared):
    outputs = {n: take_step(stage, n) for n in DEVICES}
    state, memories, losses = outputs[1]
    gradients = state.opt_state[0]
    assert jax.tree.structure(gradients) == jax.tree.structure(state.params)
    # Nothing that is compared is trivially zero or unchanged.
    for leaf in jax.tree.leaves((gradients, losses)):
        assert np.abs(leaf).max() > 1e-4
    before, _, batch = make_epoch(stage)
    assert worst(memories, before)[".visible.proxies"] > 0.1
    for n in DEVICES[1:]:
        shares = worst(outputs[n], outputs[1])
        bad = {name: share for name, share in shares.items() if share > TOLERANCE}
        assert not bad, f"{n} devices; {distance_from_kinks(batch)=}: {bad}"
        assert_replicas_equal(outputs[n], n)


@pytest.mark.parametrize("update", ["momentum", "random"])
def test_updates_in_the_batch_order_are_the_same_on_many_devices(update):
    memories, tables, batch = make_epoch(2)
    rng = np.random.default_rng(0)
    weak, strong = unit_rows(rng, 8), unit_rows(rng, 8)
    infrared = unit_rows(rng, 16)
    labels = batch.visible_labels, batch.infrared_labels

    def device_step(memories, tables, weak, strong, infrared, labels):
        twice = RowLabels(*(jnp.concatenate([x, x]) for x in labels[0]))
        _, (_, after) = stage2(
            Objective(num_negatives=3, update=update),
            jnp.concatenate([weak, strong]),
            infrared,
            memories,
            tables,
            (twice, labels[1]),
            jax.random.key(0),
            parallel.gather,
            functools.partial(parallel.gather, num_parts=2),
        )
        return after

    one, four = (
        parallel.over_devices(
            device_step, num_shared=2, num_split=4, devices=jax.devices()[:n]
        )(memories, tables, weak, strong, infrared, labels)
        for n in (1, 4)
    )
    assert worst(one, memories)[".visible.clusters"] > 0.1
    assert max(worst(four, one).values()) < TOLERANCE
    assert_replicas_equal(four, 4)


@pytest.mark.parametrize("num_devices", DEVICES)
@pytest.mark.parametrize("num_parts", [1, 2])
def test_gathered_rows_are_in_the_order_of_one_device(num_devices, num_parts):
    rows = np.arange(16).reshape(num_parts, 8 // num_parts, 2)
    devices = jax.devices()[:num_devices]
    # As the step makes them: each device has its share of the first part, then of the
    # second.
    gathered = parallel.over_devices(
        lambda *parts: parallel.gather(jnp.concatenate(parts), num_parts),
        num_shared=0,
        num_split=num_parts,
        devices=devices,
    )(*rows)
    np.testing.assert_array_equal(gathered, rows.reshape(8, 2))
    assert_replicas_equal(gathered, num_devices)


def test_join_undoes_split():
    tree = {"a": np.arange(24).reshape(8, 3), "b": np.arange(8)}
    shares = parallel.split(tree, 4)
    assert shares["a"].shape == (4, 2, 3)
    np.testing.assert_array_equal(shares["b"][1], [2, 3])
    doubled = parallel.over_devices(
        lambda x: 2 * x["a"], num_shared=0, num_split=1, split_output=True
    )(tree)
    np.testing.assert_array_equal(parallel.join(doubled), 2 * tree["a"])


def test_the_mean_is_over_devices():
    mean = parallel.over_devices(
        lambda x: parallel.mean(x.sum()), num_shared=0, num_split=1
    )(np.arange(8.0, dtype=np.float32))
    assert float(mean) == 7.0


def test_a_batch_must_divide_by_the_devices():
    parallel.check_divides(12, 4, "rows")
    with pytest.raises(ValueError, match=r"rows=13 .* the 4 devices: 12 or 16 would"):
        parallel.check_divides(13, 4, "rows")
    with pytest.raises(ValueError, match=r"rows=3 .* the 4 devices: 4 would"):
        parallel.check_divides(3, 4, "rows")
    with pytest.raises(ValueError, match="batch=6 does not divide"):
        parallel.split(np.zeros((6, 2)), 4)


def test_replicated_arrays_stay_in_place():
    once = parallel.replicate({"a": np.arange(3)}, jax.devices()[:2])
    assert_replicas_equal(once, 2)
    twice = parallel.replicate(once, jax.devices()[:2])
    assert twice["a"].sharding == once["a"].sharding
    pointers = [
        shard.data.unsafe_buffer_pointer() for shard in once["a"].addressable_shards
    ]
    assert pointers == [
        shard.data.unsafe_buffer_pointer() for shard in twice["a"].addressable_shards
    ]


def test_embeddings_are_the_same_on_any_number_of_devices():
    images = sides()[0].images.select(np.arange(11))  # the last batch is not full
    variables = weights.load(SYNTHETIC)
    rows = [
        Embedder(Encoder(**SHAPE), num_rows=4, flip=False, devices=jax.devices()[:n])(
            variables, images, "visible"
        )
        for n in DEVICES
    ]
    assert rows[0].shape == (11, 512)
    for other in rows[1:]:
        assert np.abs(other - rows[0]).max() < TOLERANCE * np.abs(rows[0]).max()


@pytest.mark.parametrize("num_devices", DEVICES)
def test_a_batch_sent_ahead_is_the_batch(num_devices):
    devices = jax.devices()[:num_devices]
    batch = {"images": np.arange(96, dtype=np.uint8).reshape(8, 4, 3), "absent": None}
    double = parallel.over_devices(
        lambda factor, x: factor * x["images"],
        num_shared=1,
        num_split=1,
        split_output=True,
        devices=devices,
    )
    factor = np.int32(2)
    sent = parallel.send(batch, devices)
    assert sent.tree["images"].sharding.device_set == set(devices)
    assert sent.tree["images"].dtype == np.uint8
    first = double(factor, sent)
    np.testing.assert_array_equal(parallel.join(first), 2 * batch["images"].astype(int))
    np.testing.assert_array_equal(first, double(factor, batch))
    counter = CompilationCounter()
    double(factor, parallel.send(batch, devices))
    assert counter.count == 0


def test_what_is_sent_must_divide_by_the_devices():
    with pytest.raises(ValueError, match="batch=6 does not divide"):
        parallel.send(np.zeros((6, 2)), jax.devices()[:4])
