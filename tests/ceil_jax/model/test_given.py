"""Images as programs hand them over: buffers, lazy files, folders, odd collections."""

import ast
import contextlib
import re

import numpy as np
import pytest
from PIL import Image

from ceil_jax.common.errors import DataError
from tests.ceil_jax.model.conftest import close

DEEP = [np.arange(64 * low, 64 * low + 64, dtype=np.uint16) for low in (1, 3, 9)]


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """Three files of 16 bits over different ranges."""
    root = tmp_path_factory.mktemp("deep")
    paths = []
    for number, values in enumerate(DEEP):
        paths.append(root / f"{number}.png")
        Image.fromarray(values.reshape(8, 8).astype(np.int32)).convert("I;16").save(
            paths[-1]
        )
    return paths


def test_a_generator_may_use_one_buffer(model, pictures, want):
    same = [number for number, p in enumerate(pictures) if p.shape == (32, 16, 3)]
    buffer = np.zeros((32, 16, 3), np.uint8)

    def frames():
        for number in same * 6:
            buffer[:] = pictures[number]
            yield buffer

    close(model.embed(frames(), "visible"), np.tile(want["visible"][same], (6, 1)))
    tracks = ([frame] for frame in frames())
    close(model.embed_tracks(tracks, "visible")[: len(same)], want["visible"][same])


def test_a_generator_may_close_its_files(model, files, want):
    def opened():
        for path in files:
            with Image.open(path) as image:
                yield image

    found = model.embed(opened(), "visible", with_names=True)
    close(found.features, want["visible"])
    assert found.names == [str(path) for path in files]


def test_one_lazy_picture_may_be_given_several_times(model, files, want):
    for _ in range(5):
        with Image.open(files[3]) as image:
            rows = model.embed([image] * 12, "visible")
        close(rows, np.tile(want["visible"][3], (12, 1)))


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
def test_a_picture_that_passes_by_is_turned_upright(model, pictures, tmp_path, suffix):
    path = tmp_path / f"turned.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.fromarray(pictures[0]).save(path, exif=exif)

    def opened():
        with Image.open(path) as image:
            yield image

    close(model.embed(opened(), "visible"), model.embed(path, "visible"))
    upright = np.rot90(pictures[0], -1)
    if suffix != "jpg":
        close(model.embed(path, "visible"), model.embed(upright, "visible"))


