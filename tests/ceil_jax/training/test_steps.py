"""The pure step on one device, and what it starts from."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ceil_jax.common.linalg import normalise
from ceil_jax.common.shapes import check_same_shapes
from ceil_jax.embedding.step import make_embed_step
from ceil_jax.encoder import Encoder
from ceil_jax.encoder.batch_norm import BatchNorm
from ceil_jax.training import optim, steps
from ceil_jax.training.objective import Objective
from ceil_jax.training.state import BothTables, Memories, Memory
from tests.ceil_jax import naive_losses, problems
from tests.ceil_jax.problems import B, D

SIZE = (4, 2)
RATE, DECAY = 0.01, 0.1
FAST: Any = {"xla_backend_optimization_level": 0}  # to compile, not to run
# An optimiser whose step is the gradient.
GRADIENT = optax.stateless(lambda gradients, params: gradients)


class Matrix(Encoder):
    """A matrix and a norm in the encoder's place: quick, and smooth everywhere."""

    @nn.compact
    def __call__(self, visible=None, infrared=None, train=False):
        images = [x.reshape(len(x), -1) for x in (visible, infrared) if x is not None]
        x = nn.Dense(D, use_bias=False, name="matrix")(jnp.concatenate(images))
        x = BatchNorm(name="norm")(x, train)
        return x if train else normalise(x)


MATRIX = Matrix()


@pytest.fixture(scope="module")
def problem():
    """Arguments of an update after the state: memories ... labels, key."""
    _, memories, tables, labels = problems.draw(5)
    rng = np.random.default_rng(6)
    views = steps.Views(
        *(jnp.asarray(rng.normal(size=(B, *SIZE, 3)), jnp.float32) for _ in range(2))
    )
    return memories, tables, views, labels, jax.random.key(0)


def double(tree):
    return jax.tree.map(lambda x: 2 * x, tree)


ADAM = optim.adam(weight_decay=DECAY)
CONSTANTS = Objective(temperature=0.4, num_negatives=2, memory_gradient="frozen")


@functools.cache
def start(optimizer=ADAM) -> Any:
    return steps.init_state(MATRIX, optimizer, SIZE, seed=0)


@functools.cache
def compiled(stage, **options):
    step = functools.partial(
        steps.update, encoder=MATRIX, constants=CONSTANTS, stage=stage, **options
    )
    return jax.jit(step, compiler_options=FAST)


def update(problem, stage, rate=RATE, *, state=None, optimizer=ADAM, **options) -> Any:
    state = start(optimizer) if state is None else state
    step = compiled(stage, optimizer=optimizer, **options)
    memories, tables, views, labels, key = problem
    return step(state, memories, tables, jnp.float32(rate), views, labels, key)


def gradient_of(problem, stage):
    """The gradient, from what Adam remembers of it: a tenth of it and the decay."""
    after, _, _ = update(problem, stage)
    first = optax.tree.get(after.opt_state, "mu")
    return jax.tree.map(lambda m, p: 10 * m - DECAY * p, first, start().params)


NAMES = {
    1: {"cdl_visible", "cdl_infrared", "mmd"},
    2: {
        f"{across}{loss}_{modality}"
        for across in ("", "cross_")
        for loss in ("cdl", "id")
        for modality in ("visible", "infrared")
    },
}


@pytest.mark.parametrize("stage", [1, 2])
def test_an_update_moves_everything_once(problem, stage):
    before = start()
    after, memories, named = update(problem, stage)
    assert after.step.dtype == jnp.int32
    assert int(after.step) == 1
    assert named.keys() == NAMES[stage] | {"loss"}
    parts = sum(float(named[name]) for name in NAMES[stage])
    assert float(named["loss"]) == pytest.approx(parts, rel=1e-5)
    for old, new in (
        (before.params, after.params),
        (before.batch_stats, after.batch_stats),
    ):
        moved = jax.tree.map(lambda a, b: bool((a != b).any()), old, new)
        assert all(jax.tree.leaves(moved))
    assert (memories.visible.proxies != problem[0].visible.proxies).any()
    same = (memories.visible.clusters == problem[0].visible.clusters).all()
    assert bool(same) is (stage == 1)


