"""Colour jitter against Pillow, which the released transforms run on."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from ceil_jax.inputs.augment import colour, planes
from tests.ceil_jax.inputs.augment.draws import assert_independent

ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
IDENTITY = colour.JitterDraws(jnp.arange(4), jnp.ones(3), jnp.float32(0.0))

jitter = jax.jit(colour.jitter)
draw_many = jax.jit(jax.vmap(colour.draw_jitter))


def ours(image: np.ndarray, draws: colour.JitterDraws) -> np.ndarray:
    planes_in = planes.to_float(planes.split(jnp.asarray(image)))
    return np.asarray(planes.merge(jitter(planes_in, draws)))


def pillow_hue(image: Image.Image, shift: float) -> Image.Image:
    hue, saturation, value = image.convert("HSV").split()
    turned = (np.asarray(hue, np.int64) + int(shift * 255)) % 256
    bands = (Image.fromarray(turned.astype(np.uint8)), saturation, value)
    return Image.merge("HSV", bands).convert("RGB")


def pillow(image: np.ndarray, draws: colour.JitterDraws) -> np.ndarray:
    result = Image.fromarray(image)
    for change in np.asarray(draws.order):
        if change == colour.HUE:
            result = pillow_hue(result, float(draws.hue))
        else:
            factor = float(draws.factors[change])
            result = ENHANCERS[change](result).enhance(factor)
    return np.asarray(result)


def draws_of(order, factors, hue) -> colour.JitterDraws:
    return colour.JitterDraws(
        jnp.asarray(order, jnp.int32),
        jnp.asarray(factors, jnp.float32),
        jnp.float32(hue),
    )


@pytest.mark.parametrize("change", range(3))
@pytest.mark.parametrize("factor", [0.5, 0.75, 1.0, 1.5])
def test_one_blend_is_pillows(rng, change, factor):
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    start = planes.to_float(planes.split(jnp.asarray(image)))
    got = colour._blend(start, jnp.int32(change), jnp.float32(factor))
    want = ENHANCERS[change](Image.fromarray(image)).enhance(factor)
    np.testing.assert_array_equal(planes.merge(got), np.asarray(want))


def test_brightness_by_hand():
    image = planes.Planes(*(jnp.full((1, 2), v) for v in (101.0, 200.0, 3.0)))
    half = colour._blend(image, jnp.int32(colour.BRIGHTNESS), jnp.float32(0.5))
    more = colour._blend(image, jnp.int32(colour.BRIGHTNESS), jnp.float32(1.5))
    assert [float(plane[0, 0]) for plane in half] == [50, 100, 1]
    assert [float(plane[0, 0]) for plane in more] == [151, 255, 4]


def test_contrast_moves_towards_the_rounded_mean_grey():
    grey = jnp.array([[0.0, 0.0, 0.0, 250.0]])  # mean 62.5, rounded up to 63
    image = planes.Planes(grey, grey, grey)
    moved = colour._blend(image, jnp.int32(colour.CONTRAST), jnp.float32(0.0))
    np.testing.assert_array_equal(moved.red, np.full((1, 4), 63.0))


def test_every_order_is_pillows(rng):
    image = rng.integers(0, 256, (48, 24, 3), dtype=np.uint8)
    different = []
    for order in itertools.permutations(range(4)):
        factors = rng.uniform(0.5, 1.5, 3)
        draws = draws_of(order, factors, rng.uniform(-0.5, 0.5))
        gap = np.abs(ours(image, draws) - pillow(image, draws))
        different.append((gap > 0).mean())
        # A hue that rounds the other way moves a colour by 6 levels at most, and a
        # later change may stretch that by half, twice.
        assert gap.max() <= 14
    assert np.mean(different) < 0.004


@pytest.mark.parametrize("shift", [-0.5, -0.2, 0.0, 0.1, 0.49])
def test_hue_is_pillows(rng, shift):
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    got = jax.jit(colour.shift_hue)(
        planes.to_float(planes.split(jnp.asarray(image))), jnp.float32(shift)
    )
    want = np.asarray(pillow_hue(Image.fromarray(image), shift), np.float32)
    off = np.asarray(planes.merge(got)) != want
    assert off.mean() < 0.004


def test_hue_leaves_greys_alone():
    ramp = jnp.arange(256.0).reshape(16, 16)
    got = colour.shift_hue(planes.Planes(ramp, ramp, ramp), jnp.float32(0.3))
    for plane in got:
        np.testing.assert_array_equal(plane, ramp)


def test_draws_cover_their_ranges():
    keys = jax.random.split(jax.random.key(0), 4000)
    order, factors, hue = draw_many(keys)
    np.testing.assert_array_equal(
        np.sort(order, axis=1), np.tile(np.arange(4), (4000, 1))
    )
    _, counts = np.unique(np.asarray(order), axis=0, return_counts=True)
    assert len(counts) == 24
    assert counts.min() > 100  # 167 expected
    for values, low, high in ((factors, 0.5, 1.5), (hue, -0.5, 0.5)):
        values = np.asarray(values)
        assert low <= values.min() < low + 0.01
        assert high - 0.01 < values.max() <= high
        assert abs(values.mean() - (low + high) / 2) < 0.02


def test_no_change_follows_another():
    draws = draw_many(jax.random.split(jax.random.key(4), 2000))
    place_of = np.argsort(np.asarray(draws.order), axis=1)
    factors = np.asarray(draws.factors)
    assert_independent(
        **{f"factor {i}": factors[:, i] for i in range(3)},
        hue=np.asarray(draws.hue),
    )
    shifts = [*factors.T, np.asarray(draws.hue)]
    for i, shift in enumerate(shifts):
        for change in range(4):
            assert_independent(
                **{f"shift {i}": shift, f"place of {change}": place_of[:, change]}
            )
