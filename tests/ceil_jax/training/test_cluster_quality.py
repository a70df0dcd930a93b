import numpy as np
import pytest
from sklearn.metrics.cluster import contingency_matrix, pair_confusion_matrix

from ceil_jax.training.cluster_quality import purity_and_recall


def test_by_hand():
    # Two clusters of five images; the sixth was dropped. Person 7: 0, 1, 2; 9: 3, 4, 5.
    kept, clusters = np.array([0, 1, 2, 3, 4]), np.array([0, 0, 1, 1, 1])
    found = purity_and_recall(kept, clusters, np.array([7, 7, 7, 9, 9, 9]))
    assert found["purity"] == pytest.approx(4 / 5)
    assert found["recall"] == pytest.approx(2 / 6)  # (0, 1) and (3, 4) of six pairs


def test_like_scikit_learn():
    generator = np.random.default_rng(0)
    people = generator.integers(0, 20, 300)
    clusters = generator.permutation(np.arange(300) % 25)
    found = purity_and_recall(np.arange(300), clusters, people)
    table = contingency_matrix(people, clusters)
    assert found["purity"] == pytest.approx(table.max(axis=0).sum() / 300)
    (_, _), (apart, together) = pair_confusion_matrix(people, clusters)
    assert found["recall"] == pytest.approx(together / (together + apart))


def test_nothing_is_known_without_labels():
    some = np.array([0, 1])
    assert purity_and_recall(some, some, np.array([0, -1])) == {}
    assert purity_and_recall(some[:0], some[:0], some) == {}
    assert purity_and_recall(some, some, some) == {"purity": 1.0}
