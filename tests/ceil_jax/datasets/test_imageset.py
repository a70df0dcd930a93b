import zlib
from pathlib import Path

import numpy as np
import pytest

from ceil_jax.datasets.imageset import ArraySource, ImageSet, ImageSource, RecordSource


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (7, 4, 2, 3), dtype=np.uint8)


@pytest.fixture(params=["array", "record"])
def source(request, images: np.ndarray) -> ImageSource:
    if request.param == "array":
        return ArraySource(images)
    stored = [{"image": image} for image in images[::-1]]
    checksums = np.array([zlib.crc32(image.tobytes()) for image in images])
    return RecordSource(stored, np.arange(7)[::-1], (4, 2), checksums, Path("none"))


def test_both_sources_give_the_same_images(source: ImageSource, images: np.ndarray):
    assert len(source) == 7
    assert source.image_size == (4, 2)
    rows = np.array([3, 0, 3, 6])
    taken = source.take(rows)
    np.testing.assert_array_equal(taken, images[rows])
    assert taken.dtype == np.uint8
    assert taken.flags.c_contiguous
    assert source.take(np.array([], dtype=np.int64)).shape == (0, 4, 2, 3)


def test_taken_images_are_copies(source: ImageSource, images: np.ndarray):
    want = images.copy()
    source.take(np.arange(7))[:] = 0
    np.testing.assert_array_equal(source.take(np.arange(7)), want)


def test_selection_of_a_selection(source: ImageSource, images: np.ndarray):
    chosen = source.select(np.array([6, 4, 2])).select(np.array([2, 0]))
    assert len(chosen) == 2
    np.testing.assert_array_equal(chosen.take(np.array([0, 1])), images[[2, 6]])


def test_image_set_selects_every_column(source: ImageSource, images: np.ndarray):
    names = np.array([f"{n}.png" for n in range(7)])
    numbers = np.arange(7, dtype=np.int32)
    chosen = ImageSet(source, numbers + 10, numbers + 20, names).select(
        np.array([5, 1])
    )
    assert len(chosen) == 2
    assert chosen.identities.tolist() == [15, 11]
    assert chosen.cameras.tolist() == [25, 21]
    assert chosen.names.tolist() == ["5.png", "1.png"]
    np.testing.assert_array_equal(chosen.images.take(np.arange(2)), images[[5, 1]])


def test_wrong_columns_and_images_are_refused(images: np.ndarray):
    numbers = np.zeros(7, dtype=np.int32)
    with pytest.raises(ValueError, match=r"cameras shape=\(6,\) must be \(7,\)"):
        ImageSet(ArraySource(images), numbers, numbers[:6], numbers.astype(str))
    with pytest.raises(ValueError, match="must be \\(n, H, W, 3\\) uint8"):
        ArraySource(images.astype(np.float32))
    with pytest.raises(ValueError, match=r"shape=\(7, 4, 2\)"):
        ArraySource(images[..., 0])
