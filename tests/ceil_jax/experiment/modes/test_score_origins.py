"""Scoring what `--mode embed` wrote: of one model, each image as what it is."""

import json

import numpy as np
import pytest

from ceil_jax import main
from ceil_jax.common.errors import UserError
from ceil_jax.evaluation import feature_writing
from ceil_jax.experiment import compilation
from ceil_jax.experiment.modes import score, score_splits
from tests.ceil_jax.experiment.modes.test_score import columns_of, save

pytestmark = pytest.mark.usefixtures("own_cache")

ONE, OTHER = "0123456789ab" + "0" * 52, "f" * 64


def embedded(folder, config, suffix=".npz", models=(ONE, ONE), kinds=None, trial=1):
    """A file for each modality, as two calls of `--mode embed` write them."""
    names, rows = columns_of(config, trial)
    is_visible = np.char.startswith(names, "Visible/")
    files = []
    for number, side in enumerate((is_visible, ~is_visible)):
        path = folder / f"{'vi'[number]}{trial}{suffix}"
        columns = {
            "features": rows[side].astype(np.float32),
            "name": names[side],
            "modality": np.full(16, (kinds or ("visible", "infrared"))[number]),
            "model": np.full(16, models[number]),
        }
        feature_writing.save(path, columns)
        files.append(str(path))
    return files


def read(path):
    return json.loads(path.read_text())


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".parquet"])
def test_the_model_s_digest_goes_into_the_record(suffix, config, tmp_path):
    files = embedded(tmp_path, config, suffix)
    score.score_features(config, tmp_path / "out", files)
    record = read(tmp_path / "out" / "results.json")
    assert record["features"]["model"] == ONE
    assert record["features"]["digest"] == record["engine"]["model"] != ONE
    plain = save(tmp_path / "plain.npz", *columns_of(config))
    score.score_features(config, tmp_path / "plain", plain)
    assert "model" not in read(tmp_path / "plain" / "results.json")["features"]


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".parquet"])
def test_two_models_are_refused(suffix, config, tmp_path):
    files = embedded(tmp_path, config, suffix, models=(ONE, OTHER))
    with pytest.raises(UserError) as caught:
        score.score_features(config, tmp_path / "out", files)
    assert str(caught.value) == (
        f"{files[0]} and {files[1]} are of two models, 0123456789ab and ffffffffffff: "
        "embed all images by one model"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".parquet"])
def test_images_embedded_as_the_other_modality_are_refused(
    suffix, config, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(compilation, "use_cache", lambda folder: None)
    files = embedded(tmp_path, config, suffix, kinds=("visible", "visible"))
    words = [f"--features={path}" for path in files]
    words += [f"--config.data_dir={config.data_dir}", "--config.allow_partial=True"]
    start = ["main", "--mode=score", "--config=regdb", f"--workdir={tmp_path / 'out'}"]
    assert main.main([*start, *words]) == 2
    first = next(n for n in columns_of(config)[0] if n.startswith("Thermal/"))
    out, error = capsys.readouterr()
    assert out == ""
    assert error.splitlines()[-1] == (
        f"error: {files[1]}: 16 infrared test images were embedded as visible ones, "
        f"the first {first}: embed them with --modality infrared"
    )
    assert not (tmp_path / "out").exists()


def test_the_export_s_column_is_looked_at_too(config, tmp_path):
    names, rows = columns_of(config)
    kinds = np.where(np.char.startswith(names, "Visible/"), "visible", "infrared")
    path = tmp_path / "f.npz"
    np.savez(path, features=rows, name=names, modality=kinds)
    score.score_features(config, tmp_path / "out", [str(path)])
    np.savez(path, features=rows, name=names, modality=kinds[::-1])
    with pytest.raises(UserError, match="16 visible test images were embedded as inf"):
        score.score_features(config, tmp_path / "other", [str(path)])


def test_columns_of_another_program_are_left_alone(config, tmp_path):
    files = embedded(tmp_path, config, models=("resnet50", "vit"), kinds=("rgb", "rgb"))
    score.score_features(config, tmp_path / "out", files)
    assert "model" not in read(tmp_path / "out" / "results.json")["features"]


def test_splits_have_a_model_each(config, tmp_path):
    for trial, digest in ((1, ONE), (2, OTHER)):
        embedded(tmp_path, config, models=(digest, digest), trial=trial)
    files = [str(tmp_path / (side + "{split}.npz")) for side in "vi"]
    score_splits.score_splits(config, tmp_path / "out", files, trials="1-2")
    splits = read(tmp_path / "out" / "results.json")["features"]["splits"]
    assert [splits[n]["model"] for n in ("1", "2")] == [ONE, OTHER]
    embedded(tmp_path, config, models=(ONE, OTHER), trial=2)
    with pytest.raises(UserError, match=r"^split 2: .*v2\.npz and .*i2\.npz are of tw"):
        score_splits.score_splits(config, tmp_path / "other", files, trials="1-2")
    assert not (tmp_path / "other").exists()
