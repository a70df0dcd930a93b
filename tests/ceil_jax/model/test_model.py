"""Embedding images of all kinds: the same rows as Flax's encoder by hand."""

import threading
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ceil_jax.common.errors import DataError
from ceil_jax.model import Embedded, Model, engines
from tests.ceil_jax.model.conftest import SIZE, close, info_of


@pytest.mark.parametrize("modality", ["visible", "infrared"])
def test_rows_are_the_encoder_s(model, files, want, modality):
    rows = model.embed(files, modality)
    assert rows.dtype == np.float32
    close(rows, want[modality])
    close(np.linalg.norm(rows, axis=1), np.ones(len(files)))
    assert not np.allclose(want["visible"], want["infrared"], atol=0.01)


def test_names_of_a_folder_s_rows(model, files, want):
    found = model.embed(files[0].parent, "visible", with_names=True)
    assert isinstance(found, Embedded)
    assert found.names == [str(path) for path in files]
    assert found.places.tolist() == [*range(len(files))]
    assert found.quality is None
    assert not found.skipped
    close(found.features, want["visible"])


@pytest.mark.parametrize(("platform", "size"), [("cpu", 8), ("gpu", 128)])
def test_the_batch_follows_the_device(variables, platform, size, monkeypatch):
    monkeypatch.setattr(engines, "_embedder", lambda *_: None)
    monkeypatch.setattr(engines.parallel, "replicate", lambda tree, devices: tree)
    monkeypatch.setattr(engines.jax, "local_devices", lambda: [Device(platform)])
    assert engines.JaxRunner(variables).batch_size == size
    assert engines.OnnxRunner(variables, SIZE, "onnxruntime").batch_size == 8


class Device(NamedTuple):
    """A device of a kind."""

    platform: str


def test_batches_are_of_eight_on_a_processor(model, pictures, want, monkeypatch):
    seen, once = [], engines.JaxRunner.stream

    def stream(self, batches, modality):
        def watched():
            for tag, images in batches:
                seen.append(len(images))
                yield tag, images

        return once(self, watched(), modality)

    monkeypatch.setattr(engines.JaxRunner, "stream", stream)
    close(model.embed(pictures, "visible"), want["visible"])
    assert seen == [8, 8]  # thirteen, the last five padded


def opened(files):
    return [Image.open(path) for path in files]


@pytest.mark.parametrize(
    "make",
    [
        lambda files, pictures: [str(path) for path in files],
        lambda files, pictures: files[0].parent,
        lambda files, pictures: str(files[0].parent),
        lambda files, pictures: pictures,
        lambda files, pictures: tuple(pictures),
        lambda files, pictures: [Image.fromarray(p) for p in pictures],
        lambda files, pictures: (p for p in pictures),
        lambda files, pictures: iter(files),
        lambda files, pictures: [*files[:4], *pictures[4:8], *opened(files[8:])],
    ],
    ids=[
        "str",
        "folder",
        "folder-str",
        "arrays",
        "tuple",
        "pillow",
        "generator",
        "iterator",
        "mixed",
    ],
)
def test_whatever_images_come_as(model, files, pictures, want, make):
    close(model.embed(make(files, pictures), "visible"), want["visible"])


def test_one_image(model, files, pictures, want):
    for one in (files[2], str(files[2]), pictures[2], Image.open(files[2])):
        close(model.embed(one, "visible"), want["visible"][2:3])


def test_a_batch_as_one_array(model, pictures, want):
    same = [place for place, p in enumerate(pictures) if p.shape[:2] == SIZE]
    batch = np.stack([pictures[place] for place in same])
    assert len(batch) > 3
    close(model.embed(batch, "visible"), want["visible"][same])
    close(model.embed(batch[:0], "visible"), want["visible"][:0])
    assert model.embed([], "visible").shape == (0, 512)


@settings(max_examples=12, deadline=None)
@given(number=st.integers(0, 13), batch_size=st.integers(1, 16))
def test_batches_make_no_difference(model, pictures, want, number, batch_size):
    rows = model.embed(pictures[:number], "visible", batch_size=batch_size)
    assert rows.shape == (number, 512)
    close(rows, want["visible"][:number])


def test_grey_and_transparent_arrays(model, pictures, rng):
    grey = rng.integers(0, 256, (20, 12), dtype=np.uint8)
    as_rgb = np.repeat(grey[..., None], 3, 2)
    got = model.embed([grey, grey[..., None], as_rgb], "infrared")
    np.testing.assert_array_equal(got[0], got[2])
    np.testing.assert_array_equal(got[1], got[2])
    alpha = rng.integers(0, 256, (*pictures[0].shape[:2], 1), dtype=np.uint8)
    both = [np.concatenate([pictures[0], alpha], 2), pictures[0]]
    got = model.embed(both, "visible")
    np.testing.assert_array_equal(got[0], got[1])


