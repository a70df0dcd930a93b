"""A small model and some pictures."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from ceil_jax import weights
from ceil_jax.encoder import Encoder
from ceil_jax.model import Model
from ceil_jax.model.info import Info, digest_of
from ceil_jax.pretrained import SYNTHETIC

SIZE = (32, 16)
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture(scope="session")
def variables():
    """The shipped weights, whose two stems are alike, with another infrared one."""
    found = weights.load(SYNTHETIC)
    stem = found["params"]["infrared_stem"]["conv1"]
    stem["kernel"] = np.ascontiguousarray(stem["kernel"][::-1])
    return found


def info_of(variables, **more) -> Info:
    digest = digest_of(variables, SIZE)
    return Info("small", weights.architecture(variables), SIZE, digest, **more)


@pytest.fixture(scope="session")
def model(variables) -> Model:
    return Model(variables, info_of(variables))


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Thirteen arrays of different sizes; smooth, so that resizing keeps them apart."""
    draw = np.random.default_rng(3)
    found = []
    for number in range(13):
        height, width = (32, 16) if number % 3 else draw.integers(9, 90, 2).tolist()
        colours = Image.fromarray(draw.integers(0, 256, (5, 3, 3), dtype=np.uint8))
        found.append(
            np.asarray(colours.resize((width, height), Image.Resampling.BICUBIC))
        )
    return found


@pytest.fixture(scope="session")
def files(pictures, tmp_path_factory) -> list[Path]:
    """The same as files, in two folders, in the order of their names."""
    root = tmp_path_factory.mktemp("pictures")
    paths = []
    for number, picture in enumerate(pictures):
        place = root if number < 8 else root / "more"
        place.mkdir(exist_ok=True)
        paths.append(place / f"{number:02}.png")
        Image.fromarray(picture).save(paths[-1])
    (root / "notes.txt").write_text("no image")
    return paths


@pytest.fixture(scope="session")
def want(variables, pictures):
    """Rows by modality, image by image, without any code of the model's room."""
    encoder, rows = Encoder((1, 1, 1, 1), 16), {}
    resized = [
        np.asarray(Image.fromarray(p).resize((16, 32), Image.Resampling.LANCZOS))
        for p in pictures
    ]
    x = jnp.asarray((np.stack(resized) / 255 - MEAN) / STD, jnp.float32)
    for modality in ("visible", "infrared"):
        apply: Any = encoder.apply
        rows[modality] = np.asarray(apply(variables, **{modality: x}))
    return rows


def close(got, wanted):
    np.testing.assert_allclose(got, wanted, atol=2e-6)
