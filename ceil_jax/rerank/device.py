"""GCR on the device, from neighbour lists: dense rounds, or products with sparse rows.

The programs themselves are in `device_programs`. Nothing here needs more than jax,
NumPy and SciPy.
"""

from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from ceil_jax.rerank import device_programs
from pallas_kernels.implementation import Implementation

Form: TypeAlias = Literal["dense", "sparse"]

DENSE_ROWS = 16_384
"""Up to so many rows "dense" is chosen, where it fits. Reckoned for an H100, of 50
TFLOP/s in float32 and 5 TB/s from its level-two cache, with k1=28, k2=7 and T=3: the
dense product does 2 G N operations for a query, the sparse one reads 540 N numbers."""
QUERY_BLOCK = 128
"""Queries whose columns are held at once: 512 bytes for each of the N rows, which are
read whole, four memory accesses wide."""


def gcr_on_device(
    neighbours: tuple[np.ndarray | jax.Array, np.ndarray | jax.Array],
    cameras: np.ndarray | jax.Array | None,
    *,
    num_queries: int,
    k1: int,
    k2: int,
    camera_weight: float,
    num_rounds: int,
    form: Form | None = None,
    implementation: Implementation | None = None,
) -> jax.Array:
    """Similarities of query and gallery by GCR, computed on JAX's first device.

    The same numbers as `rerank.gcr`. One program is compiled for every N, Q, k1, k2
    and T.

    Args:
        neighbours: Lists of all N rows, query then gallery: indices (N, >= k1) and
            similarities (N, >= k1), best first, the row itself in front.
        cameras: (N,) camera of each row. None: all links have weight 1.
        num_queries: Q.
        k1: Neighbours linked; cut to the length of the lists.
        k2: Neighbours propagated from; cut to k1.
        camera_weight: Weight of links within a camera.
        num_rounds: Rounds T.
        form: "dense", with two (N, N) arrays; "sparse", with none; None: by size and
            the device's memory. The one that is named runs or raises.
        implementation: Of the ops; None for the platform's default.

    Returns:
        (Q, G) float32 on the device, higher is better.

    Raises:
        ValueError: An argument is out of its range or of a wrong shape, or the device
            has too little memory.

    References:
        As for `rerank.gcr`. CEIL's kernels hold the dense matrix, of at most 46,340
        rows; offsets here are of 64 bits, and "sparse" holds none.
    """
    indices, similarities = (np.asarray(part) for part in neighbours)
    _check(indices, similarities, cameras, num_queries, k1, k2, num_rounds)
    if not 0 < camera_weight < np.inf:
        raise ValueError(f"{camera_weight=} must be more than 0 and finite")
    k1 = min(k1, indices.shape[1])
    indices = indices[:, :k1].astype(np.int32)
    links = _links(indices, cameras, camera_weight)
    weights = similarities[:, : min(k2, k1)].astype(np.float32) ** 2
    need = _bytes(len(indices), num_queries, k1, k2, num_rounds)
    chosen = _choose(form, need, len(indices))
    lists = device_programs.Lists(*map(jnp.asarray, (indices, links, weights)))
    static = {"num_queries": num_queries, "implementation": implementation}
    if num_rounds == 0:
        return device_programs.no_rounds(lists, **static)
    if chosen == "dense":
        return device_programs.dense(lists, num_rounds=num_rounds, **static)
    first = device_programs.symmetric_rows(indices, links)
    block = min(QUERY_BLOCK, num_queries)
    return device_programs.by_rows(
        lists, first, num_rounds=num_rounds, block=block, **static
    )


def _check(indices, similarities, cameras, num_queries, k1, k2, num_rounds):
    if indices.ndim != 2 or indices.shape != similarities.shape:
        raise ValueError(
            f"neighbours {indices.shape}, {similarities.shape} must be two arrays of "
            "one shape (rows, neighbours)"
        )
    for name, value, least in (
        ("k1", k1, 1),
        ("k2", k2, 1),
        ("num_rounds", num_rounds, 0),
    ):
        if value < least:
            raise ValueError(f"{name}={value} must be at least {least}")
    num_rows = len(indices)
    if not 1 <= num_queries < num_rows:
        raise ValueError(f"{num_queries=} must be in [1, {num_rows - 1}]")
    if indices.min() < 0 or indices.max() >= num_rows:
        raise ValueError(f"neighbours[0] must hold row numbers in [0, {num_rows - 1}]")
    if (indices[:, 0] != np.arange(num_rows)).any():
        raise ValueError("neighbours[0] must hold the row itself in its first column")
    if not np.isfinite(similarities).all():
        raise ValueError("neighbours[1] must be finite, not NaN or infinite")
    if cameras is not None and np.shape(cameras) != (num_rows,):
        raise ValueError(f"cameras {np.shape(cameras)} must be of shape ({num_rows},)")


def _links(indices, cameras, camera_weight):
    if cameras is None:
        return np.ones(indices.shape, np.float32)
    cameras = np.asarray(cameras)
    same = cameras[indices] == cameras[:, None]
    return np.where(same, camera_weight, 1 / camera_weight).astype(np.float32)


def _dense_bytes(num_rows: int, num_queries: int) -> int:
    gallery = num_rows - num_queries
    return 4 * (2 * num_rows**2 + 2 * num_rows * num_queries + num_queries * gallery)


def _sparse_bytes(num_rows, num_queries, k1, k2, num_rounds) -> int:
    # Columns: two for each level of the recursion, and what a product makes.
    block = min(QUERY_BLOCK, num_queries)
    columns = 4 * num_rows * block * (2 * num_rounds + 2)
    lists = num_rows * (40 * k1 + 16 * min(k1, k2) * (num_rounds + 1))
    # Twice: XLA copies what the loop over the blocks fills. As compiled for an H100.
    result = 2 * 4 * num_queries * (num_rows - num_queries)
    return columns + lists + result


def _bytes(num_rows, num_queries, k1, k2, num_rounds) -> dict[str, int]:
    """Memory that either form needs."""
    return {
        "dense": _dense_bytes(num_rows, num_queries),
        "sparse": _sparse_bytes(num_rows, num_queries, k1, k2, num_rounds),
    }


def fits(num_rows: int, num_queries: int, *, k1: int, k2: int, num_rounds: int) -> bool:
    """Whether the device has memory left for `gcr_on_device` in one of its forms.

    Args:
        num_rows: N.
        num_queries: Q.
        k1: Neighbours linked.
        k2: Neighbours propagated from.
        num_rounds: Rounds T.

    Returns:
        True if so, or if the device does not tell.
    """
    need = _bytes(num_rows, num_queries, k1, k2, num_rounds)
    return min(need.values()) <= _free_bytes()


def _free_bytes() -> float:
    """Memory of the device that is not in use; infinite where it does not say."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" not in stats:
        return np.inf
    return stats["bytes_limit"] - stats.get("bytes_in_use", 0)


def _choose(form: str | None, need: dict[str, int], num_rows: int) -> str:
    free = _free_bytes()
    if form is None:
        small = num_rows <= DENSE_ROWS and need["dense"] <= free
        form = "dense" if small else "sparse"
    if form not in need:
        raise ValueError(f"{form=} must be one of {', '.join(need)}")
    if need[form] > free:
        raise ValueError(
            f"{form=} needs {need[form] / 2**30:.3g} GiB for {num_rows} rows, and the "
            f"device has {free / 2**30:.3g} GiB left: take fewer queries at a time"
        )
    return form
