"""The columns of embeddings.npz, row by row; nothing is embedded by a model here."""

import resource
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes import export

VARIABLES = {"params": {}, "batch_stats": {}}


def image_set(first: int, count: int) -> ImageSet:
    """Images whose pixels, labels and names all tell their number."""
    numbers = first + np.arange(count)
    pixels = np.broadcast_to(
        numbers[:, None, None, None].astype(np.uint8), (count, 2, 2, 3)
    )
    return ImageSet(
        ArraySource(np.ascontiguousarray(pixels)),
        (1000 + numbers).astype(np.int32),
        (numbers % 7).astype(np.int32),
        np.array([f"{number:03d}.png" for number in numbers]),
    )


SETS = {
    "train_visible": image_set(10, 3),
    "train_infrared": image_set(40, 4),
    "test_visible": image_set(70, 5),
    "test_infrared": image_set(100, 2),
}


def row_of(number: int, modality: str) -> np.ndarray:
    """A unit row that no other image of either modality has."""
    angle = number / 100 + (0 if modality == "visible" else 2)
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


class FakeEmbedder:
    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, _: Any, images: ImageSet, modality: str) -> np.ndarray:
        pixels = images.images.take(np.arange(len(images)))
        return np.stack([row_of(int(x[0, 0, 0]), modality) for x in pixels])


@pytest.fixture
def exported(monkeypatch):
    def of(embedder: Any = FakeEmbedder, flip=False, **sets: ImageSet):
        splits = types.SimpleNamespace(**(SETS | sets))
        monkeypatch.setattr(export.sources, "load_images", lambda _: splits)
        monkeypatch.setattr(export, "Embedder", embedder)
        config = Config()
        config.evaluation.flip = flip
        return export.embed_everything(config, VARIABLES)

    return of


def test_every_row_is_that_of_its_name(exported):
    found = exported()
    assert len(found.name) == len(set(found.name.tolist())) == 14
    for row, name, modality, camera, identity, split, _ in zip(*found, strict=True):
        number = int(name[:3])
        np.testing.assert_allclose(row, row_of(number, modality), atol=1e-6)
        assert (camera, identity) == (number % 7, 1000 + number)
        images = SETS[f"{split}_{modality}"]
        assert name in images.names


class HalfEmbedder(FakeEmbedder):
    """Rows of half the length, as means of two unit rows may be."""

    def __call__(self, *args: Any) -> np.ndarray:
        return super().__call__(*args) / 2


def test_rows_are_of_length_1_and_what_they_were_stands_beside_them(exported):
    plain = exported()
    assert plain.length.dtype == np.float32
    np.testing.assert_array_equal(plain.length, 1)
    half = exported(HalfEmbedder, flip=True)
    np.testing.assert_allclose(half.features, plain.features, atol=1e-6)
    np.testing.assert_allclose(half.length, 0.5, atol=1e-6)


def test_training_images_come_first_and_visible_ones_before_infrared_ones(exported):
    found = exported()
    assert found.split.tolist() == ["train"] * 7 + ["test"] * 7
    modalities = ["visible"] * 3 + ["infrared"] * 4 + ["visible"] * 5 + ["infrared"] * 2
    assert found.modality.tolist() == modalities
    np.testing.assert_array_equal(
        found.name, np.concatenate([images.names for images in SETS.values()])
    )


def test_a_set_without_images_is_left_out(exported):
    found = exported(train_infrared=image_set(0, 0))
    assert len(found.name) == 10
    assert found.split.tolist() == ["train"] * 3 + ["test"] * 7


def test_the_file_holds_the_columns_by_name(exported, tmp_path):
    found = exported()
    path = export.save(found, tmp_path)
    assert path.name == "embeddings.npz"
    assert [file.name for file in tmp_path.iterdir()] == ["embeddings.npz"]
    with np.load(path) as columns:
        assert set(columns) == set(found._fields)
        for name, column in found._asdict().items():
            np.testing.assert_array_equal(columns[name], column)


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path):
    columns = (np.zeros((1000, 20), np.float32), *[np.zeros(1000)] * 6)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        with pytest.raises(UserError) as caught:
            export.save(export.Exported(*columns), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'embeddings.npz'} cannot be written: ")
    assert "0.1 MiB are needed" in message
    assert "\n" not in message
    assert not list(tmp_path.iterdir())
