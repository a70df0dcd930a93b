"""Files of ONNX."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ceil_jax.common import extras
from ceil_jax.common.files import user_path
from ceil_jax.encoder.resnet import EXPANSION
from ceil_jax.model.export import encoder, targets
from ceil_jax.model.export import facts as facts_lib
from ceil_jax.model.export.beside import beside
from ceil_jax.model.export.graph import BATCH, Graph, Value
from ceil_jax.model.export.writing import write

if TYPE_CHECKING:
    import onnx

SUFFIX = ".onnx"


def onnx_model(
    variables: Mapping[str, Any],
    *,
    modality: str,
    image_size: Sequence[int],
    target: str = "raw",
) -> "onnx.ModelProto":
    """The encoder of one modality as an ONNX model.

    Its input is `images`, its output `embeddings`, float32 unit rows; the first
    dimension of both is free. It computes in float32, whatever type the encoder was
    trained in.

    Args:
        variables: `{"params": ..., "batch_stats": ...}` of an `Encoder`.
        modality: "visible" or "infrared".
        image_size: (height, width) of the model's images in pixels.
        target: What it is fed with: "raw" uint8 images of any one size, (b, h, w, 3);
            "boxmot", "ultralytics", "deepstream" what these programs make of an image
            of `image_size`, (b, 3, height, width) float32. See `targets.FEEDS`.

    Returns:
        The model, checked, opset 17, IR version 8.

    Raises:
        ValueError: An argument is none of these.
        MissingExtraError: `onnx` is not installed.
    """
    return _made(variables, modality, image_size, target)[0]


def write_onnx(
    path: str | os.PathLike[str],
    variables: Mapping[str, Any],
    *,
    modality: str,
    image_size: Sequence[int],
    target: str = "raw",
) -> tuple[Path, ...]:
    """Write the encoder of one modality as an ONNX file.

    Args:
        path: The file, `~` for the home folder; its folder exists.
        variables: As for `onnx_model`.
        modality: Likewise.
        image_size: Likewise.
        target: Likewise.

    Returns:
        The files written: what stands beside the model for its target, then the model.

    Raises:
        ValueError: An argument cannot be, see `onnx_model`.
        DataError: The path has a null character, or a home folder that is not there.
        OSError: A file cannot be written.
        MissingExtraError: `onnx` is not installed.
    """
    place = user_path(path)
    model, facts = _made(variables, modality, image_size, target)
    height, width = facts[facts_lib.PREFIX + "size"]
    others = beside(place, target, (height, width), facts)
    # The model last: it never lies there without what tells its size.
    contents = {other: text.encode() for other, text in others.items()}
    return write({**contents, place: model.SerializeToString()})


def _made(
    variables: Mapping[str, Any], modality: str, image_size: Sequence[int], target: str
) -> tuple["onnx.ModelProto", dict[str, Any]]:
    """The model and the facts that it holds."""
    facts_lib.check_modality(modality)
    targets.check(target)
    sizes, size = facts_lib.check(variables, image_size)
    extras.require("export", "an ONNX file")
    num_features = sizes.width * 8 * EXPANSION
    facts = facts_lib.of_model(
        variables, size, modality=modality, target=target, num_features=num_features
    )
    graph = Graph()
    x = targets.normalised(graph, target, size)
    rows = encoder.embed(graph, x, variables, modality)
    model = graph.model(
        targets.input_of(target, size),
        Value(rows, "float32", (BATCH, num_features)),
        facts=facts_lib.as_text(facts),
        description=(
            f"CEIL's encoder of {modality} images of {size[0]}x{size[1]} pixels. "
            f"{targets.IMAGES}: {targets.FEEDS[target]}."
        ),
    )
    _check(model)
    return model, facts


def _check(model: "onnx.ModelProto") -> None:
    """Our own mistakes, before a runtime meets them."""
    import onnx

    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(
        model, check_type=True, strict_mode=True, data_prop=True
    )