def test_order_of_colours_counts(model, pictures):
    rows = model.embed([pictures[1], pictures[1][..., ::-1]], "visible")
    assert np.abs(rows[0] - rows[1]).max() > 0.01


def test_flip_averages_with_the_mirror_image(model, pictures):
    plain = model.embed([pictures[1], pictures[1][:, ::-1]], "visible")
    total = plain.sum(0)
    close(
        model.embed(pictures[1], "visible", flip=True)[0],
        total / np.linalg.norm(total),
    )


def test_an_image_that_cannot_be_read_stops_it(model, files, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(files[0].read_bytes()[:40])
    with pytest.raises(DataError, match=r"broken\.png .*on_error=\"skip\""):
        model.embed([*files, broken], "visible")
    with pytest.raises(DataError, match=r"/none\.jpg: no such file or folder"):
        model.embed(tmp_path / "none.jpg", "visible")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="there is no image in this folder"):
        model.embed(tmp_path / "empty", "visible")
    assert not [t for t in threading.enumerate() if t.name.startswith("images")]


def test_images_that_cannot_be_read_are_left_out_by_name(
    model, files, pictures, want, tmp_path
):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    given = [files[0], broken, pictures[1], np.zeros((2, 2), float), files[2], None]
    got = model.embed(given, "visible", on_error="skip")
    assert isinstance(got, Embedded)
    close(got.features, want["visible"][:3])
    assert got.places.tolist() == [0, 2, 4]
    assert got.names == [str(files[0]), "image 2", str(files[2])]
    assert [(s.place, s.name) for s in got.skipped] == [
        (1, str(broken)),
        (3, "image 3"),
        (5, "image 5"),
    ]
    assert "empty (0 bytes)" in got.skipped[0].reason
    assert got.skipped[1].reason == (
        "image 3 is float64, not uint8 (0 to 255), or uint16 with one channel"
    )
    assert (
        got.skipped[2].reason == "image 5 is a NoneType, not a path, picture or array"
    )
    assert got.quality is None
    nothing = model.embed([broken], "visible", on_error="skip")
    assert nothing.features.shape == (0, 512)
    assert nothing.places.tolist() == []


def test_quality(model, rng):
    """Sharp beats blurred beats empty; small counts less."""
    sharp = rng.integers(0, 256, (64, 32, 3), dtype=np.uint8)
    blurred = np.asarray(Image.fromarray(sharp[:6, :3]).resize((32, 64)))
    empty = np.full((64, 32, 3), 90, np.uint8)
    small = np.asarray(Image.fromarray(sharp).resize((8, 16)))
    got = model.embed([sharp, blurred, empty, small], "visible", with_quality=True)
    quality = got.quality
    assert quality.height.tolist() == [64, 64, 64, 16]
    assert quality.width.tolist() == [32, 32, 32, 8]
    assert quality.sharpness[0] > 10 * quality.sharpness[1]
    assert quality.sharpness[2] == quality.contrast[2] == 0
    assert quality.score[0] == 1
    assert quality.score[0] > quality.score[1] > quality.score[2] > 0
    assert quality.score[3] <= 0.25  # of the model's pixels it has a quarter


def test_contrast_and_sharpness_by_hand(model):
    """A single bright pixel: the Laplacian is -4, 1, 1, 1, 1 times its level."""
    from ceil_jax.model.quality import measure

    image = np.zeros((1, 7, 7, 3), np.uint8)
    image[0, 3, 3] = 100
    got = measure(image, np.array([[7, 7]]))
    laplacian = np.zeros(25)
    laplacian[:5] = -400, 100, 100, 100, 100
    assert got.sharpness[0] == pytest.approx(laplacian.var(), rel=1e-5)
    grey = np.zeros(49)
    grey[0] = 100
    assert got.contrast[0] == pytest.approx(grey.std(), rel=1e-5)


def test_tracks_are_weighted_by_quality(model, pictures, want):
    tracks = [pictures[:3], [pictures[3]], np.stack([pictures[4], pictures[5]])]
    got = model.embed_tracks(tracks, "visible")
    score = model.embed(pictures, "visible", with_quality=True).quality.score
    for row, places in zip(got, ([0, 1, 2], [3], [4, 5]), strict=True):
        total = (score[places, None] * want["visible"][places]).sum(0)
        close(row, total / np.linalg.norm(total))
    assert len({float(s) for s in score[:3]}) > 1
    with pytest.raises(ValueError, match="track 1 has no image"):
        model.embed_tracks([pictures[:1], []], "visible")


