import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pallas_kernels import implementation
from pallas_kernels.camera_topk import camera_topk, pallas_triton
from tests.pallas_kernels import cuda

IMPLEMENTATIONS = ["xla", "triton"]
BLOCKS = {"BLOCK_ROWS": 8, "BLOCK_COLUMNS": 16, "BLOCK_FEATURES": 8, "PROGRAMS": 6}
# Rows, columns, features and k: at, under and over a block, none that divides; k = m.
SIZES = [(8, 16, 8, 4), (1, 1, 1, 1), (9, 17, 9, 17), (7, 50, 3, 5), (20, 33, 16, 1)]


GPU_BLOCKS = {name: getattr(pallas_triton, name) for name in BLOCKS}


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    with cuda.blocks(pallas_triton, BLOCKS):
        yield


@pytest.fixture
def gpu_blocks():
    with cuda.blocks(pallas_triton, GPU_BLOCKS):
        yield


def example(rng, n, m, d, dtype=jnp.float32):
    """Whole numbers, whose products every precision has exactly, and so many ties."""
    rows, columns = rng.integers(-2, 3, (n, d)), rng.integers(-2, 3, (m, d))
    return jnp.asarray(rows, dtype), jnp.asarray(columns, dtype)


def by_sorting(rows, columns, k, allowed, row_offset=None):
    """Lists by Python's sort, in float64."""
    products = np.asarray(rows, np.float64) @ np.asarray(columns, np.float64).T
    indices = np.full((len(rows), k), -1)
    values = np.full((len(rows), k), -np.inf)
    for i in range(len(rows)):
        own = None if row_offset is None else row_offset + i
        order = sorted(
            (j for j in range(len(columns)) if allowed(i, j)),
            key=lambda j: (j != own, -products[i, j], j),
        )[:k]
        indices[i, : len(order)] = order
        values[i, : len(order)] = products[i, order]
    return indices, values


@pytest.mark.usefixtures("strict_dtypes")
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize(("n", "m", "d", "k"), SIZES)
def test_equals_sorting(rng, name, dtype, n, m, d, k):
    rows, columns = example(rng, n, m, d, dtype)
    got = camera_topk(rows, columns, k=k, block_rows=3, implementation=name)
    indices, values = by_sorting(rows, columns, k, lambda i, j: True)
    types = [part.dtype for part in got]
    assert types == [jnp.int32, jnp.float32, jnp.float32]
    np.testing.assert_array_equal(got.indices, indices)
    np.testing.assert_array_equal(got.similarities, values)
    np.testing.assert_array_equal(got.weights, np.ones((n, k)))


