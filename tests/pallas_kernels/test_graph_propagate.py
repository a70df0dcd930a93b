import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pallas_kernels import implementation
from pallas_kernels.graph_propagate import (
    gcr_round,
    pallas_triton,
    propagate,
    symmetrise,
)
from tests.pallas_kernels import cuda

IMPLEMENTATIONS: tuple[implementation.Implementation, ...] = ("xla", "triton")
BLOCKS = {"LEAST_COLUMNS": 16, "MOST_COLUMNS": 16, "BLOCK_ELEMENTS": 64, "TILE": 16}
DTYPES = [jnp.float32, jnp.bfloat16, jnp.float16]
ROUNDING = {jnp.float32: 1e-5, jnp.bfloat16: 1e-2, jnp.float16: 2e-3}
# Rows, columns and neighbours: at, under and over a block, none that divides; k = n.
SIZES = [(16, 16, 4), (1, 1, 1), (17, 33, 7), (50, 15, 1), (18, 7, 18)]


GPU_BLOCKS = {name: getattr(pallas_triton, name) for name in BLOCKS}


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    with cuda.blocks(pallas_triton, BLOCKS):
        yield


@pytest.fixture
def gpu_blocks():
    with cuda.blocks(pallas_triton, GPU_BLOCKS):
        yield


def graph(rng, num_rows, num_columns, k, dtype=jnp.float32):
    adjacency = rng.uniform(size=(num_rows, num_columns))
    adjacency *= rng.uniform(size=adjacency.shape) < 0.5
    rank = rng.integers(num_rows, size=(num_rows, k))
    weights = rng.uniform(size=(num_rows, k))
    return (
        jnp.asarray(adjacency, dtype),
        jnp.asarray(rank, jnp.int32),
        jnp.asarray(weights, jnp.float32),
    )


def as_matrix(rank, weights, num_columns):
    """W of the propagation W A, in float64."""
    matrix = np.zeros((len(rank), num_columns))
    for i, (row, of_row) in enumerate(zip(rank, weights, strict=True)):
        for j, weight in zip(row, of_row, strict=True):
            matrix[i, j] += float(weight)
    return matrix


def round_by_hand(adjacency, rank, weights):
    total = np.asarray(adjacency, np.float64)
    total = total + total.T
    norms = np.abs(total).sum(1, keepdims=True)
    return as_matrix(rank, weights, len(total)) @ (total / np.where(norms, norms, 1))


@pytest.mark.usefixtures("strict_dtypes")
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("num_rows", "num_columns", "k"), SIZES)
def test_propagate_equals_a_product(rng, name, dtype, num_rows, num_columns, k):
    adjacency, rank, weights = graph(rng, num_rows, num_columns, k, dtype)
    got = propagate(adjacency, rank, weights, implementation=name)
    want = as_matrix(rank, weights, num_rows) @ np.asarray(adjacency, np.float64)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_propagate_takes_few_rows_from_many(rng, name):
    adjacency, rank, weights = graph(rng, 30, 5, 3)
    got = propagate(adjacency, rank[:7], weights[:7], implementation=name)
    want = as_matrix(rank[:7], weights[:7], 30) @ np.asarray(adjacency, np.float64)
    np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.usefixtures("strict_dtypes")
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_rows", [1, 15, 16, 17, 50])
def test_a_round_equals_float64(rng, name, dtype, num_rows):
    adjacency, rank, weights = graph(rng, num_rows, num_rows, min(3, num_rows), dtype)
    if num_rows > 2:  # a row that nothing is linked to
        adjacency = adjacency.at[2].set(0).at[:, 2].set(0)
    exact = np.asarray(adjacency, np.float64)
    symmetric, norms = symmetrise(adjacency, implementation=name)
    assert (symmetric.dtype, norms.dtype) == (dtype, jnp.float32)
    tolerance = ROUNDING[dtype]
    np.testing.assert_allclose(
        np.asarray(symmetric, np.float64), exact + exact.T, rtol=tolerance
    )
    np.testing.assert_allclose(norms, (exact + exact.T).sum(1), rtol=1e-5)
    got = gcr_round(adjacency, rank, weights, implementation=name)
    assert got.dtype == dtype
    want = round_by_hand(adjacency, rank, weights)
    np.testing.assert_allclose(np.asarray(got, np.float64), want, rtol=3 * tolerance)


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
@pytest.mark.parametrize("op", [propagate, gcr_round])
def test_gradients_equal_those_of_products(rng, name, op):
    adjacency, rank, weights = graph(rng, 19, 19, 4)
    # No entry at 0, where the norm has no derivative.
    adjacency = adjacency + 0.1
    factor = jnp.asarray(rng.normal(size=(19, 19)), jnp.float32)

    def by_products(adjacency, weights):
        if op is gcr_round:
            adjacency = adjacency + adjacency.T
            adjacency = adjacency / adjacency.sum(1, keepdims=True)
        rows = jnp.arange(19)[:, None] + 0 * rank
        matrix = jnp.zeros((19, 19)).at[rows, rank].add(weights)
        product = jnp.dot(matrix, adjacency, precision="highest")
        return jnp.vdot(factor, product)

    def by_op(adjacency, weights):
        return jnp.vdot(factor, op(adjacency, rank, weights, implementation=name))

    got = jax.jit(jax.value_and_grad(by_op, argnums=(0, 1)))(adjacency, weights)
    want = jax.value_and_grad(by_products, argnums=(0, 1))(adjacency, weights)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_the_gradient_of_the_norm_has_its_sign(rng, name):
    adjacency = jnp.asarray(rng.normal(size=(9, 9)), jnp.float32)
    factor = jnp.asarray(rng.normal(size=9), jnp.float32)

    def by_op(adjacency):
        return jnp.vdot(factor, symmetrise(adjacency, implementation=name)[1])

    # Entry (i, j) is in the sums of rows i and j, with the sign of a_ij + a_ji.
    total = np.asarray(adjacency) + np.asarray(adjacency).T
    assert (total < 0).any()
    want = np.sign(total) * (np.asarray(factor)[:, None] + np.asarray(factor))
    np.testing.assert_allclose(jax.grad(by_op)(adjacency), want, rtol=1e-5)


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_gradients_have_the_types_of_the_arguments(rng, name):
    adjacency, rank, weights = graph(rng, 9, 9, 2, jnp.bfloat16)

    def total(adjacency, weights):
        out = gcr_round(adjacency, rank, weights, implementation=name)
        return out.astype(jnp.float32).sum()

    of_adjacency, of_weights = jax.grad(total, argnums=(0, 1))(adjacency, weights)
    assert (of_adjacency.dtype, of_weights.dtype) == (jnp.bfloat16, jnp.float32)


