import jax.numpy as jnp
import numpy as np
import pytest

from pallas_kernels.graph_propagate import propagate

IMPLEMENTATIONS = ["xla"]
SIZES = [(16, 16, 4), (1, 1, 1), (17, 130, 7), (50, 33, 1)]


@pytest.mark.usefixtures("strict_dtypes")
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize(("num_rows", "num_columns", "k"), SIZES)
def test_equals_loops(rng, name, dtype, num_rows, num_columns, k):
    adjacency = jnp.asarray(rng.uniform(size=(num_rows, num_columns)), dtype)
    rank = rng.integers(num_rows, size=(num_rows, k))
    weights = jnp.asarray(rng.uniform(size=(num_rows, k)), jnp.float32)
    got = propagate(
        adjacency, jnp.asarray(rank, jnp.int32), weights, implementation=name
    )
    exact = np.asarray(adjacency, np.float64)
    zero = np.zeros(num_columns)
    want = [
        sum((float(w) * exact[j] for j, w in zip(row, of_row, strict=True)), zero)
        for row, of_row in zip(rank, weights, strict=True)
    ]
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"rank\.shape"):
        propagate(jnp.ones((3, 3)), jnp.zeros((3, 2), jnp.int32), jnp.ones((3, 1)))