RULES = {
    "different": lambda a, b: a < 0 or a != b,
    "same": lambda a, b: a == b,
}


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("row_offset", [None, 0, 5])
def test_rules_leave_pairs_out(rng, name, rule, row_offset):
    rows, columns = example(rng, 20, 41, 4)
    codes, column_codes = rng.integers(-1, 3, 20), rng.integers(-1, 3, 41)
    cameras, column_cameras = rng.integers(1, 4, 20), rng.integers(1, 4, 41)
    got = camera_topk(
        rows,
        columns,
        k=35,
        rule=rule,
        row_codes=jnp.asarray(codes),
        column_codes=jnp.asarray(column_codes),
        row_offset=row_offset,
        row_cameras=jnp.asarray(cameras),
        column_cameras=jnp.asarray(column_cameras),
        camera_weight=0.4,
        implementation=name,
    )
    indices, values = by_sorting(
        rows,
        columns,
        35,
        lambda i, j: RULES[rule](codes[i], column_codes[j]),
        row_offset,
    )
    assert (indices < 0).any()
    np.testing.assert_array_equal(got.indices, indices)
    np.testing.assert_array_equal(got.similarities, values)
    same = column_cameras[indices] == cameras[:, None]
    weights = np.where(indices < 0, 0, np.where(same, 0.4, 2.5))
    np.testing.assert_allclose(got.weights, weights, rtol=1e-6)


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_row_comes_first_among_its_equals_and_longer_rows(name):
    columns = jnp.ones((40, 3)).at[7].set(2.0)
    got = camera_topk(columns[5:], columns, k=3, row_offset=5, implementation=name)
    np.testing.assert_array_equal(got.indices[:, 0], np.arange(5, 40))
    np.testing.assert_array_equal(got.indices[0], [5, 7, 0])
    np.testing.assert_array_equal(got.indices[2], [7, 0, 1])
    np.testing.assert_array_equal(got.similarities[:3, 0], [3, 3, 12])


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_products_are_in_float32(rng, name):
    # Ten bits, which a GPU would take, cannot tell these columns apart.
    columns = jnp.asarray(1 + np.arange(32)[:, None] * 2.0**-20, jnp.float32)
    got = camera_topk(jnp.ones((4, 1)), columns, k=3, implementation=name)
    np.testing.assert_array_equal(got.indices, np.full((4, 3), [31, 30, 29]))


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_gradient_is_that_of_the_products_found(rng, name, dtype):
    rows = jnp.asarray(rng.normal(size=(9, 5)), dtype)
    columns = jnp.asarray(rng.normal(size=(21, 5)), dtype)
    weight = jnp.asarray(rng.normal(size=(9, 6)), jnp.float32)
    codes = jnp.zeros(9, jnp.int32), jnp.arange(21) % 5
    options = {"k": 6, "rule": "same", "row_codes": codes[0], "column_codes": codes[1]}

    def total(rows, columns):
        found = camera_topk(rows, columns, implementation=name, **options)
        return jnp.where(found.indices >= 0, found.similarities * weight, 0).sum()

    got = jax.jit(jax.grad(total, argnums=(0, 1)))(rows, columns)
    x, y = (np.asarray(a, np.float64) for a in (rows, columns))
    indices, _ = by_sorting(x, y, 6, lambda i, j: j % 5 == 0)
    want = np.zeros(x.shape), np.zeros(y.shape)
    for i, j in zip(*np.nonzero(indices >= 0), strict=True):
        want[0][i] += float(weight[i, j]) * y[indices[i, j]]
        want[1][indices[i, j]] += float(weight[i, j]) * x[i]
    for a, b in zip(got, want, strict=True):
        assert a.dtype == dtype
        tolerance = 1e-5 if dtype == jnp.float32 else 2e-2
        np.testing.assert_allclose(np.asarray(a, np.float64), b, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_places_without_a_column_have_no_gradient(rng, name):
    rows = jnp.asarray(rng.normal(size=(3, 4)), jnp.float32)
    columns = jnp.asarray(rng.normal(size=(5, 4)), jnp.float32)
    codes = jnp.zeros(3, jnp.int32), jnp.array([1, 0, 1, 0, 1])  # two of five count

    def total(rows, columns):
        return camera_topk(
            rows,
            columns,
            k=4,
            rule="same",
            row_codes=codes[0],
            column_codes=codes[1],
            implementation=name,
        ).similarities.sum()

    of_rows, of_columns = jax.grad(total, argnums=(0, 1))(rows, columns)
    want = np.zeros((5, 4))
    want[[1, 3]] = np.asarray(rows).sum(axis=0)
    np.testing.assert_allclose(of_columns, want, atol=1e-6)
    want = np.tile(np.asarray(columns)[[1, 3]].sum(axis=0), (3, 1))
    np.testing.assert_allclose(of_rows, want, atol=1e-6)


def test_triton_is_what_runs_when_asked_for(rng):
    arguments = example(rng, 8, 16, 8)
    names: tuple[implementation.Implementation, ...] = ("xla", "triton")
    for name in names:
        op = functools.partial(camera_topk, k=3, implementation=name)
        ran = "pallas_call" in str(jax.make_jaxpr(op)(*arguments))
        assert ran == (name == "triton")


@cuda.accept_triton
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("rule", ["all", *RULES])
@pytest.mark.usefixtures("gpu_blocks")
def test_a_gpu_runs_the_kernel(dtype, rule):
    x = jax.ShapeDtypeStruct((23_100, 2048), dtype)
    codes = jax.ShapeDtypeStruct((23_100,), jnp.int32)

    def op(x, codes):
        given = None if rule == "all" else codes
        return camera_topk(
            x, x, k=28, rule=rule, row_codes=given, column_codes=given, row_offset=0
        )

    with cuda.as_on_a_gpu():
        text = cuda.lowered(op, x, codes)
    assert cuda.KERNEL in text
    assert "stablehlo.dot_general" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k=0"),
        ({"k": 5}, r"k=5 must be in \[1, 4\]"),
        ({"block_rows": 0}, "block_rows=0"),
        ({"row_offset": 1}, r"row_offset=1 must be in \[0, 0\]"),
        ({"rule": "mine"}, "rule='mine'"),
        ({"rule": "same"}, "must both be given"),
        ({"row_codes": jnp.zeros(4, jnp.int32)}, "must be None"),
        ({"row_cameras": jnp.zeros(4, jnp.int32)}, "go together"),
        ({"columns": jnp.ones((4, 3))}, "must be of the width"),
        ({"columns": jnp.ones((4, 2), jnp.bfloat16)}, "bfloat16"),
        ({"rows": jnp.ones((0, 2))}, "at least one row"),
    ],
)
def test_bad_arguments_are_named(options, message):
    given = {"rows": jnp.ones((4, 2)), "columns": jnp.ones((4, 2)), "k": 1} | options
    with pytest.raises(ValueError, match=message):
        camera_topk(**given)


def test_a_camera_weight_is_positive():
    cameras = jnp.zeros(4, jnp.int32)
    with pytest.raises(ValueError, match="camera_weight=0"):
        camera_topk(
            jnp.ones((4, 2)),
            jnp.ones((4, 2)),
            k=1,
            row_cameras=cameras,
            column_cameras=cameras,
            camera_weight=0,
        )
