"""Whole programs for an H100, on a machine without a GPU: they compile, and fit."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from benchmarks.gpu import rerank, training
from ceil_jax.encoder import Encoder
from ceil_jax.rerank import device, device_programs
from ceil_jax.training import optim, steps
from ceil_jax.training.objective import Objective
from tests.h100 import compiling
from tests.pallas_kernels import cuda

K1, K2, ROUNDS = (rerank.PARAMETERS[name] for name in ("k1", "k2", "num_rounds"))


def lists(num_rows):
    def shape(k, dtype) -> Any:
        return jax.ShapeDtypeStruct((num_rows, k), dtype)

    return device_programs.Lists(
        shape(K1, jnp.int32), shape(K1, jnp.float32), shape(K2, jnp.float32)
    )


def sparse_rows(num_rows):
    entries = 2 * num_rows * K1

    def shape(n, dtype) -> Any:
        return jax.ShapeDtypeStruct((n,), dtype)

    return device_programs.Rows(
        shape(num_rows + 1, jnp.int32),
        shape(entries, jnp.int32),
        shape(entries, jnp.float32),
    )


@pytest.mark.parametrize("size", rerank.SIZES, ids=lambda size: size.what)
@compiling.needs_compiler
def test_gcr(size):
    static: dict[str, Any] = {
        "num_queries": size.queries,
        "num_rounds": ROUNDS,
        "implementation": None,
    }
    need = device._bytes(size.rows, size.queries, K1, K2, ROUNDS)
    for form in size.forms:
        program: Any = device_programs.dense
        arguments: tuple[Any, ...] = (lists(size.rows),)
        if form == "sparse":
            program = device_programs.by_rows
            arguments = (*arguments, sparse_rows(size.rows))
            static["block"] = min(device.QUERY_BLOCK, size.queries)
        with compiling.as_on_an_h100():
            lowered = program.lower(*compiling.shapes(arguments), **static)
            compiled = lowered.compile()
        assert cuda.KERNEL in lowered.as_text()
        # What is said to be needed before the work starts.
        assert compiling.needed_bytes(compiled) <= 1.1 * need[form]
        assert need[form] < compiling.MEMORY_BYTES


@pytest.mark.parametrize(
    ("stage", "dtype"), [(1, "bfloat16"), (2, "bfloat16"), (2, "float32")]
)
@compiling.needs_compiler
def test_training_step(stage, dtype):
    work = training.SYSU  # whose batch is the largest
    encoder = Encoder(dtype=jnp.dtype(dtype))
    optimizer = optim.adam()
    step = steps.make_train_step(
        encoder=encoder,
        optimizer=optimizer,
        constants=Objective(num_negatives=work.num_negatives),
        stage=stage,
        seed=0,
        pad=10,
        strong_view_from="weak",
    )
    memories, tables, batch = training.problem(work, encoder.num_features)
    state = jax.eval_shape(
        lambda: steps.init_state(encoder, optimizer, work.image_size, seed=0)
    )
    rate = jnp.float32(1e-5)
    given = compiling.shapes((state, memories, tables, rate, batch))
    with compiling.as_on_an_h100():
        compiled = jax.jit(step, donate_argnums=(0, 1)).lower(*given).compile()
    assert compiling.needed_bytes(compiled) < compiling.MEMORY_BYTES
    # Three of each stem and sixteen of 3x3, forward and for their weights; and for
    # their inputs, which images need not.
    convolutions = 2 * 3 + 16
    text = str(compiled.as_text())
    assert text.count('"__cudnn$convForward"') == convolutions
    assert text.count('"__cudnn$convBackwardFilter"') == convolutions
    assert text.count('"__cudnn$convBackwardInput"') == convolutions - 2
