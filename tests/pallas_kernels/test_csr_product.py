import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse

from pallas_kernels import implementation
from pallas_kernels.csr_product import csr_product, pallas_triton, transposed
from tests.pallas_kernels import cuda

IMPLEMENTATIONS: tuple[implementation.Implementation, ...] = ("xla", "triton")
BLOCKS = {"BLOCK_COLUMNS": 32, "BLOCK_ELEMENTS": 64}
# Rows, columns and dense columns: at, under and over a block, none that divides.
SIZES = [(4, 8, 16), (1, 1, 1), (9, 5, 17), (6, 30, 33), (3, 4, 40)]


GPU_BLOCKS = {name: getattr(pallas_triton, name) for name in BLOCKS}


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    with cuda.blocks(pallas_triton, BLOCKS):
        yield


@pytest.fixture
def gpu_blocks():
    with cuda.blocks(pallas_triton, GPU_BLOCKS):
        yield


def ragged(rng, num_rows, num_columns):
    """Rows of every length, the first one empty and one full."""
    matrix = rng.normal(size=(num_rows, num_columns))
    matrix *= rng.uniform(size=matrix.shape) < rng.uniform(size=(num_rows, 1))
    matrix[0], matrix[-1] = 0, 1
    return sparse.csr_array(matrix.astype(np.float32))


def parts(matrix, extra=0):
    """The three arrays, with some entries more that belong to no row."""
    indices = np.pad(matrix.indices, (0, extra)).astype(np.int32)
    data = np.pad(matrix.data, (0, extra), constant_values=7)
    return [jnp.asarray(x) for x in (matrix.indptr.astype(np.int32), indices, data)]


@pytest.mark.usefixtures("strict_dtypes")
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("extra", [0, 5])
@pytest.mark.parametrize(("n", "m", "b"), SIZES)
def test_equals_scipy(rng, name, dtype, extra, n, m, b):
    matrix = ragged(rng, n, m)
    dense = jnp.asarray(rng.normal(size=(m, b)), dtype)
    indptr, indices, data = parts(matrix, extra)
    got = csr_product(indptr, indices, data, dense, implementation=name)
    want = matrix.astype(np.float64) @ np.asarray(dense, np.float64)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_gradient_equals_the_formula(rng, name):
    matrix = ragged(rng, 7, 9)
    indptr, indices, data = parts(matrix, 3)
    dense = jnp.asarray(rng.normal(size=(9, 5)), jnp.float32)
    weight = rng.normal(size=(7, 5)).astype(np.float32)

    def total(data, dense):
        product = csr_product(indptr, indices, data, dense, implementation=name)
        return jnp.vdot(weight, product)

    of_data, of_dense = jax.jit(jax.grad(total, argnums=(0, 1)))(data, dense)
    np.testing.assert_allclose(of_dense, matrix.T @ weight, rtol=1e-5, atol=1e-5)
    row, column = matrix.nonzero()
    # SciPy lists what is not zero, which every entry here is.
    assert len(row) == matrix.nnz
    want = (weight[row] * np.asarray(dense)[column]).sum(1)
    np.testing.assert_allclose(of_data[: len(row)], want, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(of_data[len(row) :], 0)


def test_transposed_equals_scipy(rng):
    matrix = ragged(rng, 8, 6)
    indptr, indices, data = parts(matrix, 4)
    got = transposed(indptr, indices, data, num_columns=6)
    want = matrix.T.tocsr()
    np.testing.assert_array_equal(got[0], want.indptr)
    np.testing.assert_array_equal(got[1][: want.nnz], want.indices)
    np.testing.assert_array_equal(got[2][: want.nnz], want.data)


def test_triton_is_what_runs_when_asked_for(rng):
    given = (*parts(ragged(rng, 3, 4)), jnp.ones((4, 2)))
    for name in IMPLEMENTATIONS:
        op = functools.partial(csr_product, implementation=name)
        text = str(jax.make_jaxpr(op)(*given))
        assert ("pallas_call" in text) == (name == "triton")


@cuda.accept_triton
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("b", [1, 128, 1000])
@pytest.mark.usefixtures("gpu_blocks")
def test_a_gpu_runs_the_kernel(dtype, b):
    shape = jax.ShapeDtypeStruct
    given = [shape((100_001,), jnp.int32), shape((5_600_000,), jnp.int32)]
    given += [shape((5_600_000,), jnp.float32), shape((100_000, b), dtype)]
    with cuda.as_on_a_gpu():
        text = cuda.lowered(csr_product, *given)
    assert cuda.KERNEL in text
    assert "stablehlo.scatter" not in text


def test_bad_arguments_are_named():
    one = jnp.zeros(1, jnp.int32)
    with pytest.raises(ValueError, match=r"indices\.shape"):
        csr_product(jnp.zeros(2, jnp.int32), one, jnp.zeros(2), jnp.ones((1, 1)))
    with pytest.raises(ValueError, match=r"indptr\.shape"):
        csr_product(one, one, jnp.zeros(1), jnp.ones((1, 1)))