def test_triton_is_what_runs_when_asked_for(rng):
    given = graph(rng, 5, 5, 2)
    for op, kernels in ((propagate, 1), (gcr_round, 2)):
        for name in IMPLEMENTATIONS:
            text = str(
                jax.make_jaxpr(functools.partial(op, implementation=name))(*given)
            )
            assert text.count("pallas_call") == (kernels if name == "triton" else 0)


@cuda.accept_triton
@pytest.mark.parametrize("dtype", DTYPES)
# 46,341 is the first whose square passes 2^31; the square of 65,536 is 2^32.
@pytest.mark.parametrize("num_rows", [4_104, 46_340, 46_341, 65_536])
@pytest.mark.usefixtures("gpu_blocks")
def test_a_gpu_runs_the_kernels(dtype, num_rows):
    matrix = jax.ShapeDtypeStruct((num_rows, num_rows), dtype)
    rank = jax.ShapeDtypeStruct((num_rows, 7), jnp.int32)
    weights = jax.ShapeDtypeStruct((num_rows, 7), jnp.float32)
    with cuda.as_on_a_gpu():
        text = cuda.lowered(gcr_round, matrix, rank, weights)
    assert text.count(cuda.KERNEL) == 2


@pytest.mark.parametrize(("bits", "num_rows"), [(16, 46_340), (32, 32_768)])
def test_arrays_with_offsets_of_32_bits_are_small_enough(bits, num_rows):
    # Triton's offsets count numbers and are signed; they are of 64 bits for arrays of
    # more than 2^32 bytes. Just below that the last offset has to be under 2^31.
    assert num_rows**2 * bits // 8 <= 2**32 < (num_rows + 1) ** 2 * bits // 8
    assert num_rows**2 - 1 < 2**31


def test_numbers_of_one_byte_are_refused(rng):
    _, rank, weights = graph(rng, 4, 4, 2)
    small = jnp.ones((4, 4), jnp.float8_e4m3fn)
    for op in (propagate, gcr_round):
        with pytest.raises(ValueError, match="two bytes"):
            op(small, rank, weights, implementation="triton")


@pytest.mark.usefixtures("gpu_blocks")
def test_a_block_of_columns_stays_in_the_cache():
    for num_rows, size, want in [(1, 4, 512), (23_100, 4, 256), (23_100, 2, 512)]:
        assert pallas_triton.block_columns(num_rows, size) == want
    assert pallas_triton.block_columns(10**6, 4) == 64


def test_shapes_that_differ_are_refused():
    adjacency, rank, weights = (
        jnp.ones((3, 3)),
        jnp.zeros((3, 2), int),
        jnp.ones((3, 1)),
    )
    for op in (propagate, gcr_round):
        with pytest.raises(ValueError, match=r"rank\.shape"):
            op(adjacency, rank, weights)
    with pytest.raises(ValueError, match="must be square"):
        symmetrise(jnp.ones((3, 2)))
