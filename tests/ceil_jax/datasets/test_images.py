from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.images import read_image

SIZE = (12, 6)


@pytest.fixture
def colours(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def test_resized_by_lanczos(tmp_path: Path, rng: np.random.Generator):
    image = Image.fromarray(rng.integers(0, 256, (40, 30, 3), dtype=np.uint8))
    image.save(tmp_path / "a.bmp")
    got = read_image(tmp_path / "a.bmp", SIZE)
    want = image.resize((6, 12), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(got, np.asarray(want))
    assert got.flags.writeable
    assert got.flags.c_contiguous


def test_one_channel_becomes_three(tmp_path: Path, colours: np.ndarray):
    Image.fromarray(colours[..., 0]).save(tmp_path / "a.png")
    want = np.repeat(colours[..., :1], 3, axis=2)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", SIZE), want)


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "CMYK", "1"])
def test_other_modes_become_colours(tmp_path: Path, colours: np.ndarray, mode: str):
    image = Image.fromarray(colours).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)
    want = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(read_image(path, SIZE), want)


def test_sixteen_bits_keep_their_upper_eight(tmp_path: Path, colours: np.ndarray):
    upper = colours[..., 0]
    deep = upper.astype(np.uint16) * 256 + colours[..., 1]
    for name in ("a.png", "a.tif"):
        Image.fromarray(deep).save(tmp_path / name)
        want = np.repeat(upper[..., None], 3, axis=2)
        np.testing.assert_array_equal(read_image(tmp_path / name, SIZE), want)


def test_exif_rotation_is_undone(tmp_path: Path, colours: np.ndarray):
    lying = Image.fromarray(np.rot90(colours).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown after a quarter turn clockwise
    lying.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", SIZE), colours)


def test_upper_case_extension(tmp_path: Path, colours: np.ndarray):
    Image.fromarray(colours).save(tmp_path / "A.PNG")
    np.testing.assert_array_equal(read_image(tmp_path / "A.PNG", SIZE), colours)


@pytest.mark.parametrize("extension", ["bmp", "png", "jpg"])
def test_truncated_image_is_named(
    tmp_path: Path, rng: np.random.Generator, extension: str
):
    path = tmp_path / f"broken.{extension}"
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"cannot read image .*broken\.{extension} \("):
        read_image(path, SIZE)


def test_other_broken_files_are_named(tmp_path: Path):
    empty, text = tmp_path / "empty.jpg", tmp_path / "text.jpg"
    empty.touch()
    text.write_text("no image")
    with pytest.raises(DataError, match=r"empty\.jpg is empty \(0 bytes\)"):
        read_image(empty, SIZE)
    with pytest.raises(DataError, match=r"text\.jpg \(8 bytes\)"):
        read_image(text, SIZE)
    with pytest.raises(DataError, match=r"gone\.jpg: No such file"):
        read_image(tmp_path / "gone.jpg", SIZE)
