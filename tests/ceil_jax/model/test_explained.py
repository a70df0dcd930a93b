"""A similarity divided among the places of two images."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from ceil_jax.common.errors import DataError
from ceil_jax.encoder import Encoder
from ceil_jax.model import explained

MODALITIES = ("visible", "infrared")


def test_the_shares_sum_to_the_similarity(model, files, pictures):
    rows = [
        model.embed(files[i], m)[0] for i, m in zip((0, 4), MODALITIES, strict=True)
    ]
    found = model.explain(files[0], pictures[4], MODALITIES)
    assert found.similarity == pytest.approx(float(rows[0] @ rows[1]), abs=2e-5)
    for parts, image in zip(found.maps, found.images, strict=True):
        assert parts.shape == (2, 1)  # of 32 x 16 pixels
        assert parts.dtype == np.float32
        assert parts.sum() == pytest.approx(found.similarity, abs=2e-6)
        assert image.shape == (32, 16, 3)
    assert found.images[0].tolist() == pictures_at_size(pictures[0])


def pictures_at_size(picture):
    resized = Image.fromarray(picture).resize((16, 32), Image.Resampling.LANCZOS)
    return np.asarray(resized).tolist()


def test_an_image_is_most_like_itself(model, files):
    found = model.explain(files[2], files[2], ("visible", "visible"))
    assert found.similarity == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(*found.maps)


def test_a_share_is_what_its_place_adds_to_the_pooled_features(model, files):
    """Euler: the pooled mean is of degree 1, so its gradient gives the same shares."""
    found = model.explain(files[1], files[3], ("visible", "visible"))
    other = model.embed(files[3], "visible")[0]
    norm = model.variables["params"]["norm"], model.variables["batch_stats"]["norm"]
    factor = norm[0]["scale"] / np.sqrt(norm[1]["var"] + 1e-5)
    encoder: Any = Encoder((1, 1, 1, 1), 16)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = jnp.asarray((found.images[0][None] / 255 - mean) / std, jnp.float32)
    _, seen = encoder.apply(model.variables, visible=x, capture_intermediates=True)
    features = seen["intermediates"]["stage4_block0"]["__call__"][0][0]

    def unnormalised(features):
        pooled = jnp.cbrt((features**3).mean((0, 1)))
        return (factor * (pooled - norm[1]["mean"])) @ other

    gradient = jax.grad(unnormalised)(features + 1e-12)
    pooled = np.cbrt((np.asarray(features) ** 3).mean((0, 1)))
    length = np.linalg.norm(factor * (pooled - norm[1]["mean"]))
    shift = (factor * norm[1]["mean"]) @ other / features[..., 0].size
    want = (np.asarray((gradient * features).sum(-1)) - shift) / length
    np.testing.assert_allclose(found.maps[0], want, atol=2e-5)


def test_pictures_are_bright_where_the_share_is_large(model, files):
    found = model.explain(files[0], files[5], MODALITIES)
    for picture, image, parts in zip(
        found.pictures(), found.images, found.maps, strict=True
    ):
        assert picture.size == (16, 32)
        light = np.asarray(picture).sum((1, 2)) / np.maximum(image.sum((1, 2)), 1)
        best = int(parts.argmax())
        assert light[0 if best == 0 else -1] >= light[-1 if best == 0 else 0]
        assert (np.asarray(picture) <= image).all()


def test_an_image_that_cannot_be_read_is_named(model, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="broken"):
        model.explain(tmp_path / "broken.png", tmp_path / "broken.png")


def test_another_modality_is_refused(model, files):
    with pytest.raises(ValueError, match="must be one of visible, infrared"):
        model.explain(files[0], files[0], ("visible", "thermal"))


@pytest.mark.parametrize("flip", [False, True])
def test_divided_embeddings_sum_to_those_of_the_model(model, pictures, flip):
    images = np.stack([pictures[i] for i in (1, 2, 4)])  # of the model's size
    found = explained.divide(
        Encoder((1, 1, 1, 1), 16), model.variables, images, "infrared", flip=flip
    )
    assert found.shape == (3, 2, 1, 512)
    rows = model.embed(images, "infrared")
    if flip:  # not of length 1 again
        rows = (rows + model.embed(images[:, :, ::-1], "infrared")) / 2
    np.testing.assert_allclose(found.sum((1, 2)), rows, atol=2e-5)


def test_places_of_a_mirror_image_are_mirrored_back(model, rng):
    images = rng.integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)  # two places wide
    encoder = Encoder((1, 1, 1, 1), 16)
    found, mirrored = (
        explained.divide(encoder, model.variables, given, "visible", flip=True)
        for given in (images, images[:, :, ::-1])
    )
    assert abs(found - found[:, :, ::-1]).max() > 1e-4
    np.testing.assert_allclose(mirrored, found[:, :, ::-1], atol=1e-7)
