"""An epoch's pseudo-labels, their tables in fixed sizes, and the memories."""

from typing import Any

import numpy as np
import pytest

from ceil_jax import clustering
from ceil_jax.common.errors import UserError
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.training import pseudo_labels
from ceil_jax.training.pseudo_labels import Capacity, PseudoLabels
from ceil_jax.training.state import Memories
from tests.ceil_jax import naive_losses

SETTINGS: Any = {"k1": 8, "k2": 2, "eps": 0.6, "min_samples": 3}


def image_set(cameras, identities=None):
    n = len(cameras)
    return ImageSet(
        ArraySource(np.zeros((n, 1, 1, 3), np.uint8)),
        np.asarray([-1] * n if identities is None else identities, np.int32),
        np.asarray(cameras, np.int32),
        np.array([f"{i:03}.png" for i in range(n)]),
    )


def labels_of(kept, clusters, proxies, cameras, num_images):
    clusters, proxies = np.array(clusters, np.int32), np.array(proxies, np.int32)
    tables = clustering.proxy_tables(clusters, proxies, np.asarray(cameras))
    return PseudoLabels(np.asarray(kept), clusters, proxies, tables, num_images)


@pytest.fixture(scope="module")
def crowd():
    """Three people, four images by each of cameras 2 and 5; two images to drop.

    After the first person's: one more of them, alone by camera 7, and one of nobody.
    """
    rng = np.random.default_rng(0)
    people = np.repeat([0, 3, 1, 2], [9, 1, 8, 8])
    noise = 0.05 * rng.normal(size=(26, 16))
    features = naive_losses.unit(np.eye(16)[people] + noise).astype(np.float32)
    by_person = [2] * 4 + [5] * 4
    cameras = [*by_person, 7, 5, *by_person, *by_person]
    return features, image_set(cameras, people)


@pytest.fixture(scope="module")
def found(crowd):
    features, images = crowd
    return pseudo_labels.find(features, images, "visible", **SETTINGS)


KEPT = np.r_[0:8, 10:26]


def test_people_become_clusters_and_cameras_proxies(found):
    np.testing.assert_array_equal(found.kept, KEPT)
    np.testing.assert_array_equal(found.clusters, np.repeat([0, 1, 2], 8))
    np.testing.assert_array_equal(found.proxies, np.repeat(np.arange(6), 4))
    assert found.clusters.dtype == found.proxies.dtype == np.int32
    np.testing.assert_array_equal(found.tables.cameras, [2, 5])
    assert found.counts() == {"clusters": 3, "proxies": 6, "kept": 24, "images": 26}


def test_identities_are_not_read(crowd, found):
    features, images = crowd
    unknown = image_set(images.cameras)
    again = pseudo_labels.find(features, unknown, "visible", **SETTINGS)
    np.testing.assert_array_equal(again.kept, found.kept)
    np.testing.assert_array_equal(again.proxies, found.proxies)


def test_no_cluster_says_what_to_change():
    features = np.eye(12, dtype=np.float32)
    settings = {**SETTINGS, "k1": 1, "k2": 1, "eps": 0.25, "min_samples": 4}
    with pytest.raises(UserError) as error:
        pseudo_labels.find(features, image_set([1] * 12), "infrared", **settings)
    message = str(error.value)
    for part in (
        "no cluster among 12 infrared images",
        "raise config.clustering.eps (now 0.25)",
        "lower config.clustering.min_samples (now 4)",
        "config.clustering.k1 (now 1)",
    ):
        assert part in message
    assert "\n" not in message


def test_one_cluster_is_not_enough():
    """Every loss would be 0: nothing would be learnt, without a word."""
    rng = np.random.default_rng(0)
    features = np.eye(1, 16) + 0.05 * rng.normal(size=(8, 16))
    features = naive_losses.unit(features).astype(np.float32)
    images = image_set([2] * 4 + [5] * 4)
    found = clustering.cluster(features, images.cameras, **SETTINGS)
    assert set(found.labels.tolist()) == {0}
    with pytest.raises(
        UserError, match=r"^1 cluster among 8 infrared images, training"
    ):
        pseudo_labels.find(features, images, "infrared", **SETTINGS)


def test_clusters_of_lone_images_are_no_clusters():
    features = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 1, 1]]
    images = image_set([1, 2, 3, 1, 2, 3])
    settings = {**SETTINGS, "k1": 3, "k2": 1, "min_samples": 2}
    assert clustering.cluster(features, images.cameras, **settings).labels.max() == 1
    with pytest.raises(UserError, match="no cluster among 6 visible images"):
        pseudo_labels.find(features, images, "visible", **settings)


def many_proxies(count):
    """Labels with so many proxies, of two images each."""
    proxies = np.repeat(np.arange(count), 2)
    ones = np.ones(2 * count, int)
    return labels_of(np.arange(2 * count), proxies, proxies, ones, 2 * count)


def test_there_is_room_for_as_many_proxies_as_images_allow(found):
    sizes = pseudo_labels.capacity(image_set([4, 2, 4, 7, 2]), found)
    assert sizes.rows == 2
    np.testing.assert_array_equal(sizes.cameras, [2, 4, 7])
    assert pseudo_labels.capacity(image_set([3]), found).rows == 1


@pytest.mark.parametrize(
    ("proxies", "rows"), [(1, 2048), (2048, 2048), (2049, 4096), (4097, 5000)]
)
def test_a_large_set_takes_a_power_of_two(proxies, rows):
    images = image_set([1] * 10_000)
    assert pseudo_labels.capacity(images, many_proxies(proxies)).rows == rows


def test_a_modality_that_is_not_there_takes_no_room(crowd, found):
    both = pseudo_labels.capacities((crowd[1], image_set([])), (found, None))
    assert both[0] is not None
    assert (both[0].rows, both[1]) == (13, None)


