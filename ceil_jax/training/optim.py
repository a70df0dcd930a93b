"""Adam with coupled weight decay, and twice the rate for shifts."""

from typing import Any

import jax
import jax.numpy as jnp
import optax


def adam(
    *, weight_decay: float = 5e-4, bias_rate_factor: float = 2.0
) -> optax.GradientTransformation:
    """PyTorch's `Adam(weight_decay=...)`: the decay is added to the gradient.

    The rate is not part of it: `apply` multiplies with the epoch's.

    Args:
        weight_decay: Factor of a parameter that is added to its gradient.
        bias_rate_factor: Factor of the rate for batch-norm shifts, the only biases.

    Returns:
        The transformation from gradients to steps at rate 1.

    References:
        Kingma and Ba, ICLR 2015; the released `code/tools/optim/make_optimizer.py`.
    """

    def scale_biases(updates: Any, params: Any = None) -> Any:
        del params

        def scale(path, update):
            is_bias = getattr(path[-1], "key", None) == "bias"
            return update * (bias_rate_factor if is_bias else 1.0)

        return jax.tree_util.tree_map_with_path(scale, updates)

    return optax.chain(
        optax.add_decayed_weights(weight_decay),
        optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8),
        optax.stateless(scale_biases),
    )


def apply(params: Any, updates: Any, rate: jax.Array | float) -> Any:
    """Parameters after a step downhill.

    Args:
        params: The parameters.
        updates: What `adam` makes of their gradients.
        rate: The learning rate.

    Returns:
        `params - rate * updates`.
    """
    return jax.tree.map(
        lambda p, u: p - jnp.asarray(rate, p.dtype) * u, params, updates
    )
