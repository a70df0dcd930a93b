"""Paths of exported files as users write them."""

import os

import pytest

from ceil_jax.common.errors import DataError
from ceil_jax.model import export
from tests.ceil_jax.model.export import given

MAKERS = {
    "a.onnx": lambda path, v: export.write_onnx(
        path, v, modality="visible", image_size=given.SIZE, target="boxmot"
    ),
    "a.stablehlo": lambda path, v: export.write_stablehlo(
        path, v, modality="visible", image_size=given.SIZE
    ),
    "a.safetensors": lambda path, v: export.write_torch(path, v, image_size=given.SIZE),
    "a.pth": lambda path, v: export.write_torch(path, v, image_size=given.SIZE),
}


class Place(os.PathLike[str]):
    """A path of another library."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __fspath__(self) -> str:
        return self.text


@pytest.mark.parametrize("name", MAKERS)
def test_text_and_paths_of_any_library(name, tmp_path, monkeypatch):
    variables = given.models()["shipped"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    want = [each.name for each in MAKERS[name](tmp_path / name, variables)]
    assert want[-1] == name
    contents = []
    for form in (name, Place(str(tmp_path / name)), f"~/{name}"):
        written = MAKERS[name](form, variables)
        assert [each.name for each in written] == want
        assert all(each.is_file() for each in written)
        contents.append(written[-1].read_bytes())
    assert (tmp_path / "home" / name).is_file()
    if name.endswith((".onnx", ".safetensors")):
        assert len({*contents}) == 1


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_no_path_is_named(name):
    with pytest.raises(DataError, match="null character"):
        MAKERS[name](f"\0{name}", given.models()["shipped"])
