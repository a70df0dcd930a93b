"""Image sets embedded by other engines than JAX, as JAX embeds them."""

import jax
import numpy as np
import pytest

from ceil_jax import weights
from ceil_jax.common.errors import UserError
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.embedding.embedder import Embedder
from ceil_jax.encoder import Encoder
from ceil_jax.experiment import build, packaged
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.runtimes import EngineEmbedder
from ceil_jax.model import engines
from ceil_jax.pretrained import SYNTHETIC

SIZE = (32, 16)


def image_set(count: int) -> ImageSet:
    draw = np.random.default_rng(count)
    pixels = draw.integers(0, 256, (count, *SIZE, 3), dtype=np.uint8)
    labels = np.zeros(count, np.int32)
    names = np.array([f"{number}.png" for number in range(count)])
    return ImageSet(ArraySource(pixels), labels, labels, names)


@pytest.fixture(scope="module")
def variables():
    return weights.load(SYNTHETIC)


@pytest.mark.parametrize("flip", [False, True])
def test_rows_are_those_of_jax(variables, flip):
    """Eleven images are a batch and a padded one; mirrored rows stay shorter than 1."""
    devices = jax.local_devices()[:1]
    encoder = Encoder(*weights.architecture(variables))
    want = Embedder(encoder, num_rows=16, flip=flip, devices=devices)
    got = EngineEmbedder("onnxruntime", SIZE, flip=flip)
    assert (want.name, got.name) == ("jax", "onnxruntime")
    for modality in ("visible", "infrared"):
        rows = got(variables, image_set(11), modality)
        assert rows.shape == (11, 512)
        np.testing.assert_allclose(
            rows, want(variables, image_set(11), modality), atol=1e-5
        )
    assert (np.linalg.norm(rows, axis=1) < 0.9999).all() == flip


def test_what_auto_chose_is_kept(variables, monkeypatch, capsys):
    asked = []

    def probe(runners, image_size, modality):
        asked.append(modality)
        return [engines.Probed("onnxruntime", 0.1, 0.0)]

    monkeypatch.setattr(engines, "probe", probe)
    embedder = EngineEmbedder("auto", SIZE, flip=False)
    assert embedder.name == "auto"
    for modality in ("visible", "infrared"):
        embedder(variables, image_set(2), modality)
        assert embedder.name == "onnxruntime"
    assert asked == ["visible"]
    assert capsys.readouterr().err.startswith("engine onnxruntime for visible ")


def test_no_images_and_weights_that_diverged(variables):
    embedder = EngineEmbedder("jax", SIZE, flip=False)
    with pytest.raises(UserError, match="there are no visible images to embed"):
        embedder(variables, image_set(0), "visible")
    norm = {"scale": np.full(512, np.nan, np.float32)}
    broken = {**variables, "params": {**variables["params"], "norm": norm}}
    with pytest.raises(UserError, match=r"3 visible .* first of 0\.png: the weights"):
        embedder(broken, image_set(3), "visible")


def test_half_precision_is_computed_by_jax_alone():
    config = Config()
    config.encoder.dtype = "bfloat16"
    build.check_engine(config)
    config.evaluation.engine = "auto"
    with pytest.raises(UserError, match=r"engine=auto computes in float32, this enc"):
        build.check_engine(config)


def test_an_engine_names_its_extra(monkeypatch):
    config = Config()
    config.evaluation.engine = "openvino"
    missing = {**packaged.extras.EXTRAS, "openvino": ("no_such",)}
    monkeypatch.setattr(packaged.extras, "EXTRAS", missing)
    packaged.require("prepare", config)
    for mode in ("train", "evaluate", "trials"):
        with pytest.raises(packaged.extras.MissingExtraError, match=r"engine=openvino"):
            packaged.require(mode, config)
    config.evaluation.engine = "auto"
    packaged.require("evaluate", config)