def test_a_step_of_one_modality_leaves_the_other_stem_its_statistics(problem):
    memories, tables, _, labels, key = problem
    encoder = Encoder((1, 1, 1, 1), 2)
    optimizer = optim.adam()
    state = steps.init_state(encoder, optimizer, (16, 16), seed=0)
    images = jnp.asarray(np.random.default_rng(1).normal(size=(B, 16, 16, 3)))
    bank = memories.visible
    wide = np.zeros((len(bank.proxies), encoder.num_features), np.float32)
    wide[:, :D] = bank.proxies
    after, new, named = jax.jit(
        functools.partial(
            steps.update,
            encoder=encoder,
            optimizer=optimizer,
            constants=CONSTANTS,
            stage=1,
        ),
        compiler_options=FAST,
    )(
        state,
        Memories(Memory(wide, wide), None),
        BothTables(tables.visible, None),
        jnp.float32(RATE),
        steps.Views(images.astype(jnp.float32), None),
        (labels[0], None),
        key,
    )
    assert named.keys() == {"loss", "cdl_visible"}
    assert new.infrared is None
    assert (new.visible.proxies != wide).any()
    old, now = state.batch_stats, after.batch_stats
    jax.tree.map(
        np.testing.assert_array_equal, old["infrared_stem"], now["infrared_stem"]
    )
    assert (old["norm"]["mean"] != now["norm"]["mean"]).any()
    check_same_shapes(after.params, state.params)


def test_the_statistics_are_of_both_modalities(problem):
    state = start()
    after, _, _ = update(problem, 1)
    x = np.concatenate([v.reshape(B, -1) for v in problem[2]]).astype(np.float64)
    rows = x @ np.asarray(state.params["matrix"]["kernel"], np.float64)
    stats = after.batch_stats["norm"]
    np.testing.assert_allclose(stats["mean"], 0.1 * rows.mean(0), atol=1e-6)
    var = 0.9 + 0.1 * rows.var(0, ddof=1)
    np.testing.assert_allclose(stats["var"], var, rtol=1e-5)


@pytest.mark.parametrize("stage", [1, 2])
def test_rows_keep_their_modality_and_labels(problem, stage):
    memories, tables, views, labels, _ = problem
    x = np.concatenate([v.reshape(B, -1) for v in views]).astype(np.float64)
    rows = x @ np.asarray(start().params["matrix"]["kernel"], np.float64)
    rows = (rows - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-5)
    rows = naive_losses.unit(rows)
    _, after, named = update(problem, stage)
    for i, name in enumerate(("visible", "infrared")):
        own, x = labels[i].proxies, rows[i * B : (i + 1) * B]
        want = naive_losses.dcmu(memories[i].proxies, x, own)
        np.testing.assert_allclose(after[i].proxies[own], want[own], atol=1e-5)
        want = naive_losses.cdl(
            x @ memories[i].proxies.T.astype(np.float64) / CONSTANTS.temperature,
            tables[i].cluster_proxies[labels[i].clusters],
            tables[i].proxy_cameras,
            CONSTANTS.num_negatives,
        )
        np.testing.assert_allclose(named[f"cdl_{name}"], want, rtol=1e-4)


def test_the_gradient_is_that_of_the_total(problem):
    gradient = gradient_of(problem, 2)
    for module, name in (("matrix", "kernel"), ("norm", "scale"), ("norm", "bias")):
        slope = gradient[module][name]
        step = 1e-2 / float(jnp.linalg.norm(slope))
        losses = []
        for sign in (1, -1):
            params = jax.tree.map(lambda x: x, start().params)
            params[module][name] += sign * step * slope
            moved = start()._replace(params=params)
            losses.append(float(update(problem, 2, state=moved)[2]["loss"]))
        want = (losses[0] - losses[1]) / (2 * step)
        np.testing.assert_allclose((slope**2).sum(), want, rtol=1e-2, err_msg=name)


def test_the_first_step_of_adam_by_hand(problem):
    after, _, _ = update(problem, 2)

    def check(path, old, slope, new):
        # Adam's first step: the rate times the sign, but for its epsilon.
        slope = np.asarray(slope + DECAY * old, np.float64)
        rate = RATE * (2 if path[-1].key == "bias" else 1)
        want = old - rate * slope / (np.abs(slope) + 1e-8)
        np.testing.assert_allclose(new, want, atol=1e-6, err_msg=str(path))

    gradient = gradient_of(problem, 2)
    jax.tree_util.tree_map_with_path(check, start().params, gradient, after.params)


def test_the_rate_scales_the_step_and_nothing_else(problem):
    still, memories, named = update(problem, 2, 0.0)
    moved, same_memories, same_named = update(problem, 2)
    jax.tree.map(np.testing.assert_array_equal, still.params, start().params)
    rest = still._replace(params=moved.params), memories, named
    same = moved, same_memories, same_named
    jax.tree.map(np.testing.assert_array_equal, rest, same)


