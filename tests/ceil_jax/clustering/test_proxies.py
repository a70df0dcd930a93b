import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN

from ceil_jax.clustering import Clustering, cluster, drop_small, proxy_tables
from tests.ceil_jax import naive


def example(rng, num_rows=120):
    rows = naive.unit_rows(rng, num_rows, width=12, num_groups=8, noise=0.5)
    return rows, rng.integers(1, 5, num_rows)


@pytest.mark.parametrize(("eps", "min_samples"), [(0.6, 4), (0.4, 3), (0.9, 1)])
def test_labels_equal_dense_dbscan(rng, eps, min_samples):
    rows, cameras = example(rng)
    got = cluster(rows, cameras, k1=10, k2=4, eps=eps, min_samples=min_samples)
    dbscan = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed")
    want = dbscan.fit_predict(naive.jaccard(rows, 10, 4))
    np.testing.assert_array_equal(got.labels, want)
    assert want.max() > 0
    assert (got.labels.dtype, got.proxies.dtype) == (np.int32, np.int32)


def test_proxies_are_numbered_by_cluster_then_camera():
    # Two groups of five equal rows and one row by itself.
    rows = np.eye(3)[[0, 1, 0, 1, 0, 1, 2, 0, 1, 0, 1]]
    cameras = jnp.array([7, 2, 3, 2, 7, 5, 1, 3, 5, 7, 9])
    got = cluster(rows, cameras, k1=5, k2=1)
    np.testing.assert_array_equal(got.labels, [0, 1, 0, 1, 0, 1, -1, 0, 1, 0, 1])
    np.testing.assert_array_equal(got.proxies, [1, 2, 0, 2, 1, 3, -1, 0, 3, 1, 4])


def test_without_cameras_clusters_are_proxies(rng):
    rows, cameras = example(rng)
    found = cluster(rows, k1=10, k2=4)
    want = cluster(rows, cameras, k1=10, k2=4)
    np.testing.assert_array_equal(found.labels, want.labels)
    np.testing.assert_array_equal(found.proxies, found.labels)


def test_cameras_may_be_text(rng):
    rows, cameras = example(rng)
    want = cluster(rows, cameras, k1=10, k2=4)
    names = np.array([f"c{camera}" for camera in cameras])
    got = cluster(rows, names, k1=10, k2=4)
    np.testing.assert_array_equal(got.proxies, want.proxies)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_names_of_cameras_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    rows, cameras = example(rng, 60)
    want = cluster(rows, cameras, k1=8, k2=3)
    shifted = cluster(rows, 10 * cameras - 3, k1=8, k2=3)
    np.testing.assert_array_equal(shifted.proxies, want.proxies)
    renamed = cluster(rows, np.array([0, 3, 1, 9, 2])[cameras], k1=8, k2=3)
    np.testing.assert_array_equal(renamed.labels, want.labels)
    together = want.proxies[:, None] == want.proxies
    np.testing.assert_array_equal(renamed.proxies[:, None] == renamed.proxies, together)
    # Same proxy exactly where cluster and camera are the same.
    same = (want.labels[:, None] == want.labels) & (cameras[:, None] == cameras)
    inside = want.labels >= 0
    np.testing.assert_array_equal(
        together[np.ix_(inside, inside)], same[np.ix_(inside, inside)]
    )
    np.testing.assert_array_equal(want.proxies == -1, ~inside)


@pytest.mark.parametrize("num_rows", [1, 2, 7])
def test_equal_images_are_one_cluster(num_rows):
    rows = np.tile(np.eye(3)[:1], (num_rows, 1))
    found = cluster(rows, np.ones(num_rows, int), k1=5, k2=6, min_samples=1)
    np.testing.assert_array_equal(found.labels, 0)
    np.testing.assert_array_equal(found.proxies, 0)


def test_one_image_is_an_outlier():
    found = cluster(np.eye(3)[:1], np.ones(1, int), k1=30, k2=6)
    np.testing.assert_array_equal(found.labels, [-1])


def test_one_camera_has_a_proxy_for_each_cluster(rng):
    rows, cameras = example(rng)
    found = cluster(rows, np.full_like(cameras, 4), k1=10, k2=4)
    assert found.labels.max() > 0
    np.testing.assert_array_equal(found.proxies, found.labels)


