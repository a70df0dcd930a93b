"""1x1 convolutions: value and gradients against NumPy and against a convolution."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax import lax

from ceil_jax.encoder.pointwise import Pointwise, product


@pytest.mark.parametrize("shape", [(7, 3), (2, 4, 5, 3), (1, 3)])
@pytest.mark.parametrize("outside", [1, 3, 8])
def test_value_and_gradients_by_hand(rng, shape, outside):
    x = rng.normal(size=shape).astype(np.float32)
    kernel = rng.normal(size=(shape[-1], outside)).astype(np.float32)
    g = rng.normal(size=(*shape[:-1], outside)).astype(np.float32)
    y, pull = jax.vjp(product, x, kernel)
    of_x, of_kernel = pull(jnp.asarray(g))
    np.testing.assert_allclose(y, np.einsum("...i,io->...o", x, kernel), atol=1e-5)
    want = np.einsum("...o,io->...i", g, kernel)
    np.testing.assert_allclose(of_x, want, rtol=1e-4, atol=1e-5)
    want = np.einsum("ni,no->io", x.reshape(-1, shape[-1]), g.reshape(-1, outside))
    np.testing.assert_allclose(of_kernel, want, rtol=1e-4, atol=1e-5)


def test_it_is_a_convolution(rng):
    x = rng.normal(size=(2, 6, 4, 3)).astype(np.float32)
    module = Pointwise(5, jnp.float32, nn.initializers.normal())
    variables: Any = module.init(jax.random.key(0), x)
    kernel = variables["params"]["kernel"]
    assert kernel.shape == (3, 5)
    want = lax.conv_general_dilated(
        x,
        kernel[None, None],
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    got: Any = module.apply(variables, x)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("inside", "outside"), [(4, 16), (16, 4)])
def test_the_weight_gradient_turns_the_narrower_factor_around(inside, outside):
    """The left factor of the only product over rows is the narrower one."""
    x, kernel = jnp.ones((32, inside)), jnp.ones((inside, outside))
    jaxpr = jax.make_jaxpr(
        lambda kernel: jax.vjp(lambda k: product(x, k), kernel)[1](x @ kernel)
    )(kernel)
    lefts = [
        eqn.invars[0].aval.shape
        for eqn in jaxpr.eqns
        if eqn.primitive.name == "dot_general"
        and eqn.params["dimension_numbers"][0] == ((0,), (0,))
    ]
    assert lefts == [(32, min(inside, outside))]


def test_half_precision_is_kept():
    x = jnp.ones((4, 3), jnp.float32)
    module = Pointwise(2, jnp.bfloat16, nn.initializers.ones)
    variables: Any = module.init(jax.random.key(0), x)
    assert variables["params"]["kernel"].dtype == jnp.float32
    y: Any = module.apply(variables, x)
    assert y.dtype == jnp.bfloat16
