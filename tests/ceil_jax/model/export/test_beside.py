"""What stands in and beside an ONNX file for the programs that read it."""

import ast
import json

import numpy as np
import onnx
import pytest

import ceil_jax
from ceil_jax.experiment import engine
from ceil_jax.experiment.config import Config, EncoderConfig
from ceil_jax.model import export
from tests.ceil_jax.model.export import given

FACTS = {
    "ceil.version": ceil_jax.__version__,
    "ceil.architecture": {"stage_sizes": [1, 1, 1, 1], "width": 16},
    "ceil.size": [96, 48],
    "ceil.mean": [0.485, 0.456, 0.406],
    "ceil.std": [0.229, 0.224, 0.225],
    "ceil.colour": "RGB",
    "ceil.modality": "infrared",
    "ceil.num_features": 512,
}


@pytest.fixture(scope="module", params=export.TARGETS)
def written(request, tmp_path_factory):
    """The target, and its files by name."""
    path = tmp_path_factory.mktemp(request.param) / "model.onnx"
    names = export.write_onnx(
        path,
        given.models()["shipped"],
        modality="infrared",
        image_size=given.SIZE,
        target=request.param,
    )
    assert sorted(names) == sorted(path.parent.iterdir())
    assert names[-1] == path
    return request.param, {name.name: name for name in names}


def facts(target):
    """All of them; the digest is the one that a run's figures carry."""
    variables = given.models()["shipped"]
    config = Config(
        image_size=given.SIZE,
        encoder=EncoderConfig(stage_sizes=(1, 1, 1, 1), width=16),
    )
    digest = engine.model_digest(config, variables)
    return {**FACTS, "ceil.target": target, "ceil.digest": digest}


def test_the_file_says_what_it_is(written):
    target, files = written
    properties = onnx.load(files["model.onnx"]).metadata_props
    found = {each.key: each.value for each in properties}
    want = facts(target)
    assert found.keys() == want.keys()
    for name, value in want.items():
        text = found[name]
        assert (text if isinstance(value, str) else json.loads(text)) == value


class Backend:
    """What Ultralytics does with a file's metadata, by its documented behaviour."""

    INTEGERS = ("stride", "batch", "channels")
    LITERALS = ("imgsz", "names", "kpt_shape", "kpt_names", "args", "end2end")

    def __init__(self, metadata):
        self.device = self.fp16 = self.task = object()
        for name, value in metadata.items():
            if name in self.INTEGERS:
                metadata[name] = int(value)
            elif name in self.LITERALS:
                metadata[name] = ast.literal_eval(value)
        self.__dict__.update(metadata)


def test_metadata_breaks_no_reader_that_makes_attributes_of_it(written):
    _, files = written
    properties = onnx.load(files["model.onnx"]).metadata_props
    metadata = {each.key: each.value for each in properties}
    plain = vars(Backend({})).keys()
    assert not metadata.keys() & {*plain, *Backend.INTEGERS, *Backend.LITERALS}
    assert all(name.startswith("ceil.") for name in metadata)
    assert vars(Backend(metadata)).keys() == plain | metadata.keys()
    with pytest.raises(ValueError, match="invalid literal"):
        Backend({"batch": "dynamic"})


def test_each_target_has_its_own_files(written):
    target, files = written
    beside = {
        "boxmot": {"model.onnx.metadata.json"},
        "deepstream": {"model.onnx.deepstream.yml"},
    }
    assert files.keys() == {"model.onnx"} | beside.get(target, set())


def test_boxmot_s_metadata(written):
    target, files = written
    if target != "boxmot":
        return
    found = json.loads(files["model.onnx.metadata.json"].read_text())
    ours = {name: found.pop(name) for name in [*found] if name.startswith("ceil.")}
    assert ours == facts(target)
    assert found == {
        "schema_version": 1,
        "model_name": "resnet50",
        "preprocess": "resize",
        "model_kwargs_schema_version": 1,
        "model_kwargs": {"img_size": [96, 48]},
    }


def test_deepstream_s_block(written):
    target, files = written
    if target != "deepstream":
        return
    text = files["model.onnx.deepstream.yml"].read_text()
    lines = [line.partition("#")[0].rstrip() for line in text.splitlines()]
    first, *block = [line for line in lines if line]
    assert first == "ReID:"
    assert all(line.startswith("  ") for line in block)
    found = dict(line.strip().split(": ", 1) for line in block)
    values = {name: ast.literal_eval(value.strip()) for name, value in found.items()}
    want = {
        "reidFeatureSize": 512,
        "inferDims": [3, 96, 48],
        "networkMode": 0,
        "inputOrder": 0,
        "colorFormat": 0,
        "offsets": [123.675, 116.28, 103.53],
        "netScaleFactor": 0.01735207,
        "keepAspc": 0,
        "addFeatureNormalization": 0,
        "onnxFile": "model.onnx",
        "modelEngineFile": "model.engine",
    }
    assert values.items() >= want.items()
    assert values.keys() - want.keys() == {
        *("reidType", "batchSize", "workspaceSize", "reidHistorySize"),
        "outputReidTensor",
    }
    scaled = (255 - np.array(want["offsets"])) * want["netScaleFactor"]
    white = (1 - given.MEAN.ravel()) / 0.226
    np.testing.assert_allclose(scaled, white, rtol=1e-6)
