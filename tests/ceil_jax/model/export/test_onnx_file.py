"""ONNX files in the runtimes that read them, fed as their consumers feed them."""

import resource
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from PIL import Image

from ceil_jax.datasets.images import read_image
from ceil_jax.model import export
from tests.ceil_jax.model.export import given

BATCHES = (1, 2, 17)
MODELS = ("shipped", "deep")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("exported")


@pytest.fixture(scope="module")
def files(folder) -> dict[tuple[str, str, str], Path]:
    """A file for every model, modality and target."""
    found = {}
    for model in MODELS:
        for modality in given.MODALITIES:
            for target in export.TARGETS:
                path = folder / f"{model}_{modality}_{target}.onnx"
                export.write_onnx(
                    path,
                    given.models()[model],
                    modality=modality,
                    image_size=given.SIZE,
                    target=target,
                )
                found[model, modality, target] = path
    return found


@pytest.fixture(scope="module", params=["onnxruntime", "openvino"])
def answers(request, files, folder) -> dict[tuple[Path, str], np.ndarray]:
    questions = {
        (path, str(batch)): given.fed(target, given.read(modality)[:batch])
        for (_, modality, target), path in files.items()
        for batch in BATCHES
    }
    return given.ask(request.param, questions, folder)


@pytest.fixture(scope="module")
def wanted() -> dict[tuple[str, str], np.ndarray]:
    return {
        (model, modality): given.rows(variables, modality, given.read(modality))
        for model, variables in given.models().items()
        for modality in given.MODALITIES
    }


@pytest.mark.parametrize("target", export.TARGETS)
@pytest.mark.parametrize("model", MODELS)
def test_rows_are_ours(answers, files, wanted, model, target):
    for modality in given.MODALITIES:
        want = wanted[model, modality]
        for batch in BATCHES:
            got = answers[files[model, modality, target], str(batch)]
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, want[:batch], atol=1e-5, rtol=0)
            np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)


def test_the_modalities_are_told_apart(wanted):
    for model in MODELS[1:]:  # the shipped one was trained on visible images alone
        images = given.read("visible")
        other = given.rows(given.models()[model], "infrared", images)
        assert np.abs(other - wanted[model, "visible"]).max() > 1e-2


@pytest.mark.parametrize("target", export.TARGETS)
def test_graphs_are_what_consumers_need(files, target):
    model = onnx.load(files["deep", "infrared", target])
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    assert model.ir_version == 8
    (images,), (rows,) = model.graph.input, model.graph.output
    assert (images.name, rows.name) == ("images", "embeddings")
    kinds = {"raw": onnx.TensorProto.UINT8}
    kind = kinds.get(target, onnx.TensorProto.FLOAT)
    assert images.type.tensor_type.elem_type == kind
    height, width = given.SIZE
    shape = ["batch", 3, height, width]
    if target == "raw":
        shape = ["batch", "height", "width", 3]
    assert dimensions(images) == shape
    assert dimensions(rows) == ["batch", 256]
    names = [node.name for node in model.graph.node]
    assert len(names) == len(set(names))
    assert {node.domain for node in model.graph.node} == {""}


@pytest.mark.parametrize("target", export.TARGETS)
def test_shapes_can_be_inferred_strictly(files, target):
    model = onnx.load(files["deep", "visible", target])
    onnx.checker.check_model(model, full_check=True)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(
        model, check_type=True, strict_mode=True, data_prop=True
    )
    assert dimensions(inferred.graph.output[0])[1] == 256


def dimensions(value: Any) -> list[int | str]:
    found = value.type.tensor_type.shape.dim
    return [each.dim_param or each.dim_value for each in found]


@pytest.mark.parametrize("target", export.TARGETS[1:])
def test_wrong_sizes_fail_loudly(files, target):
    path = files["shipped", "visible", target]
    session = onnxruntime.InferenceSession(path)
    compiled = openvino.Core().compile_model(path, "CPU")
    height, width = given.SIZE
    for shape in ((1, 3, height - 1, width), (1, 3, 256, 128), (1, 1, height, width)):
        x = np.zeros(shape, np.float32)
        with pytest.raises(Exception, match=r"Got: .* Expected: "):
            session.run(None, {"images": x})
        with pytest.raises(RuntimeError, match="incompatible"):
            compiled(x)


