"""Embedding whole image sets."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax import weights
from ceil_jax.common.errors import UserError
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.embedding.embedder import Embedder
from ceil_jax.encoder import Encoder
from ceil_jax.inputs import augment
from ceil_jax.pretrained import SYNTHETIC

ENCODER = Encoder((1, 1, 1, 1), 16)


def image_set(num_images: int) -> ImageSet:
    rng = np.random.default_rng(3)
    numbers = np.zeros(num_images, np.int32)
    return ImageSet(
        ArraySource(rng.integers(0, 256, (num_images, 32, 16, 3)).astype(np.uint8)),
        numbers,
        numbers,
        np.array([f"cam1/{i:04d}.png" for i in range(num_images)], dtype=str),
    )


@pytest.fixture(scope="module")
def variables():
    return weights.load(SYNTHETIC)


@pytest.fixture(scope="module")
def embed():
    """Four images at once, on two devices."""
    return Embedder(ENCODER, num_rows=3, flip=False, devices=jax.devices()[:2])


@pytest.fixture(scope="module")
def direct(variables):
    """Embeddings of all images as one batch, by the encoder itself."""
    apply: Any = ENCODER.apply

    @jax.jit
    def rows(images):
        return apply(variables, visible=augment.normalise(images))

    images = jnp.asarray(image_set(11).images.take(np.arange(11)))
    return [np.asarray(rows(x)) for x in (images, images[:, :, ::-1])]


@pytest.mark.parametrize("num_images", [1, 4, 8, 11])
def test_rows_are_the_encoders(embed, variables, direct, num_images):
    """Whether the last batch is full or not, and in the order of the set."""
    rows = embed(variables, image_set(11).select(np.arange(num_images)), "visible")
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, direct[0][:num_images], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_rows_follow_the_set(embed, variables, direct):
    order = np.array([7, 0, 7, 10])
    rows = embed(variables, image_set(11).select(order), "visible")
    np.testing.assert_allclose(rows, direct[0][order], atol=1e-6)


def test_modalities_have_stems_of_their_own(embed, variables):
    changed = jax.tree.map(np.asarray, variables)
    stem = changed["params"]["infrared_stem"]
    stem["conv1"] = {"kernel": -stem["conv1"]["kernel"]}
    images = image_set(2)
    for modality, is_same in (("visible", True), ("infrared", False)):
        before = embed(variables, images, modality)
        after = embed(changed, images, modality)
        assert np.allclose(before, after, atol=1e-6) is is_same


def test_flipped_rows_are_the_mean_of_both_sides(variables, direct):
    embed = Embedder(ENCODER, num_rows=4, flip=True, devices=jax.devices()[:1])
    rows = embed(variables, image_set(11).select(np.arange(5)), "visible")
    np.testing.assert_allclose(rows, (direct[0] + direct[1])[:5] / 2, atol=1e-6)


def test_an_empty_set_is_refused(embed, variables):
    with pytest.raises(UserError, match="no infrared images"):
        embed(variables, image_set(0), "infrared")


def test_diverged_weights_name_an_image(embed, variables):
    bad = variables | {
        "params": jax.tree.map(lambda p: p * np.nan, variables["params"])
    }
    with pytest.raises(UserError, match=r"6 visible images .* first of cam1/0000\.png"):
        embed(bad, image_set(6), "visible")