@pytest.fixture
def lost_a_camera():
    """Two clusters by cameras 2 and 7; camera 4 lost its images."""
    return labels_of(
        kept=[0, 1, 3, 4, 6, 7],
        clusters=[0, 0, 0, 0, 1, 1],
        proxies=[0, 0, 1, 1, 2, 2],
        cameras=[2, 2, 7, 7, 7, 7],
        num_images=9,
    )


SIZES = Capacity(4, np.array([2, 4, 7]))


def test_a_camera_without_images_keeps_its_column(lost_a_camera):
    got = pseudo_labels.padded_tables(lost_a_camera, SIZES)
    np.testing.assert_array_equal(
        got.cluster_proxies, [[0, -1, 1], [-1, -1, 2], [-1] * 3, [-1] * 3]
    )
    np.testing.assert_array_equal(got.proxy_cameras, [0, 2, 2, -1])
    np.testing.assert_array_equal(got.proxy_clusters, [0, 0, 1, 0])
    assert int(got.num_clusters) == 2
    np.testing.assert_array_equal(got.across_proxies, np.zeros(4))
    np.testing.assert_array_equal(got.across_clusters, np.zeros(4))
    assert {np.asarray(table).dtype for table in got} == {np.dtype(np.int32)}


def test_partners_are_padded(lost_a_camera):
    partners = (np.array([5, 3, 4]), np.array([1, 2]))
    got = pseudo_labels.padded_tables(lost_a_camera, SIZES, partners)
    np.testing.assert_array_equal(got.across_proxies, [5, 3, 4, 0])
    np.testing.assert_array_equal(got.across_clusters, [1, 2, 0, 0])
    without = (lost_a_camera, lost_a_camera), (SIZES, SIZES), None
    tables = pseudo_labels.both_tables(*without)
    assert not tables.infrared.across_proxies.any()
    turned = (partners[0][::-1], partners[1][::-1])
    tables = pseudo_labels.both_tables(*without[:2], [partners, turned])
    np.testing.assert_array_equal(tables.visible.across_proxies, [5, 3, 4, 0])
    np.testing.assert_array_equal(tables.infrared.across_proxies, [4, 3, 5, 0])


def test_sizes_do_not_depend_on_what_was_found(crowd, found):
    sizes = pseudo_labels.capacity(crowd[1], found)
    few = labels_of([0, 1], [0, 0], [0, 0], [5, 5], 26)
    shapes = [
        [np.shape(table) for table in pseudo_labels.padded_tables(labels, sizes)]
        for labels in (found, few)
    ]
    assert shapes[0] == shapes[1] == [(13, 3), (13,), (13,), (), (13,), (13,)]


def test_the_memory_is_the_centers_of_the_kept(crowd, found):
    features = crowd[0]
    sizes = pseudo_labels.capacity(crowd[1], found)
    got = pseudo_labels.initial_memory(features, found, sizes)
    kept = features[KEPT]
    want = naive_losses.centers(kept, found.proxies, sizes.rows)
    np.testing.assert_allclose(got.proxies, want, atol=1e-6)
    want = naive_losses.centers(kept, found.clusters, sizes.rows)
    np.testing.assert_allclose(got.clusters, want, atol=1e-6)
    assert not got.proxies[6:].any()


def test_the_same_people_are_matched_level_by_level(crowd, found):
    features, images = crowd
    order = np.r_[18:26, 0:18]  # the third person first
    turned = pseudo_labels.find(
        features[order], images.select(order), "infrared", **SETTINGS
    )
    both = (found, turned)
    sizes = pseudo_labels.capacity(images, found)
    memories = Memories(
        pseudo_labels.initial_memory(features, found, sizes),
        pseudo_labels.initial_memory(features[order], turned, sizes),
    )
    visible, infrared = pseudo_labels.match_across(memories, both, k1=4, k2=2)
    np.testing.assert_array_equal(visible[1], [1, 2, 0])
    np.testing.assert_array_equal(infrared[1], [2, 0, 1])
    # Proxies too, each with a proxy of the same person.
    assert sorted(visible[0]) == list(range(6))
    owner = turned.tables.proxy_clusters[visible[0]]
    np.testing.assert_array_equal(owner, [1, 1, 2, 2, 0, 0])
    people = images.identities
    share = pseudo_labels.share_of_right_matches(
        both, (people, people[order]), visible[0]
    )
    assert share == 1.0


def test_right_matches_by_hand():
    visible = labels_of(
        # Proxies of 11, 12 and, two of three, 13; the image of 14 was dropped.
        kept=[0, 1, 2, 3, 5, 6, 7],
        clusters=[0, 0, 1, 1, 2, 2, 2],
        proxies=[0, 0, 1, 1, 2, 2, 2],
        cameras=[1] * 7,
        num_images=8,
    )
    infrared = labels_of([0, 1, 2, 3], [0, 0, 1, 1], [0, 0, 1, 1], [3] * 4, 4)
    identities = (
        np.array([11, 11, 12, 12, 14, 13, 11, 13]),
        np.array([13, 13, 11, 11]),
    )
    share = pseudo_labels.share_of_right_matches
    both = (visible, infrared)
    # Proxy 0 is right with 1, proxy 2 with 0; proxy 1 has no right one.
    assert share(both, identities, np.array([1, 0, 0])) == pytest.approx(2 / 3)
    assert share(both, identities, np.array([0, 0, 0])) == pytest.approx(1 / 3)
    assert share(both, identities, np.array([0, 1, 1])) == 0
    unknown = (identities[0], np.array([13, 13, 11, -1]))
    assert share(both, unknown, np.array([1, 0, 0])) is None
