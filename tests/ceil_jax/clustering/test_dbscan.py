import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.cluster import DBSCAN

from ceil_jax.clustering.dbscan import dbscan


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_rows=st.integers(1, 60),
    links=st.floats(0, 3),
    min_samples=st.integers(1, 6),
)
def test_labels_are_those_of_scikit_learn(seed, num_rows, links, min_samples):
    rng = np.random.default_rng(seed)
    # About `links` random links a row, so that many rows stand between two clusters.
    near = rng.random((num_rows, num_rows)) < links / num_rows
    near |= near.T | np.eye(num_rows, dtype=bool)
    got = dbscan(sparse.csr_array(near), min_samples=min_samples)
    reference = DBSCAN(eps=0.5, min_samples=min_samples, metric="precomputed")
    np.testing.assert_array_equal(got, reference.fit_predict(1.0 - near))
    assert got.dtype == np.int32


def test_values_mean_nothing():
    near = sparse.csr_array(np.ones((4, 4)))
    near.data[:] = 0
    np.testing.assert_array_equal(dbscan(near, min_samples=4), 0)
    np.testing.assert_array_equal(dbscan(near, min_samples=5), -1)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0]])
def test_a_row_between_two_clusters_joins_the_first(order):
    # Three rows, one that is near one of them and near one of the next three.
    near = np.zeros((7, 7), bool)
    near[:3, :3] = near[4:, 4:] = near[2:4, 2:4] = near[3:5, 3:5] = True
    near = near[np.ix_(order, order)]
    # With four near rows as the least, rows 2 and 4 alone are core ones.
    got = dbscan(sparse.csr_array(near), min_samples=4)
    np.testing.assert_array_equal(got, [0, 0, 0, 0, 1, 1, 1])
