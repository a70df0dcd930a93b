"""The batches of an epoch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceil_jax.inputs.sampler import sample_epoch


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=12),
    num_proxies=st.integers(1, 8),
    images_per_proxy=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_batches_are_groups_of_one_proxy(sizes, num_proxies, images_per_proxy, seed):
    rng = np.random.RandomState(seed)
    proxies = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    got = sample_epoch(
        rng,
        proxies,
        num_proxies_per_batch=num_proxies,
        images_per_proxy=images_per_proxy,
        num_steps=3,
    )
    assert got.shape == (3, num_proxies * images_per_proxy)
    assert got.dtype == np.int64
    groups = proxies[got].reshape(3, num_proxies, images_per_proxy)
    assert (groups == groups[:, :, :1]).all()
    if len(sizes) >= num_proxies:
        for step in groups[:, :, 0]:
            assert len(set(step)) == num_proxies


def test_every_image_and_proxy_is_drawn_alike():
    proxies = np.array([2, 0, 1, 1, 0, 2, 1, 1])
    got = sample_epoch(
        np.random.RandomState(0),
        proxies,
        num_proxies_per_batch=2,
        images_per_proxy=2,
        num_steps=3000,
    )
    counts = np.bincount(got.ravel(), minlength=8) / got.size
    # A third for each proxy, shared by its two or four images.
    want = np.array([1, 1, 0.5, 0.5, 1, 1, 0.5, 0.5]) / 6
    np.testing.assert_allclose(counts, want, atol=0.01)


@pytest.mark.parametrize("num_proxies", [4, 9])  # fewer than there are, and more
def test_draws_are_those_of_a_loop(num_proxies):
    proxies = np.random.default_rng(0).permutation(np.repeat(np.arange(6), 50))
    draws = np.random.RandomState(7)
    want = [
        draws.choice(np.flatnonzero(proxies == proxy), 5)
        for _ in range(3)
        for proxy in draws.choice(6, num_proxies, replace=num_proxies > 6)
    ]
    got = sample_epoch(
        np.random.RandomState(7),
        proxies,
        num_proxies_per_batch=num_proxies,
        images_per_proxy=5,
        num_steps=3,
    )
    np.testing.assert_array_equal(got, np.reshape(want, (3, -1)))


def test_same_seed_same_batches():
    def draw(seed):
        return sample_epoch(
            np.random.RandomState(seed),
            np.repeat(np.arange(9), 3),
            num_proxies_per_batch=4,
            images_per_proxy=5,
            num_steps=4,
        )

    np.testing.assert_array_equal(draw(3), draw(3))
    assert (draw(3) != draw(4)).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_steps": 0}, "num_steps=0"),
        ({"images_per_proxy": 0}, "images_per_proxy=0"),
        ({"num_proxies_per_batch": -1}, "num_proxies_per_batch=-1"),
        ({"proxies": np.zeros(0, np.int64)}, "no image was kept"),
        ({"proxies": np.zeros(3)}, "float64"),
        ({"proxies": np.zeros((2, 2), np.int64)}, "proxies.shape"),
        ({"proxies": np.array([0, -1])}, "drop the outliers"),
        ({"proxies": np.array([0, 2])}, "1 has no image"),
    ],
)
def test_refuses(change, message):
    arguments = {
        "proxies": np.array([0, 0, 1]),
        "num_proxies_per_batch": 2,
        "images_per_proxy": 2,
        "num_steps": 1,
    }
    with pytest.raises(ValueError, match=message):
        sample_epoch(np.random.RandomState(0), **{**arguments, **change})
