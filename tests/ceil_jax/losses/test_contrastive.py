"""CDL and InfoNCE against loops, by hand, and what must not enter them."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceil_jax import losses
from tests.ceil_jax import naive_losses

pytestmark = pytest.mark.usefixtures("strict_dtypes")

B, P, M, PADDING = 6, 14, 3, 2

cdl = jax.jit(losses.cdl, static_argnames="num_negatives")
info_nce = jax.jit(losses.info_nce)


@functools.partial(jax.jit, static_argnames="num_negatives")
def cdl_and_gradient(scores, positives, proxy_cameras, *, num_negatives):
    function = functools.partial(losses.cdl, num_negatives=num_negatives)
    return jax.value_and_grad(function)(scores, positives, proxy_cameras)


@jax.jit
def nce_and_gradient(scores, labels, num_valid):
    function = functools.partial(losses.info_nce, num_valid=num_valid)
    return jax.value_and_grad(function)(scores, labels)


def case(seed):
    """Scores, positives and cameras; some cameras may be empty, some rows padding."""
    rng = np.random.default_rng(seed)
    cameras = rng.integers(rng.integers(1, M + 1), size=P).astype(np.int32)
    cameras[P - PADDING :] = -1
    positives = np.full((B, M), -1, np.int32)
    for row in range(B - 1):
        for camera in range(M):
            own = np.flatnonzero(cameras == camera)
            if len(own) and rng.random() < 0.7:
                positives[row, camera] = rng.choice(own)
    scores = (4 * rng.normal(size=(B, P))).astype(np.float32)
    return scores, positives, cameras


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.sampled_from([0, 1, 3, 100]))
def test_cdl_is_the_loop(seed, n):
    scores, positives, cameras = case(seed)
    got, gradient = cdl_and_gradient(scores, positives, cameras, num_negatives=n)
    want = naive_losses.cdl(scores, positives, cameras, n)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert np.isfinite(gradient).all()
    # Softmax minus one-hot, each over one camera's proxies, sums to zero there.
    for camera in range(M):
        np.testing.assert_allclose(
            np.asarray(gradient)[:, cameras == camera].sum(1), 0, atol=1e-6
        )


def test_cdl_by_hand():
    scores = np.log(np.array([[4, 1, 3, 2, 100]], np.float32))
    positives, cameras = np.array([[0, 3]]), np.array([0, 0, 0, 1, 1])
    one = cdl(scores, positives, cameras, num_negatives=1)
    assert float(one) == pytest.approx((math.log(7 / 4) + math.log(51)) / 2)
    two = cdl(scores, positives, cameras, num_negatives=2)
    assert float(two) == pytest.approx((math.log(8 / 4) + math.log(51)) / 2)
    none = cdl(scores, positives, cameras, num_negatives=0)
    assert float(none) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_cdl_gradient_is_that_of_the_loop(seed):
    scores, positives, cameras = case(seed)
    _, gradient = cdl_and_gradient(scores, positives, cameras, num_negatives=3)
    want = naive_losses.numerical_gradient(
        lambda x: naive_losses.cdl(x, positives, cameras, 3), scores
    )
    np.testing.assert_allclose(gradient, want, atol=1e-6)


def test_padding_proxies_never_enter_cdl():
    scores, positives, cameras = case(1)
    want, _ = cdl_and_gradient(scores, positives, cameras, num_negatives=3)
    scores[:, P - PADDING :] = 1e4
    got, gradient = cdl_and_gradient(scores, positives, cameras, num_negatives=3)
    assert float(got) == float(want)
    assert not np.asarray(gradient)[:, P - PADDING :].any()


def test_fewer_negatives_than_asked_are_all_of_them():
    scores, positives, cameras = case(2)
    largest = np.bincount(cameras[cameras >= 0]).max() - 1
    results = [
        float(cdl(scores, positives, cameras, num_negatives=n)) for n in (largest, 1000)
    ]
    np.testing.assert_allclose(results, results[0], rtol=1e-6)


def test_padding_rows_are_ignored_by_cdl():
    scores, positives, cameras = case(3)
    assert (positives[:-1] >= 0).any(1).all()
    got, gradient = cdl_and_gradient(scores, positives, cameras, num_negatives=3)
    want = cdl(scores[:-1], positives[:-1], cameras, num_negatives=3)
    assert float(got) == pytest.approx(float(want))
    assert not np.asarray(gradient)[-1].any()
    nothing = np.full_like(positives, -1)
    value, gradient = cdl_and_gradient(scores, nothing, cameras, num_negatives=3)
    assert float(value) == 0
    assert not np.asarray(gradient).any()


def test_only_the_cameras_that_saw_the_cluster_enter_cdl():
    scores, _, _ = case(4)
    cameras = np.arange(P, dtype=np.int32) % M
    positives = np.full((B, M), -1, np.int32)
    positives[:, 1] = 4
    _, gradient = cdl_and_gradient(scores, positives, cameras, num_negatives=100)
    used = np.asarray(gradient) != 0
    assert (used == (cameras == 1)[None, :]).all()


def test_telling_cameras_apart_does_not_lower_cdl():
    scores, positives, cameras = case(5)
    want = cdl(scores, positives, cameras, num_negatives=3)
    shifted = scores + np.array([0, 3, -5], np.float32)[cameras][None, :]
    got = cdl(shifted, positives, cameras, num_negatives=3)
    assert float(got) == pytest.approx(float(want), rel=1e-5)


def test_numpy_arrays_of_64_bits_are_taken():
    scores, positives, cameras = case(5)
    rows: Any = (scores.astype(float), positives.astype(int), cameras.astype(int))
    # Traced, but its inputs are not: they stay NumPy's.
    got = jax.eval_shape(lambda: losses.cdl(*rows, num_negatives=3))
    assert (got.shape, got.dtype) == ((), jnp.float32)
    labels: Any = np.arange(B)
    got = jax.eval_shape(lambda: losses.info_nce(rows[0], labels, num_valid=rows[2][0]))
    assert (got.shape, got.dtype) == ((), jnp.float32)


def test_cdl_does_not_overflow():
    scores, positives, cameras = case(6)
    got, gradient = cdl_and_gradient(1000 * scores, positives, cameras, num_negatives=3)
    want = naive_losses.cdl(1000 * scores, positives, cameras, 3)
    assert float(got) == pytest.approx(want, rel=1e-5)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("positives", "cameras", "n", "message"),
    [
        (np.zeros((2, 1), int), np.zeros(4, int), -1, "num_negatives=-1 must be"),
        (np.zeros((3, 1), int), np.zeros(4, int), 1, r"positives.shape=\(3, 1\)"),
        (np.zeros((2, 1), int), np.zeros(5, int), 1, r"proxy_cameras.shape=\(5,\)"),
    ],
)
def test_cdl_refuses(positives, cameras, n, message):
    with pytest.raises(ValueError, match=message):
        cdl(jnp.zeros((2, 4)), positives, cameras, num_negatives=n)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), num_valid=st.integers(1, 9))
def test_info_nce_is_the_loop(seed, num_valid):
    rng = np.random.default_rng(seed)
    scores = (5 * rng.normal(size=(7, 9))).astype(np.float32)
    scores[:, num_valid:] = 1e4  # must not enter
    labels = rng.integers(-1, num_valid, size=7).astype(np.int32)
    got, gradient = nce_and_gradient(scores, labels, num_valid)
    want = naive_losses.info_nce(scores, labels, num_valid)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert not np.asarray(gradient)[:, num_valid:].any()
    assert not np.asarray(gradient)[labels < 0].any()
    want = naive_losses.numerical_gradient(
        lambda x: naive_losses.info_nce(x, labels, num_valid), scores
    )
    np.testing.assert_allclose(gradient, want, atol=1e-5)


def test_info_nce_by_hand():
    scores = np.log(np.array([[1, 2, 5, 9], [3, 3, 3, 9], [1, 1, 1, 1]], np.float32))
    labels = np.array([2, 0, -1], np.int32)
    three = info_nce(scores, labels, num_valid=3)
    assert float(three) == pytest.approx((math.log(8 / 5) + math.log(3)) / 2)
    four = info_nce(scores, labels, num_valid=4)
    assert float(four) == pytest.approx((math.log(17 / 5) + math.log(6)) / 2)


def test_rows_without_a_label_give_no_loss():
    labels = np.full(7, -1, np.int32)
    value, gradient = nce_and_gradient(np.ones((7, 9), np.float32), labels, 3)
    assert float(value) == 0
    assert not np.asarray(gradient).any()
