"""GCR on the device: right, then its time by size, with and without the search."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse

from benchmarks.gpu.checking import check_close
from benchmarks.gpu.correctness import unit_rows
from benchmarks.gpu.timing import device_seconds
from benchmarks.record import Table
from ceil_jax.rerank.device import gcr_on_device
from pallas_kernels.camera_topk import camera_topk

FORMS = ("dense", "sparse")
PARAMETERS: dict[str, Any] = {
    "k1": 28,
    "k2": 7,
    "camera_weight": 0.5,
    "num_rounds": 3,
}
NUM_CAMERAS = 6


class Size(NamedTuple):
    """One set that is re-ranked.

    Attributes:
        what: In words.
        queries: Q.
        gallery: G.
        width: Features.
        forms: Forms to measure.
    """

    what: str
    queries: int
    gallery: int
    width: int = 2048
    forms: tuple[str, ...] = FORMS

    @property
    def rows(self) -> int:
        """Q + G."""
        return self.queries + self.gallery


SIZES = (
    Size("SYSU-MM01, all search", 3803, 301),
    Size("Market-1501", 3368, 19732),
    Size("past 32-bit indices", 1000, 45341, 512),
    Size("100,000 rows", 1000, 99000, 256, ("sparse",)),
)
SMALL = (Size("small", 20, 60, 16),)


def exact(
    indices: np.ndarray, similarities: np.ndarray, cameras: np.ndarray, num_queries: int
) -> np.ndarray:
    """GCR as it is defined, in float64 on sparse rows of the host.

    Args:
        indices: (N, k1) lists.
        similarities: (N, k1).
        cameras: (N,).
        num_queries: Q.

    Returns:
        (Q, G) float64.
    """
    k1, k2 = indices.shape[1], PARAMETERS["k2"]
    num_rows, weight = len(indices), PARAMETERS["camera_weight"]
    same = cameras[indices] == cameras[:, None]

    def rows_of(columns: np.ndarray, values: np.ndarray) -> sparse.csr_array:
        offsets = np.arange(0, columns.size + 1, columns.shape[1])
        parts = (values.ravel().astype(np.float64), columns.ravel(), offsets)
        return sparse.csr_array(parts, shape=(num_rows, num_rows))

    graph = rows_of(indices, np.where(same, weight, 1 / weight))
    squares = similarities[:, : min(k1, k2)].astype(np.float64) ** 2
    spread = rows_of(indices[:, : min(k1, k2)], squares)
    for _ in range(PARAMETERS["num_rounds"]):
        both = graph + graph.T
        scale = sparse.diags_array(1 / np.asarray(both.sum(axis=1)).ravel())
        graph = sparse.csr_array(spread @ (scale @ both))
    return (graph[:num_queries] @ graph[num_queries:].T).toarray()


def run(*, small: bool, has_time: Callable[..., bool]) -> Iterator[Table | str]:
    """Check GCR, then measure it by size.

    Args:
        small: The smallest size alone.
        has_time: Whether something may still begin.

    Yields:
        The table.

    Raises:
        WrongResultError: GCR computes something else than its definition.
    """
    rows = []
    for size in SMALL if small else SIZES:
        if has_time(f"GCR of {size.what}", 40):
            rows += _of_size(size)
    yield Table(
        "GCR (k1 = 28, k2 = 7, three rounds, six cameras). The difference is the "
        "largest from float64 on the host, as a share of the largest entry.",
        ["set", "N", "Q", "form", "search, ms", "graph part, ms", "difference"],
        rows,
    )


def _of_size(size: Size) -> Iterator[list[str | float]]:
    rng = np.random.default_rng(0)
    features = jnp.asarray(unit_rows(rng, size.rows, size.width))
    cameras = rng.integers(1, NUM_CAMERAS + 1, size=size.rows).astype(np.int32)

    def search(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        found = camera_topk(x, x, k=PARAMETERS["k1"], row_offset=0)
        return found.indices, found.similarities

    search = jax.jit(search)
    seconds = device_seconds(search, features, batches=3).median
    neighbours = search(features)
    on_host = tuple(map(np.asarray, neighbours))
    # Past this the float64 rounds take minutes on the host.
    want = (
        exact(on_host[0], on_host[1], cameras, size.queries)
        if size.rows < 50_000
        else None
    )
    for form in size.forms:

        def rerank(form: str = form) -> jax.Array:
            return gcr_on_device(
                neighbours,
                cameras,
                num_queries=size.queries,
                form=form,  # type: ignore[arg-type]
                **PARAMETERS,
            )

        error: str | float = "not compared"
        if want is not None:
            error = check_close(
                f"GCR, {size.what}, {form}", rerank(), want, tolerance=1e-5
            )
        graph = device_seconds(rerank, batches=5).median
        shown = [size.what, size.rows, size.queries, form]
        yield [*shown, seconds * 1e3, graph * 1e3, error]
