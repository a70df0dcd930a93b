"""The yardsticks compute what the product computes."""

import numpy as np
import pytest

from benchmarks.released import clustering, ecn, evaluation, k_reciprocal
from ceil_jax import rerank
from ceil_jax.clustering import cluster, jaccard_distance
from ceil_jax.evaluation import metrics
from ceil_jax.neighbours.search import nearest
from tests.ceil_jax import naive


def rows_of(rng, num_rows=120):
    return naive.unit_rows(rng, num_rows, width=12, num_groups=8, noise=0.5)


@pytest.mark.parametrize(("k1", "k2"), [(10, 4), (7, 1), (15, 6)])
def test_jaccard_distance_and_labels(rng, k1, k2):
    rows = rows_of(rng)
    rank = nearest(rows, k=k1).indices
    theirs = clustering.jaccard_distance(rows, rank, k1=k1, k2=k2)
    entries = jaccard_distance(rows, k1=k1, k2=k2).tocoo()
    ours = np.ones_like(theirs)
    ours[entries.row, entries.col] = entries.data
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
    labels = clustering.labels(rows, rank, k1=k1, k2=k2)
    found = cluster(rows, np.ones(len(rows), int), k1=k1, k2=k2)
    np.testing.assert_array_equal(found.labels, labels)
    assert labels.max() > 0


def test_k_reciprocal(rng):
    query, gallery = np.split(rows_of(rng), [40])
    np.testing.assert_allclose(
        rerank.k_reciprocal(query, gallery, k1=9, k2=3),
        k_reciprocal.k_reciprocal(query, gallery, k1=9, k2=3),
        atol=2e-6,
    )


def test_ecn(rng):
    query, gallery = np.split(rows_of(rng), [40])
    np.testing.assert_allclose(
        rerank.ecn(query, gallery, k=9, t=2, q=4),
        ecn.ecn(query, gallery, k=9, t=2, q=4),
        rtol=1e-5,
        atol=1e-5,
    )


@pytest.mark.parametrize("protocol", metrics.PROTOCOLS)
def test_evaluation(rng, protocol):
    arguments = (
        rng.random((60, 50)),
        rng.integers(8, size=60),
        rng.integers(7, size=50),
        rng.choice([3, 6], 60),
        rng.integers(1, 7, 50),
    )
    theirs = evaluation.evaluate(*arguments, protocol=protocol)
    ours = metrics.evaluate(*arguments, protocol=protocol)
    for a, b in zip(theirs, ours[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