def test_a_broken_picture_that_passes_by_is_named(model, files, want, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(files[1].read_bytes()[:60])

    def opened():
        for path in (files[0], broken, files[2]):
            with Image.open(path) as image:
                yield image

    found = model.embed(opened(), "visible", on_error="skip")
    close(found.features, want["visible"][[0, 2]])
    assert [each.place for each in found.skipped] == [1]
    assert str(broken) in found.skipped[0].reason
    with pytest.raises(DataError, match=r"broken\.png"):
        model.embed(opened(), "visible")


def test_folders_among_several(model, files, want):
    inner = files[-1].parent
    rows = model.embed([files[2], inner, str(files[3])], "visible")
    close(rows, want["visible"][[2, *range(8, 13), 3]])
    passing = (each for each in (inner, files[0]))
    close(model.embed(passing, "visible"), want["visible"][[*range(8, 13), 0]])


def test_files_of_many_bits_in_any_collection(model, deep):
    wanted = model.embed(deep, "infrared")
    names = [str(path) for path in deep]
    for given in (tuple(names), np.array(names), dict.fromkeys(names)):
        close(model.embed(given, "infrared"), wanted)
    tracks = [[name] for name in names]
    close(model.embed_tracks(tracks, "infrared"), wanted)
    alone = np.stack([model.embed(name, "infrared")[0] for name in names])
    assert not np.allclose(alone, wanted, atol=0.01)


def test_the_range_of_these_files_is_told(model, deep, capsys):
    wanted = model.embed(deep, "infrared")
    said = capsys.readouterr().err
    assert said.startswith("images of more than 8 bits: 64.4725 to 638.5275")
    low, high = ast.literal_eval(re.findall(r"value_range=(\(.*?\))", said)[0])
    rows = [model.embed(p, "infrared", value_range=(low, high))[0] for p in deep]
    close(np.stack(rows), wanted)
    assert not capsys.readouterr().err


def test_unreadable_files_of_many_bits_are_left_out(model, deep, tmp_path):
    cut, junk = tmp_path / "cut.png", tmp_path / "junk.tif"
    cut.write_bytes(deep[1].read_bytes()[:50])
    junk.write_bytes(b"II*\0 no picture at all")
    given = [cut, deep[0], junk, deep[2]]
    found = model.embed(given, "infrared", on_error="skip")
    close(found.features, model.embed([deep[0], deep[2]], "infrared"))
    assert [each.place for each in found.skipped] == [0, 2]
    with pytest.raises(DataError, match=r"cut\.png"):
        model.embed(given, "infrared")


def test_links_that_lead_nowhere_are_unreadable_images(model, files, want, tmp_path):
    (tmp_path / "1.png").symlink_to(files[1])
    (tmp_path / "2.png").symlink_to(tmp_path / "gone.png")
    found = model.embed(tmp_path, "visible", on_error="skip")
    close(found.features, want["visible"][[1]])
    assert "2.png" in found.skipped[0].reason
    with pytest.raises(DataError, match=r"2\.png"):
        model.embed(tmp_path, "visible")


def test_a_folder_that_is_not_there_is_no_image_to_be_left_out(model, tmp_path):
    for on_error in ("raise", "skip"):
        with pytest.raises(DataError, match=r"gone: no such file or folder$"):
            model.embed(tmp_path / "gone", "visible", on_error=on_error)


def test_nothing_can_be_measured(model):
    found = model.embed([], "visible", with_quality=True)
    assert found.features.shape == (0, 512)
    assert [len(each) for each in found.quality] == [0] * 5
    assert model.embed_tracks([], "visible").shape == (0, 512)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda m, f: m.embed("", "visible"), "images='' is an empty path"),
        (lambda m, f: m.embed_tracks(f[0].parent, "visible"), "tracks must be several"),
        (lambda m, f: m.embed_tracks(str(f[0]), "visible"), "tracks must be several"),
        (
            lambda m, f: m.embed(f, "visible", value_range=(5, 5)),
            r"value_range=\(5, 5\) must be \(low, high\): two numbers, the smaller",
        ),
        (lambda m, f: m.embed(f, "visible", value_range=5), "value_range=5 must be"),
        (
            lambda m, f: m.embed(f, "visible", value_range=(0, np.nan)),
            r"value_range=\(0, nan\) must",
        ),
        (lambda m, f: m.embed(f, "visible", value_range=(1, 2, 3)), "value_range="),
        (lambda m, f: m.explain(f[0], f[1], value_range=(2, 1)), "value_range="),
        (lambda m, f: m.explain(f[0], f[0].parent), "b=.* is a folder, not one image"),
        (lambda m, f: m.explain(f, f[0]), "a is a list, not one image"),
        (lambda m, f: m.explain(f[0], ""), "b='' is an empty path"),
        (
            lambda m, f: m.explain(f[0], f[1], ("visible",)),
            r"modalities=\('visible',\) must be two",
        ),
        (
            lambda m, f: m.explain(f[0], np.zeros((4, 4, 3))),
            "image 0 is float64, not uint8",
        ),
        (lambda m, f: m.same_person([], f[0]), "a is a list, not one image"),
        (lambda m, f: m.same_person(f[0].parent, f[0]), "a=.* is a folder, not one"),
        (lambda m, f: m.same_person(f[0], f[1], "visible"), "must be two"),
    ],
)
def test_mistakes_are_named(model, files, call, text):
    with pytest.raises((ValueError, DataError), match=text):
        call(model, files)


def test_a_number_of_numpy_s_is_a_batch_size(model, pictures, want):
    close(model.embed(pictures, "visible", batch_size=np.int64(4)), want["visible"])
    with contextlib.suppress(ValueError):
        model.embed(pictures, "visible", batch_size=np.float32(4.5))
        pytest.fail("4.5 is no number of images")
