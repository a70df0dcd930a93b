"""Crop and mirror against NumPy's own slicing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.inputs.augment import geometry, planes
from tests.ceil_jax.inputs.augment.draws import assert_independent


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize(("top", "left"), [(0, 0), (3, 3), (6, 1), (2, 6)])
def test_crop_is_numpys(rng, top, left, mirror):
    image = rng.integers(1, 256, (9, 5, 3), dtype=np.uint8)
    draws = geometry.CropDraws(jnp.int32(top), jnp.int32(left), jnp.bool_(mirror))
    got = planes.merge(geometry.crop(planes.split(jnp.asarray(image)), draws, pad=3))
    padded = np.pad(image, ((3, 3), (3, 3), (0, 0)))
    want = padded[top : top + 9, left : left + 5]
    np.testing.assert_array_equal(got, want[:, ::-1] if mirror else want)
    assert got.dtype == jnp.uint8


def test_draws_cover_all_places():
    draw = jax.jit(jax.vmap(lambda key: geometry.draw_crop(key, pad=2)))
    top, left, mirror = draw(jax.random.split(jax.random.key(1), 2000))
    for places in (top, left):
        values, counts = np.unique(np.asarray(places), return_counts=True)
        assert values.tolist() == [0, 1, 2, 3, 4]
        assert counts.min() > 330  # 400 expected
    assert abs(np.asarray(mirror).mean() - 0.5) < 0.04
    assert_independent(top=top, left=left, mirror=mirror)


def test_no_padding_leaves_the_place(rng):
    top, left, _ = geometry.draw_crop(jax.random.key(0), pad=0)
    assert (int(top), int(left)) == (0, 0)
