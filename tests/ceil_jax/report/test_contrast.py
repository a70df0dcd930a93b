import numpy as np

from ceil_jax.report.contrast import stretched


def test_dark_images_span_black_to_white():
    # 200 values 40 to 59, ten of each, and one bright speck.
    values = np.repeat(np.arange(40, 60, dtype=np.uint8), 30)
    image = values.reshape(20, 10, 3)
    speck = image.copy()
    speck[0, 0, 0] = 255
    made = stretched(np.stack([image, speck]))
    assert made.dtype == np.uint8
    for one in made:
        assert (one.min(), one.max()) == (0, 255)
        # 19 equal steps; the speck is above the 99th percentile.
        levels = np.unique(one)
        np.testing.assert_allclose(levels, np.linspace(0, 255, 20), atol=0.51)
    assert image.max() == 59  # what was given stays


def test_an_image_of_one_value_stays():
    flat = np.full((1, 4, 4, 3), 9, np.uint8)
    np.testing.assert_array_equal(stretched(flat), flat)