def test_tracks_do_without_broken_images(model, pictures, tmp_path):
    (tmp_path / "broken.jpg").touch()
    broken = tmp_path / "broken.jpg"
    with pytest.raises(DataError, match=r"broken\.jpg"):
        model.embed_tracks([[broken, pictures[0]]], "visible")
    got = model.embed_tracks(
        [[broken, pictures[0]], [pictures[1]]], "visible", on_error="skip"
    )
    close(got, model.embed(pictures[:2], "visible"))
    with pytest.raises(DataError, match="track 1: none of its images can be read"):
        model.embed_tracks([[pictures[0]], [broken]], "visible", on_error="skip")


def deep(folder, number: int, low: int, high: int):
    path = folder / f"{number}.png"
    ramp = np.linspace(low, high, 32 * 16).reshape(32, 16).astype(np.uint16)
    Image.fromarray(ramp).save(path)
    return path


def test_deep_images_use_one_range(variables, model, tmp_path):
    """The two ramps are different people: each over its own range would be equal."""
    paths = [deep(tmp_path, 0, 7000, 7200), deep(tmp_path, 1, 8000, 8200)]
    rows = model.embed(paths, "infrared")
    assert np.abs(rows[0] - rows[1]).max() > 0.01
    low, high = 7000, 8200
    by_hand = []
    for path in paths:
        shares = (np.asarray(Image.open(path), float) - low) / (high - low)
        by_hand.append(np.round(255 * np.clip(shares, 0, 1)).astype(np.uint8))
    given = model.embed(paths, "infrared", value_range=(low, high))
    close(given, model.embed(by_hand, "infrared"))
    of_training = Model(
        variables, info_of(variables, value_ranges={"infrared": (low, high)})
    )
    np.testing.assert_array_equal(of_training.embed(paths, "infrared"), given)
    np.testing.assert_array_equal(of_training.embed(iter(paths), "infrared"), given)
    arrays = [np.asarray(Image.open(path)).astype(np.uint16) for path in paths]
    np.testing.assert_array_equal(of_training.embed(arrays, "infrared"), given)
    close(of_training.embed(arrays[0], "infrared"), given[:1])


def test_deep_images_without_a_range_are_refused(model, tmp_path):
    path = deep(tmp_path, 0, 7000, 7200)
    array = np.asarray(Image.open(path)).astype(np.uint16)
    with Image.open(path) as picture:
        for images in (array, [array], iter([path]), [picture]):
            with pytest.raises(DataError, match=r"give value_range=\(low, high\)"):
                model.embed(images, "infrared")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"modality": "thermal"},
            "modality='thermal' must be one of visible, infrared",
        ),
        ({"on_error": "ignore"}, "on_error='ignore' must be one of raise, skip"),
        ({"engine": "tensorrt"}, "engine='tensorrt' must be one of jax, onnxruntime"),
        ({"batch_size": 0}, "batch_size=0 must be at least 1"),
        ({"batch_size": 2.5}, "batch_size=2.5 must be a whole number"),
        ({"images": 7}, "images of the type int must be paths, a folder"),
    ],
)
def test_wrong_arguments(model, pictures, arguments, text):
    images = arguments.pop("images", pictures)
    modality = arguments.pop("modality", "visible")
    with pytest.raises(ValueError, match=text):
        model.embed(images, modality, **arguments)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((4, 4, 3), np.float32), "image 0 is float32, not uint8"),
        (np.zeros((4, 4, 3), np.uint16), "image 0 is uint16, not uint8"),
        (np.zeros((4, 4, 5), np.uint8), r"image 0 has the shape \(4, 4, 5\)"),
        (np.zeros((0, 4, 3), np.uint8), r"image 0 has the shape \(0, 4, 3\): it holds"),
        (np.zeros(4, np.uint8), "image 0 is a uint8, not a path"),
    ],
)
def test_wrong_arrays(model, array, text):
    with pytest.raises(DataError, match=text):
        model.embed(array, "visible")


def test_weights_that_are_no_good(variables, pictures):
    broken = {**variables, "params": {**variables["params"]}}
    broken["params"]["norm"] = {"scale": np.full(512, np.nan, np.float32)}
    model = Model(broken, info_of(variables))
    with pytest.raises(
        ValueError, match="13 images are not finite, the first of image 0"
    ):
        model.embed(pictures, "visible")


def test_a_model_says_what_it_is(model):
    text = repr(model)
    assert "width 16" in text
    assert "32 x 16 pixels" in text
    assert "trained on: unknown" in text
    assert model.info.embedding_size == 512
    assert model.info.modalities == ("visible", "infrared")
    assert model.info.epoch is None
