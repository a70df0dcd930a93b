"""Times of every kernel, beside XLA's and the floor, once it is known to be right."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.gpu.correctness import (
    K1,
    K2,
    NAMES,
    check_all,
    lists,
    ragged,
    unit_rows,
)
from benchmarks.gpu.timing import Peaks, device_seconds
from benchmarks.record import Table
from pallas_kernels import implementation as implementations
from pallas_kernels.camera_topk import camera_topk
from pallas_kernels.csr_product import csr_product
from pallas_kernels.graph_propagate import gcr_round, propagate


class Case(NamedTuple):
    """One call of an op.

    Attributes:
        op: Name of the op.
        what: Sizes and type, in words.
        call: The op of `args`, with `implementation` left open.
        args: On the device.
        moved: Bytes that have to be read and written at least.
        operations: Arithmetic operations that have to be done.
        is_float32: Whether these are products in full float32.
    """

    op: str
    what: str
    call: Callable[..., Any]
    args: tuple[Any, ...]
    moved: float
    operations: float = 0.0
    is_float32: bool = True

    def floor(self, peaks: Peaks) -> tuple[float, str]:
        """Seconds that the device needs at best, and what for."""
        rate = peaks.float32_per_second
        if not self.is_float32:
            rate = peaks.bfloat16_per_second
        by = {
            "memory": self.moved / peaks.bytes_per_second,
            "arithmetic": self.operations / rate,
        }
        bound = max(by, key=by.__getitem__)
        return by[bound], bound


def cases(*, small: bool) -> Iterator[Case]:
    """Calls at the sizes of the data sets.

    Args:
        small: The smallest sizes.

    Yields:
        Calls with what they cost at least.
    """
    rng = np.random.default_rng(0)
    sizes = (80,) if small else (4104, 23100)
    width = 16 if small else 2048
    halves = () if small else ("bfloat16", "float16")
    for n in sizes:
        for dtype in ("float32", *halves[:1]):
            rows = jnp.asarray(unit_rows(rng, n, width), dtype)
            yield Case(
                "camera_topk",
                f"{n:,} rows in {n:,}, d = {width:,}, k = {K1}, {dtype}",
                lambda x, **how: camera_topk(x, x, k=K1, row_offset=0, **how),
                (rows,),
                2 * rows.nbytes,
                2.0 * n * n * width,
                dtype == "float32",
            )
    for n in sizes:
        rank, weights = map(jnp.asarray, lists(rng, n, K2))
        for dtype in ("float32", *halves[1:]):
            graph = jax.random.uniform(jax.random.key(0), (n, n), jnp.float32)
            graph = graph.astype(dtype)
            args = (graph, rank, weights)
            what = f"{n:,} x {n:,}, k2 = {K2}, {dtype}"
            yield Case("propagate", what, propagate, args, 2 * graph.nbytes)
            yield Case("gcr_round", what, gcr_round, args, 4 * graph.nbytes)
    n, width = (60, 8) if small else (100_000, 256)
    for mean in (K2, 2 * K1):
        offsets, columns, values = map(jnp.asarray, ragged(rng, n, mean))
        dense = jax.random.uniform(jax.random.key(0), (n, width), jnp.float32)
        yield Case(
            "csr_product",
            f"{n:,} rows of about {mean} entries, {width} columns",
            csr_product,
            (offsets, columns, values, dense),
            2 * dense.nbytes + 8 * values.size,
        )


def time_case(case: Case, peaks: Peaks) -> list[str | float]:
    """Time both implementations of one call.

    Args:
        case: The call.
        peaks: Of the device.

    Returns:
        The row of the table.
    """
    seconds = []
    for name in NAMES:
        call = jax.jit(lambda *args, name=name: case.call(*args, implementation=name))
        seconds.append(device_seconds(call, *case.args).median)
    floor, bound = case.floor(peaks)
    triton, xla = seconds
    return [
        case.op,
        case.what,
        triton * 1e3,
        xla * 1e3,
        xla / triton,
        floor * 1e3,
        f"{100 * floor / triton:.0f} % of {bound}",
    ]


def run(
    peaks: Peaks, *, small: bool, has_time: Callable[..., bool]
) -> Iterator[Table | str]:
    """Check every kernel, then time it.

    Args:
        peaks: Of the device.
        small: The smallest sizes.
        has_time: Whether something may still begin.

    Yields:
        Tables and sentences.

    Raises:
        WrongResultError: A kernel computes something else than its definition.
    """
    yield f"What runs here by default: {implementations.running()}."
    rows: list[Sequence[str | float]] = list(check_all(small=small))
    yield Table(
        "Largest difference from a float64 reference on fresh random data, as a share "
        "of the largest entry.",
        ["op", "implementation", "stored in", "difference"],
        rows,
    )
    headers = ["op", "of", "Triton, ms", "XLA, ms", "ratio", "floor, ms", "reached"]
    timed = [
        time_case(case, peaks)
        for case in cases(small=small)
        if has_time(f"{case.op} {case.what}", 20)
    ]
    yield Table(
        "Times of the kernels. The floor is what has to be read, written and "
        "multiplied, at the measured peaks.",
        headers,
        timed,
    )
