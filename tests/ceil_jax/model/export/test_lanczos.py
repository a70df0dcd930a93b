"""Pillow's pixels out of a graph of ONNX."""

import functools

import numpy as np
import onnxruntime
import openvino
import pytest
from PIL import Image

from ceil_jax.model.export.graph import Graph, Value
from ceil_jax.model.export.lanczos import resize
from tests.ceil_jax.model.export import given


@functools.cache
def runners(size):
    """The resizing alone, in both runtimes."""
    graph = Graph()
    resized = resize(graph, "images", size)
    model = graph.model(
        Value("images", "uint8", ("batch", "height", "width", 3)),
        Value(resized, "float32", ("batch", 3, *size)),
        facts={},
        description="",
    ).SerializeToString()
    session = onnxruntime.InferenceSession(model)
    core = openvino.Core()
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(model), "CPU", hints)
    return (
        lambda images: session.run(None, {"images": images})[0],
        lambda images: compiled(images)[0],
    )


def pillow(image, size):
    height, width = size
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(resized).astype(int)


def differences(image, size):
    """Of every pixel, in both runtimes."""
    want = pillow(image, size)
    for run in runners(size):
        got = np.asarray(run(image[None]))[0].transpose(1, 2, 0)
        assert got.shape == want.shape
        np.testing.assert_array_equal(got, got.astype(np.uint8))
        yield np.abs(got - want)


SIZES = [(64, 32), (96, 48), (288, 144), (64, 200)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("modality", given.MODALITIES)
def test_pedestrians(modality, size):
    found = [list(differences(image, size)) for image in given.people(modality)]
    for of_runtime in zip(*found, strict=True):
        values = np.concatenate([d.ravel() for d in of_runtime])
        assert values.max() <= 1
        assert (values > 0).mean() < 1e-3


@pytest.mark.parametrize("size", SIZES[1:])
def test_black_and_white_of_many_sizes(size, rng):
    """The hardest picture, at sizes on both sides of every case of the order."""
    height, width = size
    shapes = [(1, 1), (1, 300), (300, 1), (2, 2), (3, 1000), (1000, 3), (700, 600)]
    shapes += [(height, 20), (20, width), (height, 400), (400, width), (height + 1, 1)]
    shapes += [(2 * height, 2 * width), (2 * height, 2 * width + 1), size]
    # Where Pillow changes the order of its passes, found there by trying.
    shapes += [(height + 2 * n + k, width + n) for n in (1, 60) for k in (-1, 0, 1)]
    shapes += rng.integers(1, 400, (30, 2)).tolist()
    for shape in shapes:
        image = rng.choice(np.array([0, 255], np.uint8), (*shape, 3))
        for difference in differences(image, size):
            assert difference.max() <= 2, shape
            # Shrinking to a half makes ties; the wrong order misses far more.
            assert (difference > 0).mean() < 3e-2, shape


@pytest.mark.parametrize("size", SIZES)
def test_the_model_s_own_size_is_left_as_it_is(size, rng):
    images = rng.integers(0, 256, (3, *size, 3), np.uint8)
    for run in runners(size):
        got = np.asarray(run(images)).transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(got, images)


def test_images_of_a_batch_do_not_mix(rng):
    images = rng.integers(0, 256, (4, 50, 70, 3), np.uint8)
    for run in runners((64, 32)):
        together = run(images)
        alone = np.concatenate([np.asarray(run(image[None])) for image in images])
        np.testing.assert_array_equal(together, alone)
