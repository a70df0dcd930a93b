"""3x3 convolutions of stride 1 by Winograd's F(2x2, 3x3): 16 products, not 36.

Four neighbouring outputs of a 3x3 filter need 36 products; on sums of the 16 inputs
below them and sums of the 9 weights, 16 are enough. What is left of a convolution are
16 matrix products over all tiles of 2x2 outputs, which a CPU's matrix library computes
faster than it does the convolution itself, where there are enough channels.
"""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

LEAST_CHANNELS = 32
MOST_PIXELS = 2**15
"""Of a batch; sums of more of them leave a processor's caches."""

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")
_PADDING = ((1, 1), (1, 1))
_OVER_ROWS = (((0,), (0,)), ((), ()))
_OVER_COLUMNS = (((1,), (1,)), ((), ()))
_Line = Callable[[Sequence[Any]], list[Any]]


def direct(x: Float[Array, "b h w i"], kernel: Float[Array, "3 3 i o"]) -> Any:
    """The convolution as XLA computes it, padded to keep the size.

    Args:
        x: Feature maps.
        kernel: The weights.

    Returns:
        Feature maps of the same height and width.
    """
    return lax.conv_general_dilated(
        x, kernel, (1, 1), _PADDING, dimension_numbers=_DIMENSIONS
    )


def _of_inputs(d: Sequence[Any]) -> list[Any]:
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def _of_weights(k: Sequence[Any]) -> list[Any]:
    outer, middle = 0.5 * (k[0] + k[2]), 0.5 * k[1]
    return [k[0], outer + middle, outer - middle, k[2]]


def _of_weights_back(u: Sequence[Any]) -> list[Any]:
    outer = 0.5 * (u[1] + u[2])
    return [u[0] + outer, 0.5 * (u[1] - u[2]), outer + u[3]]


def _of_products(m: Sequence[Any]) -> list[Any]:
    return [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]


def _of_products_back(y: Sequence[Any]) -> list[Any]:
    return [y[0], y[0] + y[1], y[0] - y[1], -y[1]]