def test_raw_takes_bytes_of_three_colours_only(files):
    session = onnxruntime.InferenceSession(files["shipped", "visible", "raw"])
    for shape, kind in (((1, 9, 9, 3), np.float32), ((1, 9, 9, 4), np.uint8)):
        with pytest.raises(Exception, match=r"INVALID_ARGUMENT|Expected"):
            session.run(None, {"images": np.zeros(shape, kind)})


EXTREME = [(1, 1), (1, 400), (400, 1), (5, 3), (97, 48), (96, 49), (700, 500)]


@pytest.fixture(scope="module", params=given.MODALITIES)
def other_sizes(request, tmp_path_factory) -> tuple[str, list[np.ndarray], np.ndarray]:
    """Pictures of any size, and our rows of them by way of image files."""
    folder, modality = tmp_path_factory.mktemp("pictures"), request.param
    pictures = [*given.people(modality)]
    for i, (height, width) in enumerate(EXTREME):
        picture = Image.fromarray(pictures[i]).resize((width, height))
        pictures.append(np.array(picture))
    read = []
    for i, picture in enumerate(pictures):
        path = folder / f"{i}.png"
        Image.fromarray(picture).save(path)
        read.append(read_image(path, given.SIZE))
    variables = given.models()["shipped"]
    return modality, pictures, given.rows(variables, modality, np.stack(read))


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_raw_resizes_as_our_reader_does(other_sizes, files, folder, runtime):
    modality, pictures, want = other_sizes
    path = files["shipped", modality, "raw"]
    questions = {(path, str(i)): x[None] for i, x in enumerate(pictures)}
    got = given.ask(runtime, questions, folder)
    found = np.concatenate([got[key] for key in questions])
    np.testing.assert_allclose(found, want, atol=1e-3, rtol=0)
    apart = np.linalg.norm(found[:, None] - want[None], axis=2)
    np.testing.assert_array_equal(apart.argmin(1), np.arange(len(want)))


def test_a_model_in_memory_is_that_of_the_file(files):
    made = export.onnx_model(
        given.models()["deep"],
        modality="visible",
        image_size=[*given.SIZE],
        target="boxmot",
    )
    path = files["deep", "visible", "boxmot"]
    assert made.SerializeToString() == path.read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modality": "thermal"}, "modality='thermal' must be one of visible"),
        ({"target": "tensorrt"}, "target='tensorrt' must be one of raw, boxmot"),
        ({"image_size": (96,)}, r"image_size=\(96,\) must be \(height, width\)"),
        ({"image_size": (96, 8)}, "whole numbers from 16 on"),
        ({"image_size": (96.5, 48)}, "whole numbers from 16 on"),
        ({"variables": {"params": {}, "batch_stats": {}}}, "no weights of an encoder"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    arguments: Any = {
        "variables": given.models()["shipped"],
        "modality": "visible",
        "image_size": given.SIZE,
    }
    arguments |= change
    variables = arguments.pop("variables")
    with pytest.raises(ValueError, match=message):
        export.onnx_model(variables, **arguments)


def test_weights_that_diverged_are_not_exported():
    variables = given.random_variables((1, 1, 1, 1), 2)
    variables["params"]["norm"]["scale"][3] = np.nan
    with pytest.raises(ValueError, match=r"\['norm'\]\['scale'\] is not finite"):
        export.onnx_model(variables, modality="visible", image_size=given.SIZE)


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text("old")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        with pytest.raises(OSError, match="MiB are needed"):
            export.write_onnx(
                path,
                given.models()["shipped"],
                modality="visible",
                image_size=given.SIZE,
                target="boxmot",
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.slow
@pytest.mark.parametrize("modality", given.MODALITIES)
def test_the_paper_s_encoder(tmp_path, modality):
    size = (288, 144)
    variables = given.random_variables((3, 4, 6, 3), 64)
    path = tmp_path / "model.onnx"
    export.write_onnx(path, variables, modality=modality, image_size=size)
    images = given.read(modality, size)[:3]
    want = given.rows(variables, modality, images)
    other = given.people(modality)[5]
    questions = {(path, "3"): images, (path, "1"): images[:1], (path, "o"): other[None]}
    want_other = given.rows(variables, modality, given.read(modality, size)[5:6])
    for runtime in ("onnxruntime", "openvino"):
        got = given.ask(runtime, questions, tmp_path)
        np.testing.assert_allclose(got[path, "3"], want, atol=1e-5, rtol=0)
        np.testing.assert_allclose(got[path, "1"], want[:1], atol=1e-5, rtol=0)
        np.testing.assert_allclose(got[path, "o"], want_other, atol=1e-3, rtol=0)
