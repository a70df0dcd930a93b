"""Normalisation and the released conversion to 8 bits."""

import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.inputs import augment
from ceil_jax.inputs.augment import planes

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])


def test_normalise_every_value():
    image = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 2, 3))
    want = (image / 255.0 - MEAN) / STD
    np.testing.assert_allclose(augment.normalise(image), want, atol=2e-6)


@pytest.mark.parametrize("images", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8)])
def test_normalise_refuses(images):
    with pytest.raises(ValueError, match=r"images\.dtype"):
        augment.normalise(images)


def test_bytes_truncate_and_wrap():
    values = jnp.array([[-1.5, -0.001, 0.0, 0.5, 0.999, 1.0, 1.01, 2.0]])
    got = planes.to_bytes(planes.Planes(values, values, values)).red
    # -382.5 -> -382 -> 130; -0.255 -> 0; 257.55 -> 257 -> 1; 510 -> 254
    assert got.tolist() == [[130, 0, 0, 127, 254, 255, 1, 254]]


def test_bytes_of_every_normalised_colour():
    """Exact arithmetic; one level less where a float falls short of a whole number."""
    values = np.arange(256)
    image = planes.Planes(*(jnp.asarray(values.reshape(16, 16), jnp.uint8),) * 3)
    got = np.stack(planes.normalised_to_bytes(image)).reshape(3, 256)
    for channel, (mean, std) in enumerate(((485, 229), (456, 224), (406, 225))):
        above = 1000 * values - 255 * mean  # thousandths, so all are whole numbers
        want = np.sign(above) * (np.abs(above) // std)
        gap = (got[channel] - want + 128) % 256 - 128
        on_whole_numbers = above % std == 0
        assert (gap[~on_whole_numbers] == 0).all()
        assert np.abs(gap).max() <= 1


def test_both_ways_to_bytes_agree():
    """Where no whole number is near, so that rounding cannot tell them apart."""
    values = np.arange(256).reshape(16, 16)
    image = planes.Planes(*(jnp.asarray(values, jnp.uint8),) * 3)
    table = planes.normalised_to_bytes(image)
    direct = planes.to_bytes(planes.normalise_planes(image))
    for channel, (a, b) in enumerate(zip(table, direct, strict=True)):
        whole = (1000 * values - 255 * 1000 * MEAN[channel]) % (1000 * STD[channel])
        clear = np.minimum(whole, 1000 * STD[channel] - whole) > 1e-6
        np.testing.assert_array_equal(np.asarray(a)[clear], np.asarray(b)[clear])
