"""Similarities of queries and gallery from features, a few queries at a time."""

from collections.abc import Iterator

import jax
import numpy as np
from numpy.typing import ArrayLike

from ceil_jax.common import checks, features, linalg
from ceil_jax.common.features import Normalise
from ceil_jax.common.progress import bar

BLOCK_ENTRIES = 1 << 26
"""Similarities that are held at a time: a quarter of a GiB in float32.

Each test set of SYSU-MM01, RegDB and LLCM is one, multiplied as the whole matrix is.
"""


class Products:
    """Inner products of queries and gallery images, of which only a block is held.

    Attributes:
        shape: (Q, G), as of the matrix that is never made.
    """

    def __init__(
        self, query: ArrayLike, gallery: ArrayLike, *, normalise: Normalise = False
    ) -> None:
        """Check the features.

        Args:
            query: (Q, d) numbers.
            gallery: (G, d) numbers.
            normalise: None refuses rows that are off length 1 by more than 0.01, True
                normalises them, False takes them as they are.

        Raises:
            ValueError: One of them is no matrix, empty or not finite, or their widths
                differ.
        """
        sides = {"query": query, "gallery": gallery}
        arrays = {name: checks.array(name, side) for name, side in sides.items()}
        for name, array in arrays.items():
            checks.real(name, array)
        # One by one: NumPy knows nothing that holds both bfloat16 and float16.
        types = [np.result_type(array, np.float32) for array in arrays.values()]
        dtype = np.result_type(*types)
        self._query, self._gallery = (
            features.rows(name, array, normalise=normalise, dtype=dtype)
            for name, array in arrays.items()
        )
        features.same_width("query", self._query, "gallery", self._gallery)
        self.shape = len(self._query), len(self._gallery)

    def blocks(self) -> Iterator[np.ndarray]:
        """The rows of the matrix in their order, some at a time.

        Several blocks are multiplied by the accelerator where JAX has one and the
        numbers are float32, in full precision; else by NumPy. Products of a few rows
        can differ in the last bit from those of many, by NumPy and by JAX.

        Yields:
            (b, G) similarities of the next b queries, to be read until the next block
            is asked for.
        """
        num_queries, num_gallery = self.shape
        step = min(num_queries, max(1, BLOCK_ENTRIES // num_gallery))
        total = num_queries if step < num_queries else None
        on_device = total and jax.default_backend() != "cpu"
        if on_device and self._gallery.dtype == np.float32:
            gallery = jax.numpy.asarray(self._gallery)
            held = None
        else:
            gallery = self._gallery.T
            held = np.empty((step, num_gallery), self._gallery.dtype)
        with bar(total=total, desc="similarities", unit="query") as shown:
            for start in range(0, num_queries, step):
                query = self._query[start : start + step]
                if held is None:
                    yield np.asarray(linalg.inner(query, gallery))
                else:
                    yield np.matmul(query, gallery, out=held[: len(query)])
                if total:
                    shown.update(len(query))


Similarities = np.ndarray | Products


def blocks(similarity: Similarities) -> Iterator[np.ndarray]:
    """Rows of a matrix in their order: a given one at once, another in blocks.

    Args:
        similarity: (Q, G).

    Yields:
        (b, G) rows, to be read until the next ones are asked for.
    """
    if isinstance(similarity, Products):
        yield from similarity.blocks()
    else:
        yield similarity
