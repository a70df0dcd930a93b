"""Every kernel through NVIDIA's compiler, for an H100, on a machine without a GPU."""

import functools

import jax
import jax.numpy as jnp

from pallas_kernels.camera_topk import camera_topk
from pallas_kernels.csr_product import csr_product
from pallas_kernels.graph_propagate import propagate, symmetrise
from tests.h100 import compiling
from tests.pallas_kernels import cuda


def neighbours(rule, features, codes):
    codes = (None, None) if rule == "all" else (codes, codes)
    return camera_topk(
        features,
        features,
        k=28,
        rule=rule,
        row_codes=codes[0],
        column_codes=codes[1],
        row_offset=0,
    )


def product(indptr, indices, data, dense):
    return csr_product(indptr, indices, data, dense)


def cases():
    """Name, function, and shapes and types of its arguments."""
    whole, real = jnp.int32, jnp.float32
    for dtype in (jnp.float32, jnp.bfloat16, jnp.float16):
        kind = jnp.dtype(dtype).name
        for rule in ("all", "different", "same"):
            given = ((23_100, 2048), dtype), ((23_100,), whole)
            yield f"{rule} {kind}", functools.partial(neighbours, rule), given
        # On both sides of 2^31 entries, where offsets become ones of 64 bits.
        for n in (23_100, 46_340, 46_341, 65_536):
            lists = ((n, 7), whole), ((n, 7), real)
            yield f"propagate {n} {kind}", propagate, (((n, n), dtype), *lists)
            yield f"symmetrise {n} {kind}", symmetrise, (((n, n), dtype),)
        for columns in (1, 128, 1000):
            rows = ((100_001,), whole), ((5_600_000,), whole), ((5_600_000,), real)
            given = (*rows, ((100_000, columns), dtype))
            yield f"csr {columns} {kind}", product, given


@compiling.needs_compiler
def test_every_kernel_compiles():
    for name, function, given in cases():
        arguments = compiling.shapes([jax.ShapeDtypeStruct(*x) for x in given])
        with compiling.as_on_an_h100():
            # Too much shared memory, or what Triton cannot do, is an error here.
            lowered = jax.jit(function).lower(*arguments)
            assert cuda.KERNEL in lowered.as_text(), name
            assert cuda.KERNEL in str(lowered.compile().as_text()), name
