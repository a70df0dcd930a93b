"""The public functions of losses and memory name the argument that is wrong."""

import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax import losses, memory
from ceil_jax.common import shapes

X, BANK = np.ones((4, 3), np.float32), np.ones((5, 3), np.float32)
LABELS = np.zeros(4, np.int32)
SCORES = np.ones((4, 6), np.float32)
POSITIVES, CAMERAS = np.zeros((4, 2), np.int32), np.zeros(6, np.int32)

GOOD: dict[str, tuple[Any, dict[str, Any]]] = {
    "centers": (memory.centers, {"features": X, "labels": LABELS, "num_rows": 2}),
    "scores": (
        memory.scores,
        {"embeddings": X, "memory": BANK, "gradient_memory": BANK},
    ),
    "dcmu": (
        memory.dcmu,
        {"memory": BANK, "embeddings": X, "labels": LABELS, "into": BANK},
    ),
    "momentum": (
        functools.partial(memory.momentum, beta=0.5),
        {"memory": BANK, "embeddings": X, "labels": LABELS},
    ),
    "random_member": (
        functools.partial(memory.random_member, key=jax.random.key(0)),
        {"memory": BANK, "embeddings": X, "labels": LABELS},
    ),
    "cdl": (
        losses.cdl,
        {
            "scores": SCORES,
            "positives": POSITIVES,
            "proxy_cameras": CAMERAS,
            "num_negatives": 2,
        },
    ),
    "info_nce": (
        losses.info_nce,
        {"scores": SCORES, "labels": LABELS, "num_valid": 5},
    ),
    "mmd": (losses.mmd, {"visible": X, "infrared": X, "num_kernels": 2}),
}

MISTAKES = [
    ("centers", "features", X[0], "features.shape=(3,) must be (n, d)"),
    ("centers", "features", X[:0], "features.shape=(0, 3) must hold at least one"),
    ("centers", "features", X > 0, "features.dtype=bool must be a floating-point"),
    ("centers", "labels", LABELS[:3], "labels.shape=(3,) must be (4,)"),
    ("centers", "labels", LABELS * 1.0, "labels.dtype=float64 must be an integer"),
    ("centers", "num_rows", 2.0, "num_rows=2.0 must be a whole number"),
    ("centers", "num_rows", 0, "num_rows=0 must be at least 1"),
    ("scores", "embeddings", X[:, :2], "embeddings.shape=(4, 2) must be (n, 3)"),
    ("scores", "memory", BANK[0], "memory.shape=(3,) must be (n, d)"),
    (
        "scores",
        "gradient_memory",
        BANK[:4],
        "gradient_memory.shape=(4, 3) must equal memory.shape=(5, 3)",
    ),
    ("dcmu", "into", BANK.T, "into.shape=(3, 5) must equal memory.shape=(5, 3)"),
    ("dcmu", "into", BANK[:, :2], "into.shape=(5, 2) must equal memory.shape=(5, 3)"),
    ("mmd", "visible", X[:, :2], "visible.shape=(4, 2) must equal infrared.shape=(4"),
    *(
        (update, *mistake)
        for update in ("dcmu", "momentum", "random_member")
        for mistake in (
            ("memory", BANK[..., None], "memory.shape=(5, 3, 1) must be (n, d)"),
            ("embeddings", X[:, :1], "embeddings.shape=(4, 1) must be (n, 3)"),
            ("labels", POSITIVES, "labels.shape=(4, 2) must be (4,)"),
            ("labels", LABELS > 0, "labels.dtype=bool must be an integer type"),
        )
    ),
    ("cdl", "scores", CAMERAS, "scores.shape=(6,) must be (n, d)"),
    ("cdl", "positives", LABELS, "positives.shape=(4,) must be (4, n)"),
    ("cdl", "positives", POSITIVES[:, :0], "positives.shape=(4, 0) must be (4, n)"),
    ("cdl", "positives", POSITIVES * 1.0, "positives.dtype=float64 must be"),
    ("cdl", "proxy_cameras", CAMERAS[1:], "proxy_cameras.shape=(5,) must be (6,)"),
    ("cdl", "num_negatives", -1, "num_negatives=-1 must be at least 0"),
    ("info_nce", "labels", LABELS[None], "labels.shape=(1, 4) must be (4,)"),
    ("info_nce", "num_valid", LABELS, "num_valid.shape=(4,) must be ()"),
    ("mmd", "visible", X[0], "visible.shape=(3,) must be (n, d)"),
    ("mmd", "infrared", X[None], "infrared.shape=(1, 4, 3) must be (n, d)"),
    ("mmd", "visible", X[:3], "visible.shape=(3, 3) must equal infrared.shape=(4, 3)"),
    ("mmd", "num_kernels", 2.5, "num_kernels=2.5 must be a whole number"),
    ("mmd", "kernel_mul", 0.0, "kernel_mul=0.0 must be more than 0"),
]


@pytest.mark.parametrize(("name", "argument", "value", "message"), MISTAKES)
def test_mistakes_are_named(name, argument, value, message):
    function, arguments = GOOD[name]
    with pytest.raises(ValueError, match=re.escape(message)):
        jax.eval_shape(lambda: function(**arguments | {argument: value}))


@pytest.mark.parametrize("name", GOOD)
def test_mistakes_are_seen_in_traced_arrays_and_good_ones_pass(name):
    function, arguments = GOOD[name]
    arrays = {k: v for k, v in arguments.items() if isinstance(v, np.ndarray)}
    plain = {k: v for k, v in arguments.items() if k not in arrays}
    run = functools.partial(function, **plain)
    assert jax.eval_shape(run, **arrays).dtype == jnp.float32
    first = next(iter(arrays))
    with pytest.raises(ValueError, match=rf"{first}\.shape="):
        jax.eval_shape(run, **arrays | {first: np.ones((2, 2, 2), np.float32)})


def test_whole_numbers_become_float32_and_types_are_kept():
    assert shapes.matrix("x", np.eye(2, dtype=int)).dtype == jnp.float32
    assert shapes.matrix("x", jnp.eye(2, dtype=jnp.bfloat16)).dtype == jnp.bfloat16
    with pytest.raises(ValueError, match=r"x\.dtype=<U1 must be a floating"):
        shapes.matrix("x", np.array([["a"]]))
