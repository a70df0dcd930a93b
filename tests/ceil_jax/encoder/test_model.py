"""The encoder: sizes, what its modes return, and which weights see what."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from ceil_jax.encoder import Encoder
from ceil_jax.encoder.batch_norm import BatchNorm
from ceil_jax.encoder.model import gem

TINY = Encoder((1, 1, 1, 1), 4)
HEIGHT, WIDTH = 32, 16


def images(seed, n=2, size=(HEIGHT, WIDTH)):
    x = np.random.default_rng(seed).normal(size=(n, *size, 3))
    return jnp.asarray(x, jnp.float32)


@functools.cache
def fast(function):
    """Jitted with little optimisation: here compiling costs more than running."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


def embed(variables, visible=None, infrared=None, encoder=TINY):
    return fast(encoder.apply)(variables, visible, infrared)


@pytest.fixture(scope="module")
def variables():
    """Weights of a plausible size; statistics as if training had moved them."""
    x = images(0, n=1)
    shapes = jax.eval_shape(TINY.init, jax.random.key(0), x, x)
    rng = np.random.default_rng(1)

    def draw(path, leaf):
        match path[-1].key:
            case "kernel":
                fan_in = np.prod(leaf.shape[:-1])
                value = rng.normal(0, np.sqrt(2 / fan_in), leaf.shape)
            case "scale" | "var":
                value = rng.uniform(0.5, 1.5, leaf.shape)
            case _:
                value = rng.normal(0, 0.3, leaf.shape)
        return jnp.asarray(value, jnp.float32)

    return jax.tree_util.tree_map_with_path(draw, shapes)


@pytest.fixture(scope="module")
def both(variables):
    return embed(variables, images(1, n=3), images(2))


def test_visible_rows_come_first_and_have_length_one(variables, both):
    assert both.shape == (5, TINY.num_features) == (5, 128)
    np.testing.assert_allclose(jnp.linalg.norm(both, axis=1), 1, atol=1e-5)
    alone = embed(variables, visible=images(1, n=3))
    np.testing.assert_allclose(both[:3], alone, atol=1e-5)
    alone = embed(variables, infrared=images(2))
    np.testing.assert_allclose(both[3:], alone, atol=1e-5)


def test_evaluation_embeds_every_image_by_itself(variables, both):
    x = images(1, n=3)
    turned = embed(variables, x[::-1], images(2))
    np.testing.assert_allclose(turned[:3], both[2::-1], atol=1e-5)


def test_each_modality_has_its_own_stem(variables, both):
    params = dict(variables["params"])
    params["infrared_stem"] = jax.tree.map(lambda x: 1 + x, params["infrared_stem"])
    changed = embed({**variables, "params": params}, images(1, n=3), images(2))
    np.testing.assert_array_equal(changed[:3], both[:3])
    assert (np.abs(changed[3:] - both[3:]).max(1) > 1e-3).all()


@pytest.mark.parametrize("size", [(32, 16), (48, 24), (36, 20), (64, 64)])
def test_sizes_of_images(size):
    x = jax.ShapeDtypeStruct((2, *size, 3), jnp.float32)
    shapes = jax.eval_shape(TINY.init, jax.random.key(0), x, x)
    got = jax.eval_shape(TINY.apply, shapes, x, x)
    assert got.shape == (4, 128)


def test_without_winograd_the_batch_may_be_open(variables, both):
    encoder = TINY.clone(winograd=False)
    rows = embed(variables, images(1, n=3), images(2), encoder)
    np.testing.assert_allclose(rows, both, atol=1e-6)
    (batch,) = export.symbolic_shape("batch")
    image = jax.ShapeDtypeStruct((batch, HEIGHT, WIDTH, 3), jnp.float32)

    def traced(encoder):
        return jax.eval_shape(lambda x: encoder.apply(variables, visible=x), image)

    assert traced(encoder).shape == (batch, 128)
    with pytest.raises(Exception, match="nconclusive"):
        traced(TINY)  # whose last stage has channels enough for Winograd's form


def test_the_papers_sizes():
    encoder = Encoder()
    x = jax.ShapeDtypeStruct((1, 288, 144, 3), jnp.float32)
    shapes = jax.eval_shape(encoder.init, jax.random.key(0), x, x)
    run = functools.partial(encoder.apply, capture_intermediates=True)
    got, state = jax.eval_shape(run, shapes, x, x)
    assert got.shape == (2, encoder.num_features) == (2, 2048)
    maps = state["intermediates"]
    seen = {
        name: maps[name]["__call__"][0].shape
        for name in ("visible_stem", "stage1_block2", "stage2_block3", "stage4_block2")
    }
    assert seen == {
        "visible_stem": (1, 72, 36, 64),
        "stage1_block2": (2, 72, 36, 256),
        "stage2_block3": (2, 36, 18, 512),
        "stage4_block2": (2, 18, 9, 2048),
    }
    # ResNet-50 has 23,508,032 parameters before its classifier, 9,536 of them in its
    # stem. CLIP's stem: 27 w/2 + 9 (w/2)^2 + 9 w^2/2 weights, and two for each norm's
    # channel; there are two stems, and the last norm's scale.
    stem = 27 * 32 + 9 * 32 * 32 + 9 * 32 * 64 + 2 * (32 + 32 + 64)
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))
    assert count == 23_508_032 - 9_536 + 2 * stem + 2048


