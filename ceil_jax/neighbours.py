"""The nearest rows of every row: the lists that all graphs here are made of."""

from typing import Literal, NamedTuple

import jax
import numpy as np

from ceil_jax import checks
from pallas_kernels.camera_topk import camera_topk

Search = Literal["faiss", "device"]

DEVICE_ROWS = 4096
"""Fewer rows than this are always searched on the host, which compiles nothing.

Their number changes from call to call (proxies, clusters), and every new number would
be a new program for the device.
"""


class Neighbours(NamedTuple):
    """Neighbour lists, best first, the row itself in front.

    Attributes:
        indices: (n, k) int32 row numbers.
        similarities: (n, k) float32 inner products with the row.
    """

    indices: np.ndarray
    similarities: np.ndarray


def nearest(
    features: checks.Rows, *, k: int, search: Search | None = None
) -> Neighbours:
    """The k nearest rows of every row by inner product, the row itself first.

    Args:
        features: (n, d) rows, L2-normalised where cosine similarity is meant.
        k: Number of neighbours, the row itself among them; cut to n.
        search: "faiss" on the host, "device" by `pallas_kernels.camera_topk`, or None:
            the host where JAX runs on the CPU or n is less than `DEVICE_ROWS`.

    Returns:
        `Neighbours` with lists of min(k, n) entries.

    Raises:
        ValueError: `features` is not usable, `k` is less than 1, or `search` unknown.
    """
    checks.at_least(1, k=k)
    rows = checks.rows("features", features)
    k = min(k, len(rows))
    if search is None:
        on_host = len(rows) < DEVICE_ROWS or jax.default_backend() == "cpu"
        search = "faiss" if on_host else "device"
    match search:
        case "faiss":
            # Only here: what runs on the device does without it.
            import faiss

            index = faiss.IndexFlatIP(rows.shape[1])
            index.add(rows)
            similarities, indices = index.search(rows, k)
            own = np.einsum("nd,nd->n", rows, rows)
            return itself_first(indices, similarities, own)
        case "device":
            on_device = jax.numpy.asarray(rows)
            found = camera_topk(on_device, on_device, k=k, row_offset=0)
            return Neighbours(np.asarray(found.indices), np.asarray(found.similarities))
        case other:
            raise ValueError(f"search={other!r} must be 'faiss' or 'device'")


def itself_first(
    indices: np.ndarray, similarities: np.ndarray, own: np.ndarray | None = None
) -> Neighbours:
    """Move every row to the front of its own list.

    Equal rows and rounding can put another row first, or, among many equal rows, keep
    the row off its list altogether. Then it takes the place of the last.

    Args:
        indices: (n, k) row numbers, best first.
        similarities: (n, k) inner products.
        own: (n,) inner products of the rows with themselves, for rows that are not on
            their lists. None: every row has to be on its list.

    Returns:
        The lists, the other rows in the order in which they were.

    Raises:
        ValueError: A row is not on its list and `own` is None.
    """
    num_rows, k = indices.shape
    indices = indices.astype(np.int32)
    similarities = similarities.astype(np.float32)
    hit = indices == np.arange(num_rows, dtype=np.int32)[:, None]
    absent = np.flatnonzero(~hit.any(axis=1))
    if absent.size:
        if own is None:
            raise ValueError(f"the neighbours of row {absent[0]} must hold row itself")
        indices[absent, -1] = absent
        similarities[absent, -1] = own[absent]
        hit[absent, -1] = True
    if hit[:, 0].all():
        return Neighbours(indices, similarities)
    place = np.arange(k)[None, :] + np.ones((num_rows, 1), np.int64)
    place[hit] = 0
    order = np.argsort(place, axis=1, kind="stable")
    return Neighbours(
        np.take_along_axis(indices, order, axis=1),
        np.take_along_axis(similarities, order, axis=1),
    )
