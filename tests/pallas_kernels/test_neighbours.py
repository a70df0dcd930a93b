import typing

import jax.numpy as jnp
import numpy as np
import pytest

from pallas_kernels import implementation
from pallas_kernels.neighbours import api, nearest

IMPLEMENTATIONS = ["xla"]
# Rows at, under and over a block of 16, and none that it divides.
SIZES = [(16, 8, 4), (1, 4, 1), (17, 8, 17), (15, 3, 2), (50, 32, 28)]


@pytest.mark.usefixtures("strict_dtypes")
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize(("num_rows", "width", "k"), SIZES)
def test_equals_sorting_in_numpy(rng, name, dtype, num_rows, width, k):
    rows = jnp.asarray(rng.normal(size=(num_rows, width)), dtype)
    indices, similarities = nearest(rows, k=k, block_rows=16, implementation=name)
    exact = np.asarray(rows, np.float64)
    products = exact @ exact.T
    keys = products.copy()
    np.fill_diagonal(keys, np.inf)
    want = np.argsort(-keys, axis=1)[:, :k]
    assert (indices.dtype, similarities.dtype) == (jnp.int32, jnp.float32)
    np.testing.assert_array_equal(indices, want)
    np.testing.assert_allclose(
        similarities, np.take_along_axis(products, want, axis=1), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_row_comes_first_among_its_equals(name):
    indices, similarities = nearest(jnp.ones((40, 3)), k=5, implementation=name)
    np.testing.assert_array_equal(indices[:, 0], np.arange(40))
    np.testing.assert_allclose(similarities, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k=0"),
        ({"k": 5}, r"k=5 must be in \[1, 4\]"),
        ({"k": 1, "block_rows": 0}, "block_rows=0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        nearest(jnp.ones((4, 2)), **arguments)


def test_every_implementation_is_tested():
    assert set(IMPLEMENTATIONS) == set(typing.get_args(implementation.Implementation))
    assert set(api.DEFAULTS.values()) <= set(IMPLEMENTATIONS)
