"""Times of work on a device, and what the device can do at best."""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.measure import Timing, timing

BATCH_SECONDS = 0.02
"""Calls are timed in batches that take about so long: one call may take microseconds,
and waiting for it as long again."""


def device_seconds(
    function: Callable[..., Any], *args: Any, batches: int = 7, most_seconds: float = 8
) -> Timing:
    """Time of one call, waiting for the device after every batch of calls.

    Args:
        function: Compiled; called once before anything is measured.
        *args: Its arguments, on the device.
        batches: Batches; the median is over them.
        most_seconds: Fewer batches are made where they would take longer.

    Returns:
        Seconds of one call.
    """
    jax.block_until_ready(function(*args))
    once = _batch(function, args, 1)
    calls = max(1, math.ceil(BATCH_SECONDS / max(once, 1e-7)))
    batches = max(1, min(batches, int(most_seconds / (calls * once))))
    return timing([_batch(function, args, calls) for _ in range(batches)])


def _batch(function: Callable[..., Any], args: Any, calls: int) -> float:
    start = time.perf_counter()
    out = None
    for _ in range(calls):
        out = function(*args)
    jax.block_until_ready(out)
    return (time.perf_counter() - start) / calls


class Peaks(NamedTuple):
    """What the device does at best, measured.

    Attributes:
        bytes_per_second: Read and written by adding one to a large array.
        float32_per_second: Operations of a matrix product in full float32.
        bfloat16_per_second: The same of bfloat16, summed in float32.
    """

    bytes_per_second: float
    float32_per_second: float
    bfloat16_per_second: float

    def shown(self) -> str:
        """In words."""
        return (
            f"{self.bytes_per_second / 1e12:.2f} TB/s of memory, matrix products at "
            f"{self.float32_per_second / 1e12:.3g} TFLOP/s in float32 and "
            f"{self.bfloat16_per_second / 1e12:.3g} in bfloat16"
        )


def peaks(*, size: int = 8192) -> Peaks:
    """Measure the device's peaks.

    Args:
        size: Rows and columns of the matrices.

    Returns:
        The peaks.
    """
    keys = jax.random.split(jax.random.key(0), 2)
    a, b = (jax.random.normal(key, (size, size), jnp.float32) for key in keys)
    copy = jax.jit(lambda x: x + 1)
    moved = 2 * a.nbytes / device_seconds(copy, a).median
    exact = jax.jit(lambda x, y: jnp.dot(x, y, precision=jax.lax.Precision.HIGHEST))
    half = jax.jit(lambda x, y: jnp.dot(x, y, preferred_element_type=jnp.float32))
    small = (a.astype(jnp.bfloat16), b.astype(jnp.bfloat16))
    operations = 2 * size**3
    return Peaks(
        moved,
        operations / device_seconds(exact, a, b).median,
        operations / device_seconds(half, *small).median,
    )
