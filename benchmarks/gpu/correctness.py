"""Comparing every implementation of every op with float64, on fresh random data."""

import time
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from benchmarks.gpu.checking import WrongResultError, check_close
from pallas_kernels.camera_topk import camera_topk
from pallas_kernels.csr_product import csr_product
from pallas_kernels.graph_propagate import gcr_round, propagate

NAMES = ("triton", "xla")
TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-2, "float16": 2e-3}
"""Largest difference from float64, as a share of the largest entry."""
K1, K2 = 28, 7


def unit_rows(rng: Any, num_rows: int, width: int) -> np.ndarray:
    """Random unit rows, several of each person.

    Args:
        rng: Source of the numbers.
        num_rows: How many.
        width: Their length.

    Returns:
        (num_rows, width) float32.
    """
    people = rng.normal(size=(max(1, num_rows // 20), width))
    rows = people[rng.integers(len(people), size=num_rows)]
    rows = (rows + 0.8 * rng.normal(size=rows.shape)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def lists(rng: Any, num_rows: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbour lists without a search: the row itself, then random others.

    Args:
        rng: Source of the numbers.
        num_rows: Rows.
        k: Entries of a list.

    Returns:
        Row numbers and weights, (num_rows, k) each.
    """
    step = rng.integers(1, max(2, num_rows // k), size=(num_rows, k)).cumsum(axis=1)
    rank = (np.arange(num_rows)[:, None] + step - step[:, :1]) % num_rows
    weights = np.sort(rng.uniform(0.3, 1, size=(num_rows, k)))[:, ::-1]
    return rank.astype(np.int32), weights.astype(np.float32)


def check_topk(rng: Any, name: str, size: tuple[int, int, int], dtype: str) -> float:
    """Compare the search with float64 products, under every rule.

    Args:
        rng: Source of the numbers.
        name: Of the implementation.
        size: Rows, columns, features.
        dtype: Of the features.

    Returns:
        The largest difference.

    Raises:
        WrongResultError: It is too large, or a list holds a pair that does not count.
    """
    num_rows, num_columns, width = size
    columns = jnp.asarray(unit_rows(rng, num_columns, width), dtype)
    rows = columns[:num_rows]
    codes = rng.integers(1, 5, size=num_columns).astype(np.int32)
    exact = np.asarray(rows, np.float64) @ np.asarray(columns, np.float64).T
    equal = codes[:num_rows, None] == codes
    worst = 0.0
    k = min(K1, num_columns // 8)
    for rule, allowed in (
        ("all", np.ones_like(equal)),
        ("different", ~equal),
        ("same", equal),
    ):
        what = f"camera_topk {name} {dtype} {rule}"
        found = camera_topk(
            rows,
            columns,
            k=k,
            rule=rule,  # type: ignore[arg-type]
            row_codes=None if rule == "all" else jnp.asarray(codes[:num_rows]),
            column_codes=None if rule == "all" else jnp.asarray(codes),
            implementation=name,  # type: ignore[arg-type]
        )
        index = np.asarray(found.indices)
        if not np.take_along_axis(allowed, index, axis=1).all():
            raise WrongResultError(f"{what}: a pair that does not count is on a list")
        if (np.sort(index, axis=1)[:, 1:] == np.sort(index, axis=1)[:, :-1]).any():
            raise WrongResultError(f"{what}: a column is on a list twice")
        best = -np.sort(-np.where(allowed, exact, -np.inf), axis=1)[:, :k]
        own = np.take_along_axis(exact, index, axis=1)
        for part, want in (("best", best), ("of its columns", own)):
            error = check_close(
                f"{what}, similarities {part}",
                found.similarities,
                want,
                tolerance=TOLERANCE["float32"],
            )
            worst = max(worst, error)
    return worst


def check_graph(rng: Any, name: str, num_rows: int, dtype: str) -> float:
    """Compare propagation and a whole round with float64.

    Args:
        rng: Source of the numbers.
        name: Of the implementation.
        num_rows: Rows.
        dtype: In which the graph is stored.

    Returns:
        The largest difference.
    """
    rank, weights = lists(rng, num_rows, K2)
    links = rng.uniform(size=(num_rows, num_rows)) * (
        rng.uniform(size=(num_rows, num_rows)) < 0.1
    )
    links[0] = links[:, 0] = 0  # a row without links keeps its zeros
    graph = jnp.asarray(links, dtype)
    exact = np.asarray(graph, np.float64)
    both = exact + exact.T
    sums = both.sum(axis=1, keepdims=True)
    divided = np.divide(both, sums, out=np.zeros_like(both), where=sums > 0)
    options: dict[str, Any] = {"implementation": name}
    errors = []
    for what, op, source in (
        ("propagate", propagate, exact),
        ("gcr_round", gcr_round, divided),
    ):
        want = np.einsum("nk,nkm->nm", weights.astype(np.float64), source[rank])
        got = op(graph, jnp.asarray(rank), jnp.asarray(weights), **options)
        error = check_close(
            f"{what} {name} {dtype}", got, want, tolerance=TOLERANCE[dtype]
        )
        errors.append(error)
    return max(errors)


def ragged(rng: Any, num_rows: int, mean: int) -> tuple[np.ndarray, ...]:
    """Sparse rows of very different lengths, some empty.

    Args:
        rng: Source of the numbers.
        num_rows: Rows and columns.
        mean: Entries of a row on average.

    Returns:
        Offsets, columns, values.
    """
    lengths = np.minimum(rng.geometric(1 / mean, size=num_rows) - 1, 50 * mean)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    columns = rng.integers(num_rows, size=offsets[-1]).astype(np.int32)
    return offsets, columns, rng.uniform(size=offsets[-1]).astype(np.float32)


def check_csr(rng: Any, name: str, num_rows: int, width: int) -> float:
    """Compare the product of sparse rows and a dense array with float64.

    Args:
        rng: Source of the numbers.
        name: Of the implementation.
        num_rows: Sparse rows and columns.
        width: Columns of the dense array.

    Returns:
        The largest difference.
    """
    from scipy import sparse

    offsets, columns, values = ragged(rng, num_rows, 20)
    dense = rng.uniform(size=(num_rows, width)).astype(np.float32)
    matrix = sparse.csr_array(
        (values.astype(np.float64), columns, offsets), shape=(num_rows, num_rows)
    )
    got = csr_product(
        *map(jnp.asarray, (offsets, columns, values, dense)),
        implementation=name,  # type: ignore[arg-type]
    )
    want = matrix @ dense.astype(np.float64)
    return check_close(f"csr_product {name}", got, want, tolerance=1e-5)


def check_all(*, small: bool) -> Iterator[tuple[str, str, str, float]]:
    """Check every implementation of every op.

    Args:
        small: The smallest sizes.

    Yields:
        Op, implementation, type, largest difference.
    """
    seed = time.time_ns() % 2**32
    rng = np.random.default_rng(seed)
    sizes = (40, 150, 24) if small else (1000, 3001, 200)
    for name in NAMES:
        for dtype in ("float32", "bfloat16"):
            yield "camera_topk", name, dtype, check_topk(rng, name, sizes, dtype)
        for dtype in TOLERANCE:
            error = check_graph(rng, name, 40 if small else 1001, dtype)
            yield "graph_propagate", name, dtype, error
        error = check_csr(rng, name, *((60, 8) if small else (5000, 300)))
        yield "csr_product", name, "float32", error
