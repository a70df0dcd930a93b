"""What programs feed an ONNX file, and what makes the encoder's input of it."""

import numpy as np

from ceil_jax.embedding.step import PREPROCESSING
from ceil_jax.model.export.graph import BATCH, Graph, Value
from ceil_jax.model.export.lanczos import resize

TARGETS = ("raw", "boxmot", "ultralytics", "deepstream")
IMAGES = "images"
"""Name of the input: OpenCV's reader in BoxMOT sets it by this name."""

MEAN = np.array(PREPROCESSING["mean"], np.float64)
STD = np.array(PREPROCESSING["std"], np.float64)
OFFSETS = tuple((255 * MEAN).tolist())
NET_SCALE_FACTOR = 0.01735207
"""DeepStream's usual values: `NET_SCALE_FACTOR * (x - OFFSETS)`, x from 0 to 255, with
one factor for three channels, 1 / 255 of ImageNet's mean deviation."""

FEEDS = {
    "raw": "RGB images, uint8, of any one size; they are resized by Lanczos in here",
    "boxmot": "RGB images of this size, less ImageNet's mean, by its deviation",
    "ultralytics": "RGB images of this size, from 0 to 1",
    "deepstream": (
        "RGB images of this size, 0 to 255, less ImageNet's mean, times netScaleFactor"
    ),
}
"""What each target takes, in words."""


def check(target: str) -> None:
    """Refuse a target that there is not.

    Args:
        target: One of `TARGETS`.

    Raises:
        ValueError: It is another.
    """
    if target not in TARGETS:
        raise ValueError(f"{target=} must be one of {', '.join(TARGETS)}")


def input_of(target: str, image_size: tuple[int, int]) -> Value:
    """The input of a graph.

    Height and width are numbers wherever they can be: where they are not, BoxMOT and
    Ultralytics feed sizes of their own without a word.

    Args:
        target: One of `TARGETS`.
        image_size: (height, width) of the model's images.

    Returns:
        Its name, type and shape.
    """
    if target == "raw":
        return Value(IMAGES, "uint8", (BATCH, "height", "width", 3))
    return Value(IMAGES, "float32", (BATCH, 3, *image_size))


def normalised(graph: Graph, target: str, image_size: tuple[int, int]) -> str:
    """Add what makes the encoder's input of a target's.

    Args:
        graph: The graph.
        target: One of `TARGETS`.
        image_size: (height, width) of the model's images.

    Returns:
        A value: normalised images, (b, 3, height, width) float32.
    """

    def channels(values: np.ndarray) -> str:
        return graph.constant(values.astype(np.float32).reshape(1, 3, 1, 1))

    match target:
        case "raw":
            x = resize(graph, IMAGES, image_size)
            x = graph.node("Sub", x, channels(255 * MEAN))
            return graph.node("Div", x, channels(255 * STD))
        case "ultralytics":
            x = graph.node("Sub", IMAGES, channels(MEAN))
            return graph.node("Div", x, channels(STD))
        case "deepstream":
            # What is left of the deviation: 0.226 / std, the mean one by each.
            gain = 1 / (255 * STD * NET_SCALE_FACTOR)
            return graph.node("Mul", IMAGES, channels(gain))
    return IMAGES
