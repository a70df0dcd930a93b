"""The files that stand beside an ONNX file, for programs that read such."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ceil_jax.model.export.targets import NET_SCALE_FACTOR, OFFSETS

# BoxMOT: an architecture that it knows by name; for an ONNX file none is built.
_BOXMOT_NAME = "resnet50"


def beside(
    path: Path, target: str, image_size: tuple[int, int], facts: Mapping[str, Any]
) -> dict[Path, str]:
    """What to write beside a model.

    Args:
        path: The model's file.
        target: The program that it is for.
        image_size: (height, width) of its images.
        facts: Of the model, see `facts.of_model`.

    Returns:
        Content by file; none for a target that needs none.
    """
    if target == "boxmot":
        text = json.dumps(boxmot(image_size, facts), indent=2) + "\n"
        return {path.with_name(f"{path.name}.metadata.json"): text}
    if target == "deepstream":
        text = deepstream(path.name, image_size, facts)
        return {path.with_name(f"{path.name}.deepstream.yml"): text}
    return {}


def boxmot(image_size: tuple[int, int], facts: Mapping[str, Any]) -> dict[str, Any]:
    """BoxMOT's metadata, by which its readers that ignore the graph's size have it.

    Args:
        image_size: (height, width).
        facts: Of the model; unknown keys are ignored at the top, and refused below it.

    Returns:
        Plain values for `X.onnx.metadata.json`.

    References:
        BoxMOT 25's schema 1.
    """
    return {
        "schema_version": 1,
        "model_name": _BOXMOT_NAME,
        "preprocess": "resize",
        "model_kwargs_schema_version": 1,
        "model_kwargs": {"img_size": list(image_size)},
        **facts,
    }


def deepstream(name: str, image_size: tuple[int, int], facts: Mapping[str, Any]) -> str:
    """The block of a tracker's configuration in DeepStream.

    Args:
        name: Of the model's file.
        image_size: (height, width).
        facts: Of the model.

    Returns:
        YAML.

    References:
        NVIDIA's DeepStream, Gst-nvtracker, section ReID. Theirs, for other models, has
        keepAspc 1 and networkMode 1, which is half precision.
    """
    height, width = image_size
    offsets = ", ".join(f"{offset:g}" for offset in OFFSETS)
    engine = Path(name).with_suffix(".engine").name
    said = "\n".join(f"# {key}: {json.dumps(value)}" for key, value in facts.items())
    return f"""\
# Put this in the place of ReID: in the configuration of the tracker.
{said}
ReID:
  reidType: 2                # 1: by NvDeepSORT, 2: to find lost tracks, 3: for both
  batchSize: 100
  workspaceSize: 1000        # MB
  reidFeatureSize: {facts["ceil.num_features"]}
  reidHistorySize: 100
  inferDims: [3, {height}, {width}]
  networkMode: 0             # float32
  inputOrder: 0              # NCHW
  colorFormat: 0             # RGB
  offsets: [{offsets}]
  netScaleFactor: {NET_SCALE_FACTOR}
  keepAspc: 0                # stretched to this size, as in training
  addFeatureNormalization: 0 # rows have length 1
  outputReidTensor: 0
  onnxFile: {json.dumps(name)}
  modelEngineFile: {json.dumps(engine)}
"""
