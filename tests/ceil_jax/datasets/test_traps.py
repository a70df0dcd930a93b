"""What spoils results silently elsewhere: each is caught, or does no harm, here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ceil_jax.common.errors import DataError
from ceil_jax.datasets import preparation
from ceil_jax.datasets.builder import PersonBuilder
from ceil_jax.datasets.registry import Request, find
from tests.ceil_jax.datasets.trees import TREES

SIZE = (12, 6)
CASES = pytest.mark.parametrize("name", TREES)


def make(name: str, root: Path) -> PersonBuilder:
    cache = root.parent / f"{root.name} cache"
    request = Request(root, cache, SIZE, {"allow_partial": True}, False)
    return find(name).make_builder(request)


def stored(name: str, root: Path) -> dict[str, dict[str, Any]]:
    """The prepared examples by name."""
    builder = preparation.prepare(make(name, root))
    return {
        example["name"].decode(): example
        for split in builder.info.splits
        for example in builder.records(split)
    }


def names(name: str, root: Path) -> list[str]:
    listing = getattr(make(name, root).person_config, "listing")  # noqa: B009
    return listing.names


@CASES
def test_parents_named_like_cameras_and_people_change_nothing(
    name: str, tmp_path: Path
):
    root = TREES[name].write(tmp_path / "campus" / "cam1" / "0009" / "query")
    found = stored(name, root)
    assert found
    for example in found.values():
        red, green, _ = np.round(example["image"][6, 3] / 10.0).astype(int).tolist()
        assert red == max(example["identity"], 0)
        assert green == 2 * example["camera"] + example["modality"]
        assert np.ptp(example["image"].reshape(-1, 3), axis=0).max() == 0


@CASES
def test_one_channel_becomes_three(name: str, tmp_path: Path):
    root = TREES[name].write(tmp_path / "set")
    Image.new("L", (6, 12), 77).save(root / TREES[name].first)
    image = stored(name, root)[TREES[name].first]["image"]
    assert image.shape == (12, 6, 3)
    assert (np.abs(image.astype(int) - 77) < 2).all()


@CASES
def test_cmyk_becomes_colours(name: str, tmp_path: Path):
    root = TREES[name].write(tmp_path / "set")
    printed = Image.new("CMYK", (6, 12), (0, 255, 255, 0))
    printed.save(root / TREES[name].first, format="JPEG")  # whatever its name says
    image = stored(name, root)[TREES[name].first]["image"].astype(int)
    assert image[..., 0].min() > 240, "magenta and yellow ink make red"
    assert image[..., 1:].max() < 15


@CASES
def test_a_camera_held_on_its_side_is_righted(name: str, tmp_path: Path):
    root = TREES[name].write(tmp_path / "set")
    lying = Image.new("RGB", (24, 12), "black")
    lying.paste((255, 255, 255), (0, 0, 12, 12))  # left, to become the top
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save(root / TREES[name].other, format="JPEG", quality=100, exif=exif)
    image = stored(name, root)[TREES[name].other]["image"]
    assert image[:5].min() > 200
    assert image[7:].max() < 50


@CASES
def test_what_systems_leave_behind_is_not_read(name: str, tmp_path: Path):
    root = TREES[name].write(tmp_path / "set")
    want = names(name, root)
    first = root / TREES[name].first
    for place in {root, *first.relative_to(root).parents}:
        for junk in (f"._{first.name}", "Thumbs.db", ".DS_Store", "desktop.ini"):
            (root / place / junk).write_bytes(b"\x00\x05\x16\x07")
    (root / ".Trashes").mkdir()
    (root / ".Trashes" / "1.jpg").touch()
    assert names(name, root) == want
    assert not [w for w in make(name, root).warnings if "no images by their" in w]


@pytest.mark.parametrize("name", ["sysu_mm01", "folder"])
def test_upper_case_extensions_are_read(name: str, tmp_path: Path):
    root = TREES[name].write(tmp_path / "set")
    first = Path(TREES[name].first)
    (root / first).rename((root / first).with_suffix(".JPG"))
    example = stored(name, root)[first.with_suffix(".JPG").as_posix()]
    assert example["camera"] == (1 if name == "sysu_mm01" else 2)


def test_upper_case_extensions_are_read_where_no_list_names_them(tmp_path: Path):
    root = TREES["llcm"].write(tmp_path / "set")
    other = Path(TREES["llcm"].other)
    (root / other).rename((root / other).with_suffix(".JPG"))
    assert stored("llcm", root)[other.with_suffix(".JPG").as_posix()]["identity"] == 11


@CASES
@pytest.mark.parametrize("spoil", ["empty", "half", "text"])
def test_broken_images_stop_and_are_named(name: str, spoil: str, tmp_path: Path):
    root = TREES[name].write(tmp_path / "set")
    path = root / TREES[name].other
    content = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "half": content[: len(content) // 2], "text": b"text"}[spoil]
    )
    size = path.stat().st_size
    start = {
        "empty": f"image {path} is empty (0 bytes)",
        "half": f"cannot read image {path} ({size} bytes): ",
        "text": f"cannot read image {path} ({size} bytes): it is no image of",
    }[spoil]
    with pytest.raises(DataError) as caught:
        preparation.prepare(make(name, root))
    assert str(caught.value).startswith(start)
    assert "\n" not in str(caught.value)