def test_the_mean_over_devices_is_of_gradients_and_losses(problem):
    after, memories, twice = update(problem, 1, 1.0, optimizer=GRADIENT, mean=double)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
    gone = jax.tree.map(jnp.subtract, start().params, after.params)
    jax.tree.map(close, gone, double(gradient_of(problem, 1)))
    state, want_memories, named = update(problem, 1)
    jax.tree.map(close, twice, double(named))
    jax.tree.map(close, memories, want_memories)
    jax.tree.map(close, after.batch_stats, state.batch_stats)


@pytest.mark.parametrize("flip", [False, True])
def test_embedding_of_8_bit_images(flip):
    state = start()
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    images = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)
    embed: Any = jax.jit(make_embed_step(MATRIX, "infrared", flip=flip))
    got = embed(variables, images)
    kernel = np.asarray(state.params["matrix"]["kernel"], np.float64)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

    def rows(pixels):
        x = ((pixels / 255 - mean) / std).reshape(3, -1) @ kernel
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    want = rows(images)
    if flip:
        want = (want + rows(images[:, :, ::-1])) / 2
        assert np.abs(np.linalg.norm(want, axis=1) - 1).min() > 1e-3
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_the_seed_decides_the_weights():
    others = [steps.init_state(MATRIX, ADAM, SIZE, seed=seed) for seed in (0, 1)]
    states = [start(), *others]
    jax.tree.map(np.testing.assert_array_equal, states[0].params, states[1].params)
    kernels = [state.params["matrix"]["kernel"] for state in states]
    assert (kernels[0] != kernels[2]).all()
    assert states[0].step.dtype == jnp.int32
    assert int(states[0].step) == 0
    np.testing.assert_array_equal(states[0].batch_stats["norm"]["var"], np.ones(D))


def test_given_weights_are_taken():
    rng = np.random.default_rng(0)
    stats = {"mean": rng.normal(size=D), "var": rng.uniform(1, 2, size=D)}
    norm = {"scale": rng.normal(size=D), "bias": rng.normal(size=D)}
    kernel = rng.normal(size=(SIZE[0] * SIZE[1] * 3, D))
    params = {"matrix": {"kernel": kernel}, "norm": norm}
    tree = {"params": params, "batch_stats": {"norm": stats}}
    given = jax.tree.map(np.float32, tree)
    state = steps.init_state(MATRIX, ADAM, SIZE, seed=0, variables=given)
    jax.tree.map(np.testing.assert_array_equal, state.params, given["params"])
    jax.tree.map(np.testing.assert_array_equal, state.batch_stats, given["batch_stats"])
    assert all(isinstance(x, jax.Array) for x in jax.tree.leaves(state))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            Encoder((1, 1, 1, 1), 8),
            "weights have batch_stats/infrared_stem/norm1/mean of shape (4,), not (2,)",
        ),
        (
            Encoder((1, 1, 2, 1), 4),
            "weights have batch_stats/stage3_block1/norm1/mean, which the encoder has "
            "not",
        ),
        (
            MATRIX,
            "weights lack batch_stats/infrared_stem/norm1/mean of shape (2,)",
        ),
    ],
)
def test_weights_of_another_architecture_are_refused(other, message):
    encoder = Encoder((1, 1, 1, 1), 4)
    x = jax.ShapeDtypeStruct((1, 32, 16, 3), jnp.float32)
    shapes = jax.eval_shape(other.init, jax.random.key(0), x, x)
    variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
    with pytest.raises(ValueError, match="weights") as error:
        steps.init_state(encoder, ADAM, (32, 16), seed=0, variables=variables)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("got", "message"),
    [
        ({"a": {"b": np.ones(2)}}, "weights lack c of shape (3, 1)"),
        ({"a": {"b": np.ones(3)}, "c": np.ones((3, 1))}, "a/b of shape (3,), not (2,)"),
        (
            {"a": {"b": np.ones(2), "z": np.ones(1)}, "c": np.ones((3, 1))},
            "weights have a/z, which the encoder has not",
        ),
    ],
)
def test_the_first_difference_is_named(got, message):
    want = {"a": {"b": np.zeros(2)}, "c": np.zeros((3, 1))}
    check_same_shapes(want, jax.tree.map(jnp.asarray, want))
    with pytest.raises(ValueError, match="weights") as error:
        check_same_shapes(got, want)
    assert message in str(error.value)
