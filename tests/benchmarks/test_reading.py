"""The benchmark of reading: missing libraries are named, and pixels compared."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks import reading


def test_differences_by_hand():
    got = np.array([0, 255, 7], np.uint8)
    wanted = np.array([255, 0, 9], np.uint8)
    np.testing.assert_array_equal(reading.difference(got, wanted), [255, 255, 2])


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(
        reading, "LIBRARIES", {name: "no_such_library" for name in reading.LIBRARIES}
    )
    ways, absent = reading.readers()
    assert absent == ["OpenCV", "simplejpeg", "pyvips", "TensorFlow"]
    assert next(iter(ways)) == reading.OURS
    assert all(name.startswith("Pillow") for name in ways)


def test_ways_of_pillow_give_the_encoder_s_size():
    ways, _ = reading.readers()
    content = dict(reading.files())["JPEG, 720 x 360"]
    found = {name: read(content) for name, read in ways.items() if "Pillow," in name}
    with Image.open(io.BytesIO(content)) as image:
        wanted = np.asarray(image.resize((144, 288), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(found[reading.OURS], wanted)
    for name, pixels in found.items():
        assert pixels.shape == (288, 144, 3)
        if name != reading.OURS:
            assert reading.difference(pixels, wanted).mean() == pytest.approx(0, abs=5)
