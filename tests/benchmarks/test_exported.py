"""What the tables of exports are made of; the models are compared elsewhere."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import exported, markdown
from ceil_jax.weights.architecture import Architecture, check
from tests.ceil_jax.model.export import given


@pytest.mark.parametrize("target", ["raw", "boxmot", "ultralytics", "deepstream"])
def test_images_are_fed_as_consumers_feed_them(target, rng):
    images = rng.integers(0, 256, (3, *exported.SIZE, 3), np.uint8)
    got = exported.fed(target, images)
    np.testing.assert_allclose(got, given.fed(target, images), atol=1e-5)


def test_bilinear_by_hand():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, :32] = 200
    got = exported.bilinear(image)[:, :, 0]
    want = np.repeat([200, 0], 16)  # every other pixel's neighbours are of one side
    np.testing.assert_array_equal(got, np.tile(want, (64, 1)))
    ramp = np.arange(16, dtype=np.uint8)[None, :, None].repeat(64, 0).repeat(3, 2)
    between = exported.bilinear(ramp * 4)[0, :, 0]
    at = np.clip((np.arange(32) + 0.5) / 2 - 0.5, 0, 15)
    np.testing.assert_array_equal(between, np.round(4 * at))


def test_a_larger_box_shows_grey_around():
    white = np.full((100, 50, 3), 255, np.uint8)
    got = exported.enlarged(white)
    assert got.shape == (*exported.SIZE, 3)
    assert (got[0] == 114).all()
    assert (got[32, 16] == 255).all()
    share = (got == 255).mean()
    assert share == pytest.approx(100 * 50 / (112 * 61), abs=0.06)


def test_our_own_reading_is_that_of_files(rng):
    image = rng.integers(0, 256, (90, 41, 3), np.uint8)
    size = exported.SIZE[1], exported.SIZE[0]
    want = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(exported.read(image), want)


def test_the_page_has_its_part():
    page = exported.PAGE.read_text(encoding="utf-8")
    assert markdown.replace_part(page, "exported", "new") != page


def test_random_weights_are_a_complete_encoder_s():
    sizes = Architecture((2, 1, 1, 1), 4)
    assert check(exported.random_variables(sizes)) == sizes
