import math

import numpy as np
import pytest
from scipy import ndimage

from ceil_jax.datasets.synthetic.cameras import HEADINGS, blur
from ceil_jax.datasets.synthetic.shapes import (
    Canvas,
    band,
    ellipse,
    paint,
    profile,
    stripes,
    texture,
)

SIZE = 40
GRID = (np.arange(SIZE) + 0.5) / SIZE


def canvas(channels: int = 1) -> Canvas:
    return Canvas(
        image=np.zeros((2, channels, SIZE, SIZE)),
        x=np.broadcast_to(GRID - 0.5, (2, 1, SIZE)),
        y=np.broadcast_to(GRID, (2, SIZE)),
        pixel=np.full((2, 1), 1 / SIZE),
    )


def test_profile_interpolates():
    knots = [(0.1, 0.5), (0.4, 0.2), (0.8, 0.9)]
    got = profile(canvas().y, knots)
    want = np.interp(GRID, [0.1, 0.4, 0.8], [0.5, 0.2, 0.9])
    np.testing.assert_allclose(got[0], want, atol=1e-12)


def test_areas_of_shapes():
    drawn = canvas()
    box = band(drawn, 0.2, 0.7, 0.1, np.array([[0.15], [0.05]]))
    areas = box.mask.sum(axis=(1, 2)) / SIZE**2
    np.testing.assert_allclose(areas, [0.5 * 0.3, 0.5 * 0.1], rtol=1e-6)
    half = ellipse(drawn.y, 0.5, 0.3, 0.2)
    disc = band(drawn, 0.0, 1.0, 0.0, half)
    area = disc.mask[0].sum() / SIZE**2
    assert area == pytest.approx(math.pi * 0.3 * 0.2, rel=0.02)


def test_a_shape_outside_the_picture_paints_nothing():
    drawn = canvas()
    paint(drawn, band(drawn, 1.5, 2.0, 0.0, 0.2), (1.0,))
    paint(drawn, band(drawn, 0.1, 0.4, 3.0, 0.2), (1.0,))
    assert not drawn.image.any()


def test_paint_mixes_by_coverage_and_weight():
    drawn = canvas(3)
    box = band(drawn, 0.0, 1.0, 0.0, 1.0)
    paint(drawn, box, (0.8, 0.4, 0.2))
    paint(drawn, box, (0.0, 0.0, 0.0), np.array([[0.0], [0.25]]))
    np.testing.assert_allclose(drawn.image[0, :, 5, 5], [0.8, 0.4, 0.2])
    np.testing.assert_allclose(drawn.image[1, :, 5, 5], [0.6, 0.3, 0.15])


def test_stripes_alternate():
    np.testing.assert_allclose(
        stripes(np.array([0.0, 0.25, 0.5, 0.75]), 2.0), [1, 0] * 2
    )


@pytest.mark.parametrize(
    "pattern", ["hoops", "bars", "checks", "yoke", "hem", "panel", "sash"]
)
def test_textures_show_both_colours(pattern: str):
    box = band(canvas(), 0.0, 1.0, 0.0, 0.5)
    weights = texture(box, pattern, 2.5)
    assert weights is not None
    assert weights.shape == box.mask.shape
    assert weights.min() == 0.0
    assert weights.max() == 1.0
    assert 0.15 < weights.mean() < 0.75


def test_plain_has_no_texture():
    assert texture(band(canvas(), 0.0, 1.0, 0.0, 0.5), "plain", 2.0) is None


def test_blur_is_a_separable_filter(rng: np.random.Generator):
    images = rng.random((2, 3, 9, 7))
    weights = np.array([0.1, 0.25])
    for image, weight, got in zip(images, weights, blur(images, weights), strict=True):
        kernel = [weight, 1 - 2 * weight, weight]
        want = ndimage.convolve1d(image, kernel, axis=1, mode="nearest")
        want = ndimage.convolve1d(want, kernel, axis=2, mode="nearest")
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_headings_are_directions():
    assert all(math.hypot(*heading) == 1.0 for heading in HEADINGS)
