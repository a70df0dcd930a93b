"""Embeddings of a small test set, for tests of scoring."""

import numpy as np

from ceil_jax.evaluation.results import RerankParams
from ceil_jax.evaluation.scoring import Embeddings

RERANK = RerankParams(k1=8, k2=3, camera_weight=0.5)


def side(cameras, *, num_ids=6, files=3, noise=0.8, seed=0):
    """Embeddings around one random centre per identity; rows are not unit."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((num_ids, 8))
    identities = np.repeat(np.arange(1, num_ids + 1), len(cameras) * files)
    numbers = np.tile(np.repeat(cameras, files), num_ids)
    features = centres[identities - 1]
    features = features + noise * rng.standard_normal(features.shape)
    names = [f"cam{c}/{i:04d}/{n:04d}.jpg" for n, (i, c) in
             enumerate(zip(identities, numbers, strict=True))]  # fmt: skip
    return Embeddings(features.astype(np.float32), identities, numbers, np.array(names))


def labels(query, gallery):
    return query.identities, gallery.identities, query.cameras, gallery.cameras


def take(embeddings, rows):
    return Embeddings(*(array[rows] for array in embeddings))
