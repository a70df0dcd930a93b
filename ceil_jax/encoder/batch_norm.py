"""Batch norm that keeps PyTorch's running statistics, over one or many devices."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def _wide(channels: Any, x: Any) -> Any:
    """One number per channel in the shape that multiplies `x`."""
    return channels.reshape((1,) * (x.ndim - 1) + channels.shape)


def _moments(
    x: Float[Array, "*b c"], axis_name: str | None
) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
    """Mean and biased variance of each channel, over all devices.

    Two passes, not E[x^2] - E[x]^2: the difference of two large numbers would cost the
    agreement of one device with many, and no time that can be measured.
    """
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axes)
    if axis_name is not None:
        mean = lax.pmean(mean, axis_name)
    variance = jnp.square(x - _wide(mean, x)).mean(axes)
    if axis_name is not None:
        variance = lax.pmean(variance, axis_name)
    return mean, variance


def _affine(x: Any, mean: Any, variance: Any, epsilon: float, scale: Any, bias: Any):
    """`(x - mean) / sqrt(variance + epsilon) * scale + bias`, in `x`'s type.

    Centred first: where a channel's mean is large beside its spread, folding it into
    one shift would lose the digits that training needs.
    """
    y = x.astype(jnp.float32) - _wide(mean, x)
    y *= _wide(scale * lax.rsqrt(variance + epsilon), x)
    if bias is not None:
        y += _wide(bias, x)
    return y.astype(x.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def normalise(
    x: Float[Array, "*b c"],
    scale: Float[Array, " c"],
    bias: Float[Array, " c"] | None,
    epsilon: float,
    axis_name: str | None,
) -> tuple[Float[Array, "*b c"], Float[Array, " c"], Float[Array, " c"]]:
    """Normalise by the statistics of the batch.

    The gradient is written out: it needs `x` as it came in, in half precision where
    that is its type, and two sums, `mean(g)` and `mean(g y)`. Derived step by step it
    would keep float32 copies of `x` and sum twice more, over what adds up to zero.

    Args:
        x: What is normalised.
        scale: Gamma.
        bias: Beta; None for none.
        epsilon: Added to the variance.
        axis_name: Axis of a `pmap` over which the statistics are synchronised.

    Returns:
        The output, the mean and the biased variance; no gradient goes through the
        latter two.
    """
    return _forward(x, scale, bias, epsilon, axis_name)[0]


def _forward(x: Any, scale: Any, bias: Any, epsilon: float, axis_name: str | None):
    mean, variance = _moments(x.astype(jnp.float32), axis_name)
    y = _affine(x, mean, variance, epsilon, scale, bias)
    return (y, mean, variance), (x, mean, variance, scale, bias is not None)


def _backward(epsilon: float, axis_name: str | None, saved: Any, slopes: Any):
    x, mean, variance, scale, has_bias = saved
    axes = tuple(range(x.ndim - 1))
    inverse = lax.rsqrt(variance + epsilon)
    centred = x.astype(jnp.float32) - _wide(mean, x)
    g = slopes[0].astype(jnp.float32)
    of_bias = g.sum(axes)
    of_scale = (g * centred).sum(axes) * inverse
    count = x.size // x.shape[-1]
    means = of_bias / count, of_scale / count
    if axis_name is not None:
        means = lax.pmean(means, axis_name)
    of_x = g - _wide(means[0], x) - centred * _wide(inverse * means[1], x)
    of_x *= _wide(scale * inverse, x)
    return of_x.astype(x.dtype), of_scale, of_bias if has_bias else None


normalise.defvjp(_forward, _backward)


class BatchNorm(nn.Module):
    """Batch norm over all axes but the last; statistics are always float32.

    Flax's own stores the biased variance; PyTorch, whose weights we load and whose
    training we repeat, stores the unbiased one.

    Attributes:
        use_bias: Whether there is a shift (beta). The last norm of CEIL has none: the
            released code freezes it at 0.
        axis_name: Axis of a `pmap` over which the batch statistics are synchronised.
        momentum: Share of the old running statistics that a step keeps (PyTorch's 0.1
            is 0.9 here).
        epsilon: Added to the variance.
    """

    use_bias: bool = True
    axis_name: str | None = None
    momentum: float = 0.9
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Float[Array, "*b c"], train: bool) -> Float[Array, "*b c"]:
        """Normalise `x` by the batch (`train`) or by the running statistics."""
        channels = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (channels,))
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,))
        running_var = self.variable("batch_stats", "var", jnp.ones, (channels,))
        bias = None
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (channels,))
        if not train:
            mean, var = running_mean.value, running_var.value
            return _affine(x, mean, var, self.epsilon, scale, bias)
        # A module that is being initialised runs outside pmap: no axis there.
        axis_name = None if self.is_initializing() else self.axis_name
        normalised: Any = normalise(x, scale, bias, self.epsilon, axis_name)
        y, mean, var = normalised
        if not self.is_initializing():
            count = x.size // channels
            if axis_name is not None:
                count *= lax.axis_size(axis_name)
            unbiased = var * (count / max(count - 1, 1))
            old, new = self.momentum, 1 - self.momentum
            running_mean.value = old * running_mean.value + new * mean
            running_var.value = old * running_var.value + new * unbiased
        return y
