import numpy as np
import pytest

from ceil_jax.evaluation.baselines import grey_pixels


def test_inner_products_are_correlations_of_grey_images(rng):
    images = rng.integers(0, 256, (4, 6, 3, 3), dtype=np.uint8)
    rows = grey_pixels(images)
    assert rows.shape == (4, 18)
    assert rows.dtype == np.float32
    grey = images @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(
        rows @ rows.T, np.corrcoef(grey.reshape(4, -1)), atol=1e-6
    )


def test_light_and_contrast_do_not_matter(rng):
    image = rng.integers(0, 100, (1, 8, 4, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        grey_pixels(image), grey_pixels(2 * image + 7), atol=1e-6
    )


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_flat_image_has_a_row_of_zeros(value):
    rows = grey_pixels(np.full((2, 288, 144, 3), value, np.uint8))
    np.testing.assert_array_equal(rows, 0)


def test_the_smallest_contrast_is_not_flat():
    image = np.full((1, 288, 144, 3), 250, np.uint8)
    image[0, 5, 5, 2] += 1
    assert np.linalg.norm(grey_pixels(image)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "images", [np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4, 3), np.float32)]
)
def test_other_arrays_are_refused(images):
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        grey_pixels(images)
