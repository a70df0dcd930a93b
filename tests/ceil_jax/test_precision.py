"""Products that decide something are not left to a GPU's default, ten bits."""

import functools
from typing import Any

import jax
import numpy as np
import pytest

from ceil_jax import losses, memory
from ceil_jax.common import linalg
from pallas_kernels.camera_topk import camera_topk

X, BANK = np.ones((4, 3), np.float32), np.ones((5, 3), np.float32)
LABELS = np.zeros(4, np.int32)


def total(function):
    return lambda *arguments: function(*arguments).sum()


CASES: dict[str, tuple[Any, tuple[Any, ...], int]] = {
    "scores": (memory.scores, (X, BANK), 1),
    "scores, two memories": (memory.scores, (X, BANK, -BANK), 1),
    "gradient of scores": (jax.grad(total(memory.scores)), (X, BANK), 1),
    "gradient, two memories": (jax.grad(total(memory.scores)), (X, BANK, -BANK), 1),
    "dcmu": (memory.dcmu, (BANK, X, LABELS), 1),
    "mmd": (losses.mmd, (X, 2 * X), 1),
    "gradient of mmd": (jax.grad(losses.mmd), (X, 2 * X), 3),
    "neighbours": (functools.partial(camera_topk, k=2, block_rows=2), (X, BANK), 1),
    "similarities": (linalg.inner, (X, BANK), 1),
}


@pytest.mark.parametrize("name", CASES)
def test_products_are_in_full_precision(name):
    function, arguments, least = CASES[name]
    text = jax.jit(function).lower(*arguments).as_text()
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert len(products) >= least
    for line in products:
        assert "precision = [HIGHEST, HIGHEST]" in line
