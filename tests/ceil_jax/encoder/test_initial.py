"""Random weights are those of Flax's initialiser, to the last bit."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from ceil_jax.encoder.initial import he_truncated

FLAX = nn.initializers.variance_scaling(2.0, "fan_out", "truncated_normal")


@pytest.mark.parametrize(
    "shape",
    [
        (1, 1, 4, 8),
        (3, 3, 3, 8),
        (1, 1, 64, 64),  # as long as the shortest draw
        (3, 3, 64, 64),
        (1, 1, 256, 512),
        (5, 7),
    ],
)
@pytest.mark.parametrize("around", [lambda f: f, jax.jit], ids=["alone", "compiled"])
def test_bits_are_those_of_flax(shape, around):
    key = jax.random.key(len(shape) + shape[-1])
    ours = around(lambda key: he_truncated(key, shape))(key)
    theirs = around(lambda key: FLAX(key, shape))(key)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
