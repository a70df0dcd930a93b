"""Embeddings as they are in the middle of a training, with neighbour lists.

The images are made so that a clustering of 22,258 of them finds about as many clusters
and camera proxies as the published training on SYSU-MM01 does from its middle on (718
and 1,543): 395 people, 4 cameras, each of which moves a person to its own place.
"""

from typing import NamedTuple

import faiss
import numpy as np

from ceil_jax.neighbours.search import Neighbours, itself_first

NUM_IMAGES, NUM_PEOPLE, NUM_CAMERAS = 22_258, 395, 4
WIDTH, EMBEDDING, K1 = 64, 2048, 30
EXACT_ROWS = 60_000  # larger sets are searched approximately: only the lists' making is


class Images(NamedTuple):
    """What a clustering is made of.

    Attributes:
        features: (N, d) float32 unit rows.
        neighbours: Their lists of K1.
        people: (N,) who is seen.
        cameras: (N,) by which camera, from 1.
    """

    features: np.ndarray
    neighbours: Neighbours
    people: np.ndarray
    cameras: np.ndarray


def images(num_rows: int, width: int = WIDTH) -> Images:
    """Embeddings as training has them half-way, people mixed at random.

    Args:
        num_rows: How many; people in proportion.
        width: Numbers of an embedding, at least `WIDTH`, in which their part lies.

    Returns:
        The images and their neighbour lists.
    """
    rng = np.random.default_rng(0)
    rows, people, cameras = _made(num_rows, rng)
    return Images(_lifted(rows, width, rng), _search(rows), people, cameras)


def features(num_rows: int, width: int = WIDTH) -> np.ndarray:
    """The embeddings of `images` without their neighbour lists.

    Args:
        num_rows: How many.
        width: Numbers of an embedding, at least `WIDTH`.

    Returns:
        (N, width) float32 unit rows.
    """
    rng = np.random.default_rng(0)
    return _lifted(_made(num_rows, rng)[0], width, rng)


def _made(
    num_rows: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of `WIDTH` numbers, who is seen and by which camera, from 1."""
    num_people = max(2, round(num_rows * NUM_PEOPLE / NUM_IMAGES))

    def directions(*shape: int) -> np.ndarray:
        return rng.normal(size=(*shape, WIDTH)) / WIDTH**0.5

    people = rng.permutation(num_rows) % num_people
    cameras = rng.integers(NUM_CAMERAS, size=num_rows)
    rows = directions(num_people)[people] + 0.5 * directions(NUM_CAMERAS)[cameras]
    rows += 0.5 * directions(num_people, NUM_CAMERAS)[people, cameras]
    rows += 1.1 * rng.uniform(0.6, 1.4, (num_rows, 1)) * directions(num_rows)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), people, cameras + 1


def _lifted(rows: np.ndarray, width: int, rng: np.random.Generator) -> np.ndarray:
    """The same products in more dimensions."""
    if width <= WIDTH:
        return rows
    axes = np.linalg.qr(rng.normal(size=(width, WIDTH)))[0].T.astype(np.float32)
    return rows @ axes


def _search(rows: np.ndarray) -> Neighbours:
    index: faiss.Index = faiss.IndexFlatIP(WIDTH)
    if len(rows) > EXACT_ROWS:
        lists = int(4 * len(rows) ** 0.5)
        index = faiss.IndexIVFFlat(index, WIDTH, lists, faiss.METRIC_INNER_PRODUCT)
        index.train(rows[: 50 * lists])
        index.nprobe = 16
    index.add(rows)
    similarities, indices = index.search(rows, K1)
    return itself_first(indices, similarities, np.einsum("nd,nd->n", rows, rows))
