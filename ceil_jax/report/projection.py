"""Embeddings brought to a plane."""

import warnings
from typing import Any

import numpy as np

from ceil_jax.report.sections.embedding_map import HEIGHT, WIDTH

MOST_OF_TSNE = 3_000
"""Images up to which neighbours are kept near (t-SNE); above it PCA."""
_PERPLEXITY = 30
_STEPS = 500
_MARGIN = 25


def project(features: np.ndarray) -> tuple[str, np.ndarray]:
    """Places of embeddings on a plane.

    Args:
        features: Rows, (n, d); what counts is their direction.

    Returns:
        "t-SNE" or "PCA", and the places, (n, 2) int16, within the plane of
        `sections.embedding_map`; the same rows give the same places.
    """
    rows = features.astype(np.float32)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    method = "t-SNE" if 3 < len(rows) <= MOST_OF_TSNE else "PCA"
    at = _tsne(rows) if method == "t-SNE" else _pca(rows, 2)
    return method, _fitted(at)


def _tsne(rows: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    # The distance of unit rows orders them as the cosine does.
    begin: Any = _pca(rows, 2) * 1e-4
    made = TSNE(
        perplexity=min(_PERPLEXITY, (len(rows) - 1) / 3),
        init=begin,
        max_iter=_STEPS,
        random_state=0,
    )
    # Several threads spin while they wait, for several times as many seconds.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # of equal rows, which lie on one another
        return made.fit_transform(_pca(rows, 50))


def _pca(rows: np.ndarray, width: int) -> np.ndarray:
    """The first principal components, each with its largest entry positive."""
    centred = rows - rows.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    vectors = vectors[:, np.argsort(-values)[:width]]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    at = centred @ vectors
    if at.shape[1] < width:
        at = np.pad(at, ((0, 0), (0, width - at.shape[1])))
    scale = at[:, 0].std()
    return at / scale if scale > 0 and width == 2 else at


def _fitted(at: np.ndarray) -> np.ndarray:
    """Places that fill the plane, both axes to one scale."""
    low, high = at.min(axis=0), at.max(axis=0)
    room = np.array([WIDTH, HEIGHT]) - 2 * _MARGIN
    span = np.maximum(high - low, 1e-12)
    scale = (room / span).min() if (high > low).any() else 1.0
    middle = (low + high) / 2
    placed = (at - middle) * scale + np.array([WIDTH, HEIGHT]) / 2
    return np.round(placed).astype(np.int16)