def test_lists_beyond_the_images_are_cut(rng):
    rows, cameras = example(rng, 30)
    for k1 in (31, 1000):
        got = cluster(rows, cameras, k1=k1, k2=4)
        # Half lists of k1 = 1000 are whole ones: compare with the naive loops.
        dense = naive.jaccard(rows, k1, 4)
        dbscan = DBSCAN(eps=0.6, min_samples=4, metric="precomputed")
        np.testing.assert_array_equal(got.labels, dbscan.fit_predict(dense))


def test_drop_small_worked_by_hand():
    labels = np.array([0, 0, 0, -1, 1, 2, 2, 2, 2])
    proxies = np.array([0, 0, 1, -1, 2, 3, 4, 3, 4])
    keep, new_labels, new_proxies = drop_small(Clustering(labels, proxies))
    np.testing.assert_array_equal(keep, [1, 1, 0, 0, 0, 1, 1, 1, 1])
    assert keep.dtype == bool
    np.testing.assert_array_equal(new_labels, [0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(new_proxies, [0, 0, 1, 2, 1, 2])
    assert new_labels.dtype == new_proxies.dtype == np.int32


def test_no_cluster_is_all_outliers_and_drops_everything():
    found = cluster(np.eye(6), np.ones(6, int), k1=1, k2=1)
    np.testing.assert_array_equal(found.labels, -1)
    np.testing.assert_array_equal(found.proxies, -1)
    keep, labels, proxies = drop_small(found)
    assert not keep.any()
    assert labels.shape == proxies.shape == (0,)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_dropping_leaves_dense_numbers_in_the_old_order(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, 6, 40)
    cameras = rng.integers(0, 4, 40)
    pairs = sorted({(a, b) for a, b in zip(labels, cameras, strict=True) if a >= 0})
    numbers = {pair: n for n, pair in enumerate(pairs)}
    proxies = np.array(
        [numbers.get(pair, -1) for pair in zip(labels, cameras, strict=True)]
    )
    keep, new_labels, new_proxies = drop_small(Clustering(labels, proxies))
    sizes = {p: (proxies == p).sum() for p in numbers.values()}
    np.testing.assert_array_equal(keep, [p >= 0 and sizes[p] > 1 for p in proxies])
    for old, new in ((labels[keep], new_labels), (proxies[keep], new_proxies)):
        np.testing.assert_array_equal(np.unique(old)[new], old)
        np.testing.assert_array_equal(np.unique(new), np.arange(len(set(old))))


def test_tables_worked_by_hand():
    labels, proxies = np.array([1, 0, 0, 1, 0]), np.array([2, 0, 1, 2, 1])
    tables = proxy_tables(labels, proxies, np.array([4, 4, 9, 4, 9]))
    np.testing.assert_array_equal(tables.cameras, [4, 9])
    np.testing.assert_array_equal(tables.proxy_clusters, [0, 0, 1])
    np.testing.assert_array_equal(tables.proxy_cameras, [0, 1, 0])
    np.testing.assert_array_equal(tables.cluster_proxies, [[0, 1], [2, -1]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": np.full((6, 6), np.nan)}, "features"),
        ({"features": np.zeros((0, 6))}, "features.shape"),
        ({"cameras": np.ones(5, int)}, r"cameras.shape=\(5,\) must be \(6,\)"),
        ({"cameras": np.ones(6)}, "cameras.dtype"),
        ({"k1": 0}, "k1=0"),
        ({"k2": 0}, "k2=0"),
        ({"eps": 0.0}, "eps=0.0"),
        ({"eps": 1.0}, "eps=1.0"),
        ({"eps": float("nan")}, "eps=nan"),
        ({"min_samples": 0}, "min_samples=0"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    good = {"features": np.eye(6), "cameras": np.ones(6, int), "k1": 3, "k2": 1}
    with pytest.raises(ValueError, match=message):
        cluster(**good | changes)


def test_bad_labels_are_named():
    labels = np.array([0, 1])
    with pytest.raises(ValueError, match=r"proxies.shape"):
        drop_small(Clustering(labels, np.array([0])))
    with pytest.raises(ValueError, match="must not be negative"):
        proxy_tables(np.array([0, -1]), labels, labels)
    with pytest.raises(
        ValueError, match="labels: 3 must be the last of numbers from 0"
    ):
        proxy_tables(np.array([0, 3]), labels, labels)
    with pytest.raises(ValueError, match="proxies: 1 must be the last"):
        proxy_tables(labels, np.array([1, 1]), labels)
    with pytest.raises(ValueError, match="num_images=0"):
        proxy_tables(labels[:0], labels[:0], labels[:0])
    with pytest.raises(ValueError, match=r"cameras\.shape"):
        proxy_tables(labels, labels, labels[:1])
