"""Normalisation and the released conversion to 8 bits."""

import jax
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
    """Nine of the 768 land on whole numbers, where the last bit of a float decides."""
    values = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 2, 3))
    f32 = np.float32
    normalised = (values / f32(255) - MEAN.astype(f32)) / STD.astype(f32)
    want = np.trunc(normalised * f32(255)).astype(np.int64) % 256

    def wrapped(image):
        return planes.merge(planes.to_bytes(planes.normalise_planes(image)))

    image = planes.split(jnp.asarray(values))
    np.testing.assert_array_equal(jax.jit(wrapped)(image), want)
