"""CLIP's modified ResNet: a stem of three convolutions and bottleneck stages."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceil_jax.encoder.batch_norm import BatchNorm
from ceil_jax.encoder.initial import he_truncated
from ceil_jax.encoder.pointwise import Pointwise
from ceil_jax.encoder.winograd import Conv3x3

EXPANSION = 4


def _conv3x3(features: int, dtype: Any, winograd: bool, name: str) -> Conv3x3:
    return Conv3x3(features, dtype, he_truncated, winograd, name=name)


def _conv3x3_of_stride_2(features: int, dtype: Any, name: str) -> nn.Conv:
    return nn.Conv(
        features,
        (3, 3),
        strides=2,
        padding=((1, 1), (1, 1)),
        use_bias=False,
        dtype=dtype,
        kernel_init=he_truncated,
        name=name,
    )


def _conv1x1(features: int, dtype: Any, name: str) -> Pointwise:
    return Pointwise(features, dtype=dtype, kernel_init=he_truncated, name=name)


def _average_pool(x: Float[Array, "b h w c"], size: int) -> Float[Array, "b i j c"]:
    return nn.avg_pool(x, (size, size), strides=(size, size))


class Stem(nn.Module):
    """Three 3x3 convolutions (the first of stride 2), then a 2x2 average pooling.

    Attributes:
        width: Channels that leave the stem; the first two convolutions have half.
        dtype: Type in which the convolutions are computed.
        axis_name: See `BatchNorm`.
        winograd: See `Conv3x3`.
    """

    width: int
    dtype: Any = jnp.float32
    axis_name: str | None = None
    winograd: bool = True

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w 3"], train: bool
    ) -> Float[Array, "b h4 w4 c"]:
        """Map images to features at a quarter of their height and width."""
        widths = (self.width // 2, self.width // 2, self.width)
        for i, features in enumerate(widths, start=1):
            name = f"conv{i}"
            if i == 1:
                x = _conv3x3_of_stride_2(features, self.dtype, name)(x)
            else:
                x = _conv3x3(features, self.dtype, self.winograd, name)(x)
            x = nn.relu(BatchNorm(axis_name=self.axis_name, name=f"norm{i}")(x, train))
        return _average_pool(x, 2)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions with a shortcut; strides are average poolings.

    The pooling stands after the 3x3 convolution and, on the shortcut, before the 1x1.

    Attributes:
        planes: Channels inside; `EXPANSION` times as many leave.
        stride: Size of the average pooling; 1 for none.
        dtype: Type in which the convolutions are computed.
        axis_name: See `BatchNorm`.
        winograd: See `Conv3x3`.
    """

    planes: int
    stride: int = 1
    dtype: Any = jnp.float32
    axis_name: str | None = None
    winograd: bool = True

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], train: bool
    ) -> Float[Array, "b h2 w2 c4"]:
        """Apply the block."""

        def norm(name: str) -> BatchNorm:
            return BatchNorm(axis_name=self.axis_name, name=name)

        features = self.planes * EXPANSION
        y = _conv1x1(self.planes, self.dtype, "conv1")(x)
        y = nn.relu(norm("norm1")(y, train))
        y = _conv3x3(self.planes, self.dtype, self.winograd, "conv2")(y)
        y = nn.relu(norm("norm2")(y, train))
        if self.stride > 1:
            y = _average_pool(y, self.stride)
        y = norm("norm3")(_conv1x1(features, self.dtype, "conv3")(y), train)
        shortcut = x
        if self.stride > 1 or x.shape[-1] != features:
            if self.stride > 1:
                shortcut = _average_pool(shortcut, self.stride)
            shortcut = _conv1x1(features, self.dtype, "shortcut")(shortcut)
            shortcut = norm("shortcut_norm")(shortcut, train)
        return nn.relu(y + shortcut)
