"""Batch norm that keeps PyTorch's running statistics, over one or many devices."""

import flax.linen as nn
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def _moments(
    x: Float[Array, "*b c"], axis_name: str | None
) -> tuple[Float[Array, " c"], Float[Array, " c"], int]:
    """Mean, biased variance and number of values of each channel, over all devices.

    Two passes, not E[x^2] - E[x]^2: the difference of two large numbers would cost the
    agreement of one device with many, and no time that can be measured.
    """
    axes = tuple(range(x.ndim - 1))
    count = x.size // x.shape[-1]
    mean = x.mean(axes)
    if axis_name is not None:
        mean = lax.pmean(mean, axis_name)
        count *= lax.axis_size(axis_name)
    variance = jnp.square(x - mean.reshape((1,) * len(axes) + mean.shape)).mean(axes)
    if axis_name is not None:
        variance = lax.pmean(variance, axis_name)
    return mean, variance, count


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
        if train:
            # A module that is being initialised runs outside pmap: no axis there.
            axis_name = None if self.is_initializing() else self.axis_name
            mean, var, count = _moments(x.astype(jnp.float32), axis_name)
            if not self.is_initializing():
                unbiased = var * (count / max(count - 1, 1))
                old, new = self.momentum, 1 - self.momentum
                running_mean.value = old * running_mean.value + new * mean
                running_var.value = old * running_var.value + new * unbiased
        else:
            mean, var = running_mean.value, running_var.value
        wide = (1,) * (x.ndim - 1) + (channels,)
        # Centred first: where a channel's mean is large beside its spread, folding it
        # into one shift would lose the digits that training needs.
        y = x.astype(jnp.float32) - mean.reshape(wide)
        y *= (scale * lax.rsqrt(var + self.epsilon)).reshape(wide)
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (channels,))
            y += bias.reshape(wide)
        return y.astype(x.dtype)