def test_neither_modality_is_refused(variables):
    with pytest.raises(ValueError, match="visible and infrared are both None"):
        TINY.apply(variables)


def test_the_last_norm_has_no_shift(variables):
    assert set(variables["params"]["norm"]) == {"scale"}


@fast
def trained(variables, visible, infrared):
    return TINY.apply(variables, visible, infrared, train=True, mutable=["batch_stats"])


def test_training_normalises_both_modalities_as_one_batch(variables):
    embeddings, new = trained(variables, images(1), images(2))
    # The last norm's output: mean 0 over the rows of both, spread as its scale.
    np.testing.assert_allclose(embeddings.mean(0), 0, atol=1e-4)
    scale = variables["params"]["norm"]["scale"]
    assert (embeddings.std(0) <= scale * (1 + 1e-4)).all()
    assert np.abs(embeddings[:2].mean(0)).max() > 0.1
    assert np.abs(jnp.linalg.norm(embeddings, axis=1) - 1).min() > 0.1

    def is_moved(a, b):
        return bool((a != b).any())

    old = variables["batch_stats"]
    assert all(jax.tree.leaves(jax.tree.map(is_moved, old, new["batch_stats"])))


def test_bfloat16_is_close_and_keeps_float32_outside(variables, both):
    half = Encoder(TINY.stage_sizes, TINY.width, dtype=jnp.bfloat16)
    x = images(0, n=1)
    shapes = jax.eval_shape(half.init, jax.random.key(0), x, x)
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype("float32")}
    got = embed(variables, images(1, n=3), images(2), encoder=half)
    assert got.dtype == jnp.float32
    cosines = (got * both).sum(1)
    assert (cosines > 0.998).all()
    assert np.abs(got - both).max() > 0  # it did compute in the other type


def test_pooling_by_hand():
    maps = np.zeros((1, 2, 2, 3), np.float32)
    maps[0, :, :, 0] = [[1, 2], [3, 4]]
    maps[0, 0, 0, 1] = 2
    got, gradient = jax.jit(lambda x: (gem(x), jax.grad(lambda y: gem(y).sum())(x)))(
        maps
    )
    want = [((1 + 8 + 27 + 64) / 4) ** (1 / 3), 2 ** (1 / 3), 1e-4]
    np.testing.assert_allclose(got, [want], rtol=1e-5)
    assert np.isfinite(gradient).all()
    half = jax.ShapeDtypeStruct(maps.shape, jnp.bfloat16)
    assert jax.eval_shape(gem, half).dtype == jnp.float32


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_what_is_kept_for_the_gradient_is_of_the_computing_type(dtype):
    """In half precision no map of the network is kept in float32 but the last."""
    encoder = Encoder((1, 1, 1, 1), 16, dtype=dtype)
    image = jax.ShapeDtypeStruct((2, 64, 32, 3), jnp.float32)
    shapes = jax.eval_shape(encoder.init, jax.random.key(0), image, image)

    def saved(params, stats, images):
        def run(params):
            variables = {"params": params, "batch_stats": stats}
            return encoder.apply(
                variables, *images, train=True, mutable=["batch_stats"]
            )

        return jax.tree.leaves(jax.vjp(run, params)[1])

    kept = jax.eval_shape(
        saved, shapes["params"], shapes["batch_stats"], (image, image)
    )
    maps = [leaf for leaf in kept if leaf.ndim == 4 and leaf.shape[0] in (2, 4)]
    numbers = [leaf for leaf in maps if leaf.dtype != bool]
    assert len(numbers) > 20
    last = (4, 4, 2, 512)  # the pooling computes in float32
    types = {leaf.dtype for leaf in numbers if leaf.shape != last}
    assert types == {jnp.dtype(dtype)}


def test_every_norm_is_synchronised_over_the_axis():
    seen = {}

    def note(call, args, kwargs, context):
        if isinstance(context.module, BatchNorm):
            seen["/".join(context.module.path)] = context.module.axis_name
        return call(*args, **kwargs)

    encoder = Encoder((1, 2, 1, 1), 2, axis_name="devices")
    x = jax.ShapeDtypeStruct((1, 32, 16, 3), jnp.float32)
    with nn.intercept_methods(note):
        shapes: Any = jax.eval_shape(encoder.init, jax.random.key(0), x, x)
    norms = {
        jax.tree_util.keystr(path[:-1], simple=True, separator="/")
        for path, _ in jax.tree_util.tree_leaves_with_path(shapes["batch_stats"])
    }
    assert seen == dict.fromkeys(norms, "devices")
    assert len(seen) == 2 * 3 + 5 * 3 + 4 + 1  # stems, bottlenecks, shortcuts, last
