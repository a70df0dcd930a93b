"""Pillow's resizing by Lanczos out of standard operators of ONNX, for any size.

ONNX's own Resize has no Lanczos, and runtimes disagree on what its antialiasing does.
Resizing is linear in each direction: a product with a matrix of weights, which a few
operators compute from the size of the images that come in.
"""

import numpy as np

from ceil_jax.model.export.graph import Graph

_LOBES = 3  # of Lanczos' kernel on either side


class _Resizing:
    """The nodes that resize; constants and sizes that several of them use."""

    def __init__(self, graph: Graph, images: str) -> None:
        self.graph = graph
        self._shape = graph.node("Shape", images)
        self._zero, self._one = self.real(0), self.real(1)
        self._half, self._white = self.real(0.5), self.real(255)

    def real(self, value: float) -> str:
        return self.graph.constant(np.float32(value))

    def whole(self, value: int) -> str:
        return self.graph.constant(np.int64(value))

    def size(self, axis: int) -> str:
        """Images' size along an axis, int64."""
        return self.graph.node("Gather", self._shape, self.whole(axis), axis=0)

    def weights(self, axis: int, size: int) -> str:
        """Weights of every input (columns) in every output (rows) along an axis.

        Output i looks at (i + 1/2) n/m in pixels of the input, n inputs and m outputs.
        Input j stands at j + 1/2. In widths of the kernel, which grows where the image
        shrinks, they are apart by

            x = ((2j + 1) m - (2i + 1) n) / (2 max(n, m)),

        whose numerator is a whole number: 0 is met exactly, and so is the kernel's end.
        """
        node, given = self.graph.node, self.size(axis)
        places = node("Range", self.whole(0), given, self.whole(1))
        doubled = node("Add", node("Mul", places, self.whole(2)), self.whole(1))
        inputs = node(
            "Unsqueeze", node("Mul", doubled, self.whole(size)), self._axes(0)
        )
        centres = self.graph.constant((2 * np.arange(size) + 1).astype(np.int64))
        outputs = node("Unsqueeze", node("Mul", centres, given), self._axes(1))
        apart = node("Cast", node("Sub", inputs, outputs), to=1)
        widest = node("Max", given, self.whole(size))
        unit = node("Cast", node("Mul", widest, self.whole(2)), to=1)
        weights = self._kernel(node("Div", apart, unit))
        total = node("ReduceSum", weights, self._axes(1), keepdims=1)
        return node("Div", weights, total)

    def _axes(self, axis: int) -> str:
        return self.graph.constant(np.array([axis], np.int64))

    def _kernel(self, x: str) -> str:
        """sin(pi x) / (pi x) * sin(pi x / 3) / (pi x / 3), 0 from |x| = 3 on."""
        node = self.graph.node
        distance = node("Abs", x)
        at_centre = node("Equal", distance, self._zero)
        angle = node("Mul", x, self.real(np.pi))
        angle = node("Where", at_centre, self._one, angle)
        slow = node("Div", angle, self.real(_LOBES))
        both = [node("Div", node("Sin", a), a) for a in (angle, slow)]
        inside = node("Where", at_centre, self._one, node("Mul", *both))
        is_inside = node("Less", distance, self.real(_LOBES))
        return node("Where", is_inside, inside, self._zero)

    def to_bytes(self, x: str) -> str:
        """Nearest of 0, 1, ..., 255, as float32."""
        rounded = self.graph.node("Floor", self.graph.node("Add", x, self._half))
        return self.graph.node("Clip", rounded, self._zero, self._white)

    def goes_down_first(self, image_size: tuple[int, int]) -> str:
        """Whether Pillow 13 resizes the columns first.

        It does where the height shrinks, and by more than twice as many pixels as the
        width: found by trying, as it is documented nowhere. Between the two passes it
        rounds to bytes, so the order shows.
        """
        node, (height, width) = self.graph.node, image_size
        lost = node("Sub", self.size(1), self.whole(height))
        lost_across = node("Sub", self.size(2), self.whole(width))
        twice = node("Max", node("Mul", lost_across, self.whole(2)), self.whole(0))
        return node("Greater", lost, twice)


def resize(graph: Graph, images: str, image_size: tuple[int, int]) -> str:
    """Add what resizes images as `ceil_jax.datasets.images.read_image` does.

    Args:
        graph: The graph.
        images: A value: (b, height, width, 3) uint8, of any size.
        image_size: (height, width) of the result.

    Returns:
        The resized images, (b, 3, height, width) float32, whole numbers from 0 to 255.

    References:
        Pillow's documentation of `Image.resize`; Duchon, J. Appl. Meteorol. 1979, for
        the kernel. Pillow rounds its weights to 22 bits, we to float32's 24: pixels
        differ by 1 at most, and very few do.
    """
    made, node = _Resizing(graph, images), graph.node
    height, width = image_size
    planes = node("Cast", node("Transpose", images, perm=[0, 3, 1, 2]), to=1)
    down = made.weights(1, height)
    across = node("Transpose", made.weights(2, width), perm=[1, 0])
    byte = made.to_bytes
    down_first = byte(node("MatMul", byte(node("MatMul", down, planes)), across))
    across_first = byte(node("MatMul", down, byte(node("MatMul", planes, across))))
    chosen = made.goes_down_first(image_size)
    return node("Where", chosen, down_first, across_first, name="resized")
