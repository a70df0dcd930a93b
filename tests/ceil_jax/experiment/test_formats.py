"""What the flags of `--mode export` ask for."""

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import formats
from ceil_jax.experiment.formats import Wanted
from ceil_jax.model import export
from ceil_jax.model.export import facts, onnx_file, stablehlo, torch

BOTH = ("visible", "infrared")


def words(**given):
    return {"format": "", "target": "", "modality": "", "output": ""} | given


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({}, Wanted("npz", "raw", BOTH, "")),
        ({"format": "npz"}, Wanted("npz", "raw", BOTH, "")),
        ({"format": "onnx"}, Wanted("onnx", "raw", BOTH, "")),
        (
            {"format": "onnx", "target": "boxmot", "modality": "infrared"},
            Wanted("onnx", "boxmot", ("infrared",), ""),
        ),
        (
            {"format": "stablehlo", "modality": "visible", "output": "a.stablehlo"},
            Wanted("stablehlo", "raw", ("visible",), "a.stablehlo"),
        ),
        ({"format": "torch", "output": "a.pth"}, Wanted("torch", "raw", BOTH, "a.pth")),
    ],
)
def test_what_is_wanted(given, want):
    assert formats.wanted(words(**given)) == want


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"format": "tf"}, "--format=tf must be one of npz, onnx, stablehlo, torch"),
        ({"format": "onnx", "target": "x"}, "--target=x must be one of raw, boxmot, u"),
        ({"format": "onnx", "modality": "rgb"}, "--modality=rgb must be one of vis"),
        ({"target": "raw"}, r"--target is for --format onnx, not npz \(no --format"),
        ({"format": "torch", "target": "raw"}, "--target is for --format onnx, not t"),
        ({"modality": "visible"}, "--modality is for --format onnx and stablehlo, not"),
        (
            {"format": "torch", "modality": "visible"},
            "--modality is for --format onnx and stablehlo, not torch, which",
        ),
        ({"output": "a.npz"}, "--output is for the other formats than npz"),
        (
            {"format": "onnx", "output": "a.onnx"},
            "--output names one file.* give --modality visible or infrared with it",
        ),
        (
            {"format": "onnx", "modality": "visible", "output": "a"},
            "--output=a must end in .onnx with --format onnx",
        ),
        (
            {"format": "torch", "output": "a.pt"},
            "--output=a.pt must end in .safetensors or .pth with --format torch",
        ),
    ],
)
def test_wrong_combinations_are_one_line(given, message):
    with pytest.raises(UserError, match=message) as caught:
        formats.wanted(words(**given))
    assert "\n" not in str(caught.value)


def test_names_are_those_of_the_exports():
    assert formats.TARGETS == export.TARGETS
    assert formats.MODALITIES == facts.MODALITIES
    assert formats.SUFFIXES == {
        "onnx": (onnx_file.SUFFIX,),
        "stablehlo": (stablehlo.SUFFIX,),
        "torch": torch.SUFFIXES,
    }
