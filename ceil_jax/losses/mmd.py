"""Maximum mean discrepancy of two batches of embeddings."""

import math

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ceil_jax.common import checks, shapes
from ceil_jax.common.linalg import squared_distances
from ceil_jax.common.shapes import AnyArray

MAX_OCTAVES = 100
"""Bandwidths span no more powers of two than float32 has, with room for the base."""


def mmd(
    visible: Float[AnyArray, "n d"],
    infrared: Float[AnyArray, "n d"],
    *,
    kernel_mul: float = 2.0,
    num_kernels: int = 5,
) -> Float[Array, ""]:
    """Multi-kernel maximum mean discrepancy, biased estimate.

    The kernel is the sum of `num_kernels` Gaussians `exp(-d2 / bandwidth_i)` whose
    bandwidths are `kernel_mul ** i` times a base: the mean squared distance of distinct
    rows, divided by `kernel_mul ** (num_kernels // 2)`. The bandwidth is a constant to
    the gradient.

    Args:
        visible: Embeddings, not normalised.
        infrared: As many embeddings of the other modality.
        kernel_mul: Ratio of one bandwidth to the one before.
        num_kernels: Number of Gaussians.

    Returns:
        mean(XX + YY - XY - YX) of the kernel matrix's four blocks; at least 0.

    Raises:
        ValueError: The batches are no matrices or differ in shape, there is no kernel,
            or `kernel_mul` is not more than 0, or too large for so many kernels.

    References:
        Long et al., ICML 2015; Xia et al., TCSVT 2025, stage 1; the released
        `code/tools/loss/MMDLoss.py`, of which only the compiled file is published.
    """
    visible = shapes.matrix("visible", visible)
    infrared = shapes.matrix("infrared", infrared)
    visible = shapes.same("visible", visible, "infrared", infrared)
    (num_kernels,) = checks.at_least(1, num_kernels=num_kernels)
    kernel_mul = checks.number("kernel_mul", kernel_mul)
    if not 0 < kernel_mul < math.inf:
        raise ValueError(f"{kernel_mul=} must be more than 0 and finite")
    if not num_kernels * abs(math.log2(kernel_mul)) <= MAX_OCTAVES:
        raise ValueError(
            f"{kernel_mul=} to the power of {num_kernels=} must be a number of float32"
        )
    n = visible.shape[0]
    d2 = squared_distances(jnp.concatenate([visible, infrared]))
    base = lax.stop_gradient(d2).sum() / ((2 * n) ** 2 - 2 * n)
    base /= kernel_mul ** (num_kernels // 2)
    # Two batches of one and the same row have no spread; their discrepancy is 0.
    base = jnp.maximum(base, jnp.finfo(d2.dtype).tiny)
    bandwidths = base * kernel_mul ** jnp.arange(num_kernels, dtype=d2.dtype)
    kernel = jnp.exp(-d2[None] / bandwidths[:, None, None]).sum(0)
    xx, yy = kernel[:n, :n], kernel[n:, n:]
    xy, yx = kernel[:n, n:], kernel[n:, :n]
    return jnp.mean(xx + yy - xy - yx)
