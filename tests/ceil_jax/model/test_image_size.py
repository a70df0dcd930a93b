"""The size of a model's images: told by our own files, checked where it is given."""

import json
import os

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from ceil_jax import load
from ceil_jax.common.errors import UserError
from ceil_jax.model import export, image_size
from ceil_jax.pretrained import SYNTHETIC
from ceil_jax.weights import safetensors_file

UNKNOWN = "these weights do not tell whom they were trained on"
WRONG = {
    "one number": (288, "288"),
    "floats": ((288.0, 144.0), r"\(288\.0, 144\.0\)"),
    "nothing": ((0, 0), r"\(0, 0\)"),
    "too small": ((8, 8), r"\(8, 8\)"),
    "negative": ((-64, 32), r"\(-64, 32\)"),
    "text": ("ab", "'ab'"),
    "bytes": (b"@@", "b'@@'"),
    "numbers in text": (("64", "32"), r"\('64', '32'\)"),
    "three": ((64, 32, 3), r"\(64, 32, 3\)"),
    "a set": ({64, 32}, "{32, 64}|{64, 32}"),
    "one number of NumPy": (np.array(64), r"array\(64\)"),
    "rows": (np.full((2, 2), 64), r"<array of shape \(2, 2\)>"),
    "ragged": ([64, [32, 32]], r"\[64, \[32, 32\]\]"),
}


@pytest.fixture(scope="module")
def exported(variables, tmp_path_factory):
    """Both encoders for PyTorch, of images of 64 x 32 pixels."""
    path = tmp_path_factory.mktemp("exported") / "model.safetensors"
    export.write_torch(path, variables, image_size=(64, 32))
    return path


def test_our_export_tells_its_size(exported, variables, pictures):
    model = load(exported)
    assert model.info.image_size == (64, 32)
    assert model.info.warnings == (UNKNOWN,)
    bare = exported.with_name("bare.safetensors")
    save_file(load_file(exported), bare)  # which tells nothing
    want = load(bare, image_size=(64, 32))
    assert model.info.digest == want.info.digest
    got, rows = (m.embed(pictures[:2], "visible") for m in (model, want))
    np.testing.assert_array_equal(got, rows)
    assert load(bare).info.image_size == (288, 144)
    assert "images are resized to 288 x 144" in load(bare).info.warnings[0]


def test_the_weights_of_a_model_folder_tell_their_size(exported, tmp_path):
    folder = load(exported).save(tmp_path / "model")
    with safe_open(folder / "weights.safetensors", framework="numpy") as file:
        assert file.metadata() == {"format": "pt", "ceil.size": "[64, 32]"}
    model = load(folder / "weights.safetensors")
    assert model.info.image_size == (64, 32)
    assert model.info.digest == load(folder).info.digest


def test_the_same_size_may_be_given_and_no_other(exported):
    assert load(exported, image_size=(64, 32)).info.image_size == (64, 32)
    message = (
        rf"^image_size=\(32, 64\): {exported} was made for images of 64 x 32 pixels "
        r"\(its metadata ceil\.size\)$"
    )
    with pytest.raises(ValueError, match=message):
        load(exported, image_size=(32, 64))


@pytest.mark.parametrize("told", ["[0, 0]", "[64]", "64", "{", "null", "[" * 99_999])
def test_a_file_that_tells_no_size_is_named(told, exported, tmp_path):
    path = tmp_path / "wrong.safetensors"
    save_file(load_file(exported), path, {"ceil.size": told})
    with pytest.raises(UserError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: its metadata ceil.size=")
    assert "must be (height, width), whole numbers from 16 on" in text
    assert len(text) < 300


def test_a_folder_of_a_given_size_gives_no_advice_on_it(tmp_path):
    folder = load(SYNTHETIC, image_size=(64, 32)).save(tmp_path / "given")
    assert load(folder).info.warnings == (UNKNOWN,)
    assert "image_size=" not in (folder / "README.md").read_text()
    guessed = load(SYNTHETIC).save(tmp_path / "guessed")
    assert "(image_size= says otherwise)" in load(guessed).info.warnings[0]


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_size_is_one_line(kind, variables, tmp_path):
    given, said = WRONG[kind]
    must = r"must be \(height, width\), whole numbers from 16 on"
    wanted = rf"^image_size=({said}) {must}$"
    with pytest.raises(ValueError, match=wanted):
        load(SYNTHETIC, image_size=given)
    with pytest.raises(ValueError, match=wanted):
        export.write_torch(tmp_path / "a.safetensors", variables, image_size=given)


@pytest.mark.parametrize(
    "given", [[64, 32], np.array([64, 32]), (np.int64(64), np.uint8(32))]
)
def test_any_whole_numbers_become_plain_ones(given, tmp_path):
    model = load(SYNTHETIC, image_size=given)
    assert model.info.image_size == (64, 32)
    assert {*map(type, model.info.image_size)} == {int}
    config = json.loads((model.save(tmp_path / "m") / "config.json").read_text())
    assert config["preprocessing"]["image_size"] == [64, 32]


def test_the_check_names_what_it_is_told():
    with pytest.raises(ValueError, match=r"^size=3 must be"):
        image_size.check(3, "size")


def test_equal_content_is_equal_bytes():
    """The library itself shuffles entries of the metadata."""
    tensors = {"a": np.arange(3, dtype=np.float32), "é": np.zeros((2, 2), np.int64)}
    told = {"format": "pt", "ceil.size": "[64, 32]", "z": "ü"}
    backwards = dict(reversed(told.items()))
    made = [safetensors_file.as_bytes(tensors, m) for m in [told, backwards] * 9]
    assert len({*made}) == 1
    length = int.from_bytes(made[0][:8], "little")
    assert length % 8 == 0
    assert [*json.loads(made[0][8 : 8 + length])["__metadata__"]] == sorted(told)


def test_it_is_read_by_the_library(tmp_path):
    tensors = {"a": np.arange(3, dtype=np.float32), "é": np.ones((2, 2), np.int64)}
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors_file.as_bytes(tensors, {"format": "pt", "z": "ü"}))
    read = load_file(os.fspath(path))
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(read[name], tensor)
    with safe_open(path, framework="numpy") as file:
        assert file.metadata() == {"format": "pt", "z": "ü"}