def _both_ways(line: _Line, grid: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """A transform of every column of a grid, then of every row."""
    columns = [line(column) for column in zip(*grid, strict=True)]
    return [line(row) for row in zip(*columns, strict=True)]


def _input_tiles(x: Float[Array, "b h w c"]) -> list[list[Any]]:
    """Sums of the 4x4 inputs below every tile of 2x2 outputs, as rows."""
    _, height, width, channels = x.shape
    down, across = -(-height // 2), -(-width // 2)
    ends = (1, 2 * down + 1 - height), (1, 2 * across + 1 - width)
    padded = jnp.pad(x, ((0, 0), *ends, (0, 0)))
    pairs = padded.reshape(-1, down + 1, 2, across + 1, 2, channels)

    def at(i: int, j: int) -> Any:
        rows = slice(i // 2, i // 2 + down)
        return pairs[:, rows, i % 2, j // 2 : j // 2 + across, j % 2]

    grid = [[at(i, j) for j in range(4)] for i in range(4)]
    return [
        [v.reshape(-1, channels) for v in row] for row in _both_ways(_of_inputs, grid)
    ]


def _joined(products: Sequence[Sequence[Any]], shape: Sequence[int]) -> Any:
    """Outputs of a shape from the products of its tiles."""
    batch, height, width, channels = shape
    down, across = -(-height // 2), -(-width // 2)
    tiles = [
        [m.reshape(batch, down, across, channels) for m in row] for row in products
    ]
    outputs = _both_ways(_of_products, tiles)
    whole = jnp.stack([jnp.stack(row, 3) for row in outputs], 2)
    return whole.reshape(batch, 2 * down, 2 * across, channels)[:, :height, :width]


def _rows(kernel: Float[Array, "3 3 i o"]) -> list[list[Any]]:
    return [[kernel[i, j] for j in range(3)] for i in range(3)]


def forward(x: Float[Array, "b h w i"], kernel: Float[Array, "3 3 i o"]) -> Any:
    """`direct` by 16 products.

    Args:
        x: Feature maps.
        kernel: The weights.

    Returns:
        What `direct` returns, rounded differently.
    """
    weights = _both_ways(_of_weights, _rows(kernel))
    products = [
        [v @ u for v, u in zip(*rows, strict=True)]
        for rows in zip(_input_tiles(x), weights, strict=True)
    ]
    return _joined(products, (*x.shape[:-1], kernel.shape[-1]))


def of_input(g: Float[Array, "b h w o"], kernel: Float[Array, "3 3 i o"]) -> Any:
    """Gradient of `direct` by its input: the convolution with the turned filter.

    Args:
        g: Gradient of the output.
        kernel: The weights.

    Returns:
        An array like the input.
    """
    # Turning a filter by half swaps the first and the last of its four sums.
    weights = [
        row[3:] + row[1:3] + row[:1] for row in _both_ways(_of_weights, _rows(kernel))
    ]
    weights = weights[3:] + weights[1:3] + weights[:1]
    products = [
        [lax.dot_general(v, u, _OVER_COLUMNS) for v, u in zip(*rows, strict=True)]
        for rows in zip(_input_tiles(g), weights, strict=True)
    ]
    return _joined(products, (*g.shape[:-1], kernel.shape[2]))


def of_kernel(x: Float[Array, "b h w i"], g: Float[Array, "b h w o"]) -> Any:
    """Gradient of `direct` by its kernel.

    Args:
        x: Feature maps.
        g: Gradient of the output.

    Returns:
        An array like the kernel.
    """
    _, height, width, channels = g.shape
    down, across = -(-height // 2), -(-width // 2)
    ends = (0, 2 * down - height), (0, 2 * across - width)
    pairs = jnp.pad(g, ((0, 0), *ends, (0, 0)))
    pairs = pairs.reshape(-1, down, 2, across, 2, channels)
    grid = [[pairs[:, :, i, :, j] for j in range(2)] for i in range(2)]
    slopes = _both_ways(_of_products_back, grid)
    products = [
        [
            lax.dot_general(v, q.reshape(-1, channels), _OVER_ROWS)
            for v, q in zip(*rows, strict=True)
        ]
        for rows in zip(_input_tiles(x), slopes, strict=True)
    ]
    return jnp.stack([jnp.stack(row) for row in _both_ways(_of_weights_back, products)])


@jax.custom_vjp
def _on_processors(
    x: Float[Array, "b h w i"], kernel: Float[Array, "3 3 i o"]
) -> Float[Array, "b h w o"]:
    """`direct`; where it is compiled for a CPU, with its gradients by 16 products."""
    return lax.platform_dependent(x, kernel, cpu=forward, default=direct)


def _save(x: Any, kernel: Any) -> tuple[Any, tuple[Any, Any]]:
    return _on_processors(x, kernel), (x, kernel)


def _backward(saved: tuple[Any, Any], g: Any) -> tuple[Any, Any]:
    def usual_of_input(g: Any, kernel: Any) -> Any:
        return jax.linear_transpose(lambda x: direct(x, kernel), saved[0])(g)[0]

    def usual_of_kernel(x: Any, g: Any) -> Any:
        return jax.linear_transpose(lambda k: direct(x, k), saved[1])(g)[0]

    x, kernel = saved
    return (
        lax.platform_dependent(g, kernel, cpu=of_input, default=usual_of_input),
        lax.platform_dependent(x, g, cpu=of_kernel, default=usual_of_kernel),
    )


_on_processors.defvjp(_save, _backward)


def convolve(
    x: Float[Array, "b h w i"], kernel: Float[Array, "3 3 i o"]
) -> Float[Array, "b h w o"]:
    """A 3x3 convolution of stride 1, padded to keep the size.

    Winograd's form is taken on a CPU, in float32, and only where it was measured to be
    faster: from `LEAST_CHANNELS` on, up to `MOST_PIXELS`. Its rounding error is at most
    four times that of `direct`.

    Args:
        x: Feature maps; type of `kernel`.
        kernel: The weights.

    Returns:
        Feature maps of the same height and width.
    """
    batch, height, width, _ = x.shape
    few_pixels = batch * height * width <= MOST_PIXELS
    enough_channels = min(kernel.shape[2:]) >= LEAST_CHANNELS
    if x.dtype == jnp.float32 and few_pixels and enough_channels:
        return _on_processors(x, kernel)
    return direct(x, kernel)


class Conv3x3(nn.Module):
    """A 3x3 convolution of stride 1 without a shift.

    Attributes:
        features: Channels that leave.
        dtype: Type in which it is computed.
        kernel_init: Initial weights.
        winograd: Whether it may be `convolve`, whose form depends on the size of the
            batch; else it is `direct`, where that size is not known yet.
    """

    features: int
    dtype: Any
    kernel_init: nn.initializers.Initializer
    winograd: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h w o"]:
        """Convolve feature maps."""
        shape = (3, 3, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        convolution = convolve if self.winograd else direct
        return convolution(x.astype(self.dtype), kernel.astype(self.dtype))
