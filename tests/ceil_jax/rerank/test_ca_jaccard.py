"""Camera-aware k-reciprocal distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceil_jax.rerank import ca_jaccard
from tests.ceil_jax import naive
from tests.ceil_jax.rerank.test_gcr import example

NAMES = ("k1_intra", "k2_intra", "k1_inter", "k2_inter")


def call(sides, numbers, share=0.3, **options):
    return ca_jaccard(
        *sides, **dict(zip(NAMES, numbers, strict=True)), lambda_value=share, **options
    )


@pytest.mark.parametrize(
    "numbers", [(1, 1, 1, 1), (3, 2, 5, 3), (2, 4, 3, 6), (5, 2, 20, 4), (40,) * 4]
)
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_equals_loops(rng, numbers, share):
    query, gallery, *cameras = example(rng, 11, 14)
    got = call((query, gallery, *cameras), numbers, share)
    intra, inter = numbers[:2], numbers[2:]
    want = naive.ca_jaccard(query, gallery, cameras, intra, inter, share)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, atol=2e-6)


@settings(deadline=None, max_examples=40)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_equals_loops_for_all_sizes(data, seed):
    draw, rng = data.draw, np.random.default_rng(seed)
    query, gallery, *cameras = example(
        rng, draw(st.integers(1, 14)), draw(st.integers(1, 14))
    )
    numbers = [draw(st.integers(1, 12)) for _ in NAMES]
    got = call((query, gallery, *cameras), numbers)
    want = naive.ca_jaccard(query, gallery, cameras, numbers[:2], numbers[2:], 0.3)
    np.testing.assert_allclose(got, want, atol=2e-6)


def test_rows_beyond_all_lists_are_at_the_largest_distance():
    # Two pairs, each across two cameras: a query's pair is found, the other is not.
    angles = np.array([0.0, 1.5, 0.1, 1.6])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    cameras = np.array([1, 1, 2, 2])
    got = ca_jaccard(
        rows[:2], rows[2:], cameras[:2], cameras[2:], k1_intra=1, k1_inter=1,
        k2_intra=1, k2_inter=1, lambda_value=0.0,
    )  # fmt: skip
    assert got.argmax(axis=1).tolist() == [0, 1]
    # Within the cameras both rows are on both lists, so that nobody is a stranger.
    assert (got > -1).all()


def test_order_of_rows_and_names_of_cameras_do_not_matter(rng):
    query, gallery, query_cameras, gallery_cameras = example(rng, 11, 14)
    q, g = rng.permutation(11), rng.permutation(14)
    want = ca_jaccard(query, gallery, query_cameras, gallery_cameras)[np.ix_(q, g)]
    names = np.array(["", "hall", "gate", "yard"])
    got = ca_jaccard(
        query[q], gallery[g], names[query_cameras[q]], names[gallery_cameras[g]]
    )
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_one_camera_and_equal_rows_give_numbers(rng):
    query, gallery, *_ = example(rng, 6, 8)
    ones = np.ones(6, int), np.ones(8, int)
    assert np.isfinite(ca_jaccard(query, gallery, *ones)).all()
    equal = np.tile(query[:1], (6, 1)), np.tile(query[:1], (8, 1))
    got = ca_jaccard(*equal, *ones, k1_intra=20)
    np.testing.assert_allclose(got, np.zeros((6, 8)), atol=2e-6)
    one = ca_jaccard(query[:1], query[:1], np.array([1]), np.array([2]))
    np.testing.assert_allclose(one, [[0]], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k1_intra": 0}, "k1_intra=0 must be at least 1"),
        ({"k1_inter": 0}, "k1_inter=0"),
        ({"k2_intra": 0}, "k2_intra=0"),
        ({"k2_inter": -1}, "k2_inter=-1"),
        ({"lambda_value": 1.5}, r"lambda_value=1\.5 must be in \[0, 1\]"),
        ({"lambda_value": np.nan}, "lambda_value=nan"),
        ({"query_cameras": None}, "query_cameras=None: give the cameras of both"),
        ({"gallery_cameras": None}, "gallery_cameras=None"),
        ({"query_cameras": None, "gallery_cameras": None}, "ca_jaccard needs the cam"),
        ({"query_cameras": np.ones(3, int)}, r"query_cameras\.shape=\(3,\)"),
        ({"gallery": np.ones((9, 5))}, r"gallery\.shape.*as wide as"),
        ({"query": np.full((7, 8), np.nan)}, r"query\[0\] must be finite"),
    ],
)
def test_bad_arguments_are_named(rng, changes, message):
    names = ("query", "gallery", "query_cameras", "gallery_cameras")
    arguments = dict(zip(names, example(rng), strict=True)) | changes
    with pytest.raises(ValueError, match=message):
        ca_jaccard(**arguments)
