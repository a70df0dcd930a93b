"""The encoder of one modality as a graph of ONNX."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ceil_jax.encoder.batch_norm import BatchNorm
from ceil_jax.encoder.model import STAGE_STRIDES
from ceil_jax.model.export.graph import Graph
from ceil_jax.weights import architecture

ROWS = "embeddings"
_LEAST = np.float32(1e-12)


class _Layers:
    """The encoder's layers with the weights of a tree."""

    def __init__(self, graph: Graph, variables: Mapping[str, Any]) -> None:
        self.graph = graph
        self._params, self._stats = variables["params"], variables["batch_stats"]

    def gain(self, *norm: str) -> np.ndarray:
        """What a batch norm multiplies a channel by, float64."""
        variance = _exact(_at(self._stats, norm)["var"])
        scale = _exact(_at(self._params, norm)["scale"])
        return scale / np.sqrt(variance + BatchNorm.epsilon)

    def mean(self, *norm: str) -> np.ndarray:
        """The running mean of a batch norm, float64."""
        return _exact(_at(self._stats, norm)["mean"])

    def convolution(
        self, x: str, module: str, kernel: str, norm: str, *, stride: int = 1
    ) -> str:
        """A convolution with the batch norm behind it folded in."""
        weights = _exact(_at(self._params, (module, kernel))["kernel"])
        if weights.ndim == 2:
            weights = weights[None, None]
        gain = self.gain(module, norm)
        shift = _at(self._params, (module, norm))["bias"] - (
            self.mean(module, norm) * gain
        )
        weights = (weights * gain).transpose(3, 2, 0, 1)
        side, name = weights.shape[-1], f"{module}/{kernel}"
        return self.graph.node(
            "Conv",
            x,
            self.graph.constant(weights.astype(np.float32), f"{name}/weight"),
            self.graph.constant(shift.astype(np.float32), f"{name}/bias"),
            name=name,
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=[side // 2] * 4,
        )

    def pool(self, x: str, size: int) -> str:
        """Average over squares."""
        if size == 1:
            return x
        sides = [size, size]
        return self.graph.node("AveragePool", x, kernel_shape=sides, strides=sides)

    def stem(self, x: str, module: str) -> str:
        """`Stem`."""
        for i in (1, 2, 3):
            stride = 2 if i == 1 else 1
            x = self.convolution(x, module, f"conv{i}", f"norm{i}", stride=stride)
            x = self.graph.node("Relu", x)
        return self.pool(x, 2)

    def bottleneck(self, x: str, module: str, stride: int) -> str:
        """`Bottleneck`."""
        y = x
        for i in (1, 2):
            y = self.convolution(y, module, f"conv{i}", f"norm{i}")
            y = self.graph.node("Relu", y)
        y = self.convolution(self.pool(y, stride), module, "conv3", "norm3")
        if "shortcut" in self._params[module]:
            x = self.pool(x, stride)
            x = self.convolution(x, module, "shortcut", "shortcut_norm")
        return self.graph.node("Relu", self.graph.node("Add", y, x))

    def head(self, x: str) -> str:
        """GeM pooling, the last norm, and rows of length 1."""
        node, constant = self.graph.node, self.graph.constant
        cubes = node("Mul", node("Mul", x, x), x)
        means = node("Flatten", node("GlobalAveragePool", cubes), axis=1)
        third = constant(np.float32(1 / 3))
        x = node("Pow", node("Add", means, constant(_LEAST)), third)
        # Centred first, as in the encoder: a mean may be large beside its spread.
        mean = constant(self.mean("norm").astype(np.float32), "norm/mean")
        gain = constant(self.gain("norm").astype(np.float32), "norm/gain")
        x = node("Mul", node("Sub", x, mean), gain)
        length = node("ReduceL2", x, axes=[1], keepdims=1)
        return node("Div", x, node("Max", length, constant(_LEAST)), name=ROWS)


def _exact(array: Any) -> np.ndarray:
    return np.asarray(array, np.float64)


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        tree = tree[name]
    return tree


def embed(
    graph: Graph, images: str, variables: Mapping[str, Any], modality: str
) -> str:
    """Add the encoder of one modality.

    Args:
        graph: The graph.
        images: A value: normalised images, (b, 3, height, width) float32.
        variables: `{"params": ..., "batch_stats": ...}` of a complete encoder.
        modality: "visible" or "infrared": whose stem they go through.

    Returns:
        The value `ROWS`, (b, d) float32 unit rows.

    References:
        `ceil_jax.encoder.Encoder`, which this repeats layer by layer. Batch norms are
        folded into the convolutions before them in float64.
    """
    layers = _Layers(graph, variables)
    x = layers.stem(images, f"{modality}_stem")
    sizes = architecture(variables).stage_sizes
    stages = zip(sizes, STAGE_STRIDES, strict=True)
    for stage, (num_blocks, first) in enumerate(stages, start=1):
        for block in range(num_blocks):
            stride = first if block == 0 else 1
            x = layers.bottleneck(x, f"stage{stage}_block{block}", stride)
    return layers.head(x)
