"""Models and modalities of rows, from every kind of file that `--mode embed` writes."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation import feature_files, feature_parts, feature_writing

NAMES = ["a/1.png", "a/2.png", "é,3.png"]
ROWS = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
ONE, OTHER = "0123456789ab" + "0" * 52, "f" * 64
SUFFIXES = (".npz", ".npy", ".parquet")


def columns(models=ONE, modalities="visible"):
    return {
        "features": ROWS,
        "name": np.array(NAMES),
        "modality": np.broadcast_to(modalities, 3).astype(str),
        "model": np.broadcast_to(models, 3).astype(str),
    }


def given(path, **told):
    feature_writing.save(path, columns(**told))
    return feature_files.read(str(path))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_embed_writes_is_read(suffix, tmp_path):
    kinds = ["visible", "infrared", "visible"]
    found = given(tmp_path / f"f{suffix}", models=[ONE, ONE, OTHER], modalities=kinds)
    assert found.names == NAMES
    assert found.models is not None
    assert found.models.tolist() == [ONE, ONE, OTHER]
    assert found.modalities is not None
    assert found.modalities.tolist() == kinds
    assert (found.lengths, found.is_trained_on) == (None, None)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("models", "modalities"),
    [("resnet50", "rgb"), (["", ONE, ONE], ["visible", "", ""]), (ONE.upper(), "IR")],
)
def test_columns_of_other_programs_are_left_alone(suffix, models, modalities, tmp_path):
    found = given(tmp_path / f"f{suffix}", models=models, modalities=modalities)
    assert (found.models, found.modalities) == (None, None)
    assert feature_parts.joined([found]) is found
    assert feature_parts.model_of(found) == ""
    feature_parts.check_modalities(found, np.arange(3), NAMES, 0)


def test_columns_of_other_types_are_left_alone(tmp_path):
    plain = {"features": ROWS, "name": np.array(NAMES)}
    others = [
        {"model": np.array(7), "modality": np.array([1, 2, 3])},
        {"model": np.array([ONE] * 2), "modality": np.array([None] * 3, object)},
        {"model": np.array([[ONE]] * 3), "modality": np.array([b"visible"] * 3)},
    ]
    for number, other in enumerate(others):
        np.savez(tmp_path / f"{number}.npz", allow_pickle=True, **plain, **other)
        found = feature_files.read(str(tmp_path / f"{number}.npz"))
        assert (found.models, found.modalities) == (None, None)
    table = {"name": NAMES, "features": ROWS.tolist(), "model": [ONE, None, ONE]}
    parquet.write_table(
        pa.table(table | {"modality": [1, 2, 3]}), tmp_path / "f.parquet"
    )
    found = feature_files.read(str(tmp_path / "f.parquet"))
    assert (found.models, found.modalities) == (None, None)


def test_files_of_one_model_are_joined(tmp_path):
    one = given(tmp_path / "v.npz")
    other = given(tmp_path / "i.parquet", modalities="infrared")
    found = feature_parts.joined([one, other])
    assert found.names == NAMES * 2
    assert feature_parts.model_of(found) == ONE
    assert found.files == ((tmp_path / "v.npz", 3), (tmp_path / "i.parquet", 3))
    np.savez(tmp_path / "bare.npz", features=ROWS, name=NAMES)
    bare = feature_files.read(str(tmp_path / "bare.npz"))
    mixed = feature_parts.joined([bare, one])
    assert feature_parts.model_of(mixed) == ""  # not told of every row
    assert mixed.modalities is not None
    assert mixed.modalities.tolist() == [""] * 3 + ["visible"] * 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_of_two_models_are_refused(suffix, tmp_path):
    paths = [tmp_path / f"{name}{suffix}" for name in "vi"]
    parts = [given(paths[0]), given(paths[1], models=OTHER)]
    with pytest.raises(UserError) as caught:
        feature_parts.joined(parts)
    assert str(caught.value) == (
        f"{paths[0]} and {paths[1]} are of two models, 0123456789ab and ffffffffffff: "
        "embed all images by one model"
    )


def test_the_third_file_and_one_file_of_two_models(tmp_path):
    np.savez(tmp_path / "a.npz", features=ROWS, name=NAMES)
    bare = feature_files.read(str(tmp_path / "a.npz"))
    parts = [bare, given(tmp_path / "b.npz"), given(tmp_path / "c.npz", models=OTHER)]
    with pytest.raises(UserError, match=r"b\.npz and .*c\.npz are of two models, 012"):
        feature_parts.joined(parts)
    both = given(tmp_path / "d.npz", models=[OTHER, ONE, ONE])
    with pytest.raises(UserError, match=r"^rows of .*d\.npz are of two models, ffff"):
        feature_parts.joined([both])


def test_a_wrong_modality_names_the_file_and_the_first_image(tmp_path):
    one, other = given(tmp_path / "v.npz"), given(tmp_path / "i.npz")
    found = feature_parts.joined([one, other])
    wanted = ["V/1", "V/2", "T/1", "T/2"]
    feature_parts.check_modalities(found, np.array([0, 1, 2, 3]), wanted, 4)
    with pytest.raises(UserError) as caught:
        feature_parts.check_modalities(found, np.array([0, 5, 4, 3]), wanted, 2)
    assert str(caught.value) == (
        f"{tmp_path / 'i.npz'}: 2 infrared test images were embedded as visible ones, "
        "the first T/1: embed them with --modality infrared"
    )
    with pytest.raises(UserError, match=r"v\.npz: 1 infrared test images"):
        feature_parts.check_modalities(found, np.array([0, 5, 4, 2]), wanted, 3)
