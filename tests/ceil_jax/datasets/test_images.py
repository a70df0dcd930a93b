import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.images import may_be_deep, range_of, read_image, samples_of

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


def test_a_range_becomes_0_to_255(tmp_path: Path):
    """By hand: 7000 to 8500 in steps of 300 are six levels 51 apart."""
    values = np.repeat(7000 + 300 * np.arange(6), 12).reshape(6, 12).T
    for name, kind in (
        ("a.png", np.uint16),
        ("a.tif", np.uint16),
        ("b.tif", np.int32),
        ("c.tif", np.float32),
    ):
        Image.fromarray(values.astype(kind)).save(tmp_path / name)
        got = read_image(tmp_path / name, SIZE, (7000, 8500))
        np.testing.assert_array_equal(got[0, :, 0], [0, 51, 102, 153, 204, 255])
        assert (got == got[:1, :, :1]).all()
        outside = read_image(tmp_path / name, SIZE, (7600, 7900))
        np.testing.assert_array_equal(outside[0, :, 0], [0, 0, 0, 255, 255, 255])
        alone = read_image(tmp_path / name, SIZE)
        np.testing.assert_array_equal(alone, got)


def test_thirty_two_bits_do_not_wrap(tmp_path: Path):
    values = np.full(SIZE, 0, np.int32)
    values[:, 3:] = 100_000
    Image.fromarray(values).save(tmp_path / "a.tif")
    got = read_image(tmp_path / "a.tif", SIZE, (0, 65_535))
    assert (got[:, :3] == 0).all()
    assert (got[:, 3:] == 255).all()


def test_eight_bits_know_no_range(tmp_path: Path, colours: np.ndarray):
    Image.fromarray(colours).save(tmp_path / "a.png")
    got = read_image(tmp_path / "a.png", SIZE, (100, 120))
    np.testing.assert_array_equal(got, colours)


def test_what_is_no_number_becomes_black(tmp_path: Path):
    values = np.linspace(20, 37, 72).reshape(SIZE).astype(np.float32)
    values[0, 0], values[0, 1] = np.nan, np.inf
    Image.fromarray(values).save(tmp_path / "a.tif")
    got = read_image(tmp_path / "a.tif", SIZE, (20, 37))
    assert (got[0, 0, 0], got[0, 1, 0], got[-1, -1, 0]) == (0, 255, 255)
    Image.fromarray(np.full(SIZE, np.nan, np.float32)).save(tmp_path / "b.tif")
    with pytest.raises(DataError, match=r"b\.tif .*none of its pixels is a number"):
        read_image(tmp_path / "b.tif", SIZE)


def test_a_flat_image_is_black(tmp_path: Path):
    Image.fromarray(np.full(SIZE, 8000, np.uint16)).save(tmp_path / "a.png")
    assert not read_image(tmp_path / "a.png", SIZE).any()


def test_depth_is_told_by_the_first_bytes(tmp_path: Path, colours: np.ndarray):
    deep = Image.fromarray(colours[..., 0].astype(np.uint16))
    deep.save(tmp_path / "deep.png")
    deep.save(tmp_path / "deep.jpg", format="TIFF")
    Image.fromarray(colours).save(tmp_path / "flat.png")
    Image.fromarray(colours).save(tmp_path / "flat.tif")
    Image.fromarray(colours).save(tmp_path / "flat.jpg")
    found = {path.name: may_be_deep(path) for path in tmp_path.iterdir()}
    assert found == {
        "deep.png": True,
        "deep.jpg": True,
        "flat.png": False,
        "flat.tif": True,  # which samples_of looks into
        "flat.jpg": False,
    }
    assert samples_of(tmp_path / "flat.tif") is None
    assert not may_be_deep(tmp_path / "gone.png")


def test_a_range_leaves_out_dead_pixels(tmp_path: Path):
    values = np.tile(np.arange(1000, 2000, dtype=np.uint16), (100, 1))
    values[0, 0], values[0, 1] = 0, 65_535
    Image.fromarray(values).save(tmp_path / "a.png")
    Image.fromarray(values[:, :500] + 3000).save(tmp_path / "b.png")
    samples = [samples_of(tmp_path / name) for name in ("a.png", "b.png")]
    found = [each for each in samples if each is not None]
    assert [len(each) for each in found] == [200, 200]
    low, high = range_of(found)
    assert 1000 <= low <= 1005
    assert 4490 <= high <= 4500


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.tif", "packed.tif", "a.png", "deep.tif"])
def test_every_orientation(tmp_path: Path, name: str, orientation: int):
    """Where row and column 0 are shown, by the table of the EXIF standard."""
    upright = np.arange(72, dtype=np.uint8).reshape(SIZE)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    kind = np.uint16 if name == "deep.tif" else np.uint8
    options = {"compression": "tiff_lzw"} if name == "packed.tif" else {}
    image = Image.fromarray(np.ascontiguousarray(stored).astype(kind))
    image.save(tmp_path / name, exif=exif, **options)
    got = read_image(tmp_path / name, SIZE, (0, 255))
    np.testing.assert_array_equal(got[..., 0], upright)


@pytest.mark.filterwarnings("ignore:Tag data larger")
@pytest.mark.parametrize(
    ("entry", "extra"),
    [
        ((0x11A, 10, 1, struct.pack("<I", 38)), struct.pack("<ii", -72, 1)),
        ((0x11A, 10, 1, struct.pack("<I", 38)), struct.pack("<ii", 72, 0)),
        ((0x11A, 12, 1, struct.pack("<I", 38)), struct.pack("<d", float("nan"))),
        ((0x100, 9, 1, struct.pack("<i", -5)), b""),
        ((0x10F, 2, 2**31, struct.pack("<I", 38)), b""),
        ((0x8769, 4, 1, struct.pack("<I", 0xFFFFFFF0)), b""),
        ((0x132, 99, 1, struct.pack("<I", 7)), b""),
    ],
    ids=range(7),
)
def test_nonsense_beside_the_orientation_does_no_harm(
    tmp_path: Path, entry: tuple[int, int, int, bytes], extra: bytes
):
    image = Image.fromarray(np.repeat([[0] * 6, [200] * 6], 6, axis=0).astype(np.uint8))
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.jpg", quality=95)
    turn = (0x112, 3, 1, struct.pack("<HH", 6, 0))
    block = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2)
    for tag, kind, count, value in (turn, entry):
        block += struct.pack("<HHI", tag, kind, count) + value
    block += b"\0\0\0\0" + extra
    content = (tmp_path / "a.jpg").read_bytes()
    length = struct.pack(">H", len(block) + 2)
    (tmp_path / "a.jpg").write_bytes(
        content[:2] + b"\xff\xe1" + length + block + content[2:]
    )
    got = read_image(tmp_path / "a.jpg", SIZE)
    assert got[:5].max() < 40
    assert got[7:].min() > 160


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
