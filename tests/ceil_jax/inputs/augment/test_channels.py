"""Channel augmentation and the grey image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.inputs.augment import channels, planes
from tests.ceil_jax.inputs.augment.draws import assert_independent


@pytest.fixture
def image(rng) -> planes.Planes:
    return planes.Planes(*jnp.asarray(rng.normal(size=(3, 4, 5)), jnp.float32))


@pytest.mark.parametrize("choice", [0, 1, 2])
def test_one_channel_everywhere(image, choice):
    got = channels.copy_channel(image, jnp.int32(choice))
    for plane in got:
        np.testing.assert_array_equal(plane, image[choice])


def test_grey_has_the_released_weights(image):
    got = channels.copy_channel(image, jnp.int32(3))
    want = 0.2989 * image.red + 0.5870 * image.green + 0.1140 * image.blue
    np.testing.assert_allclose(got.blue, want, atol=1e-6)


@pytest.mark.parametrize(("chance", "grey"), [(0.3, True), (0.7, False)])
def test_last_choice_is_grey_half_of_the_time(image, chance, grey):
    draws = channels.ChannelDraws(jnp.int32(3), jnp.float32(chance))
    got = channels.augment_channels(image, draws)
    unchanged = all(bool((a == b).all()) for a, b in zip(got, image, strict=True))
    assert unchanged is not grey


def test_draws_are_uniform():
    draw = jax.jit(jax.vmap(channels.draw_channel))
    choice, chance = draw(jax.random.split(jax.random.key(2), 4000))
    _, counts = np.unique(np.asarray(choice), return_counts=True)
    assert len(counts) == 4
    assert counts.min() > 880  # 1000 expected
    last = np.asarray(chance)[np.asarray(choice) == 3]
    assert abs((last <= 0.5).mean() - 0.5) < 0.05
    assert_independent(choice=choice, chance=chance)
