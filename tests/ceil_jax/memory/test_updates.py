"""DCMU and its ablations against loops, by hand, and where they could break."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceil_jax import memory
from tests.ceil_jax import naive_losses

pytestmark = pytest.mark.usefixtures("strict_dtypes")

ROWS, B, D = 5, 14, 6

dcmu = jax.jit(memory.dcmu, static_argnames="smoothing")
momentum = jax.jit(memory.momentum, static_argnames="beta")
random_member = jax.jit(memory.random_member)


def case(seed):
    """Memory, embeddings and labels; some rows have no member, some rows are padding.

    Difficulties near the mean of their row, where rounding decides, are avoided.
    """
    rng = np.random.default_rng(seed)
    while True:
        bank = naive_losses.unit(rng.normal(size=(ROWS, D))).astype(np.float32)
        rows = naive_losses.unit(rng.normal(size=(B, D))).astype(np.float32)
        labels = rng.integers(-1, ROWS - 1, size=B).astype(np.int32)
        if all(
            np.ptp(d) == 0 or np.abs(d - d.mean()).min() > 1e-5
            for d in (rows[labels == r] @ bank[r] for r in range(ROWS - 1))
            if len(d)
        ):
            return bank, rows, labels


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), smoothing=st.sampled_from([0.0, 0.5, 1.0]))
def test_dcmu_is_the_loop(seed, smoothing):
    bank, rows, labels = case(seed)
    got = dcmu(bank, rows, labels, smoothing=smoothing)
    want = naive_losses.dcmu(bank, rows, labels, smoothing)
    np.testing.assert_allclose(got, want, atol=1e-6)
    untouched = sorted(set(range(ROWS)) - set(labels))
    np.testing.assert_array_equal(np.asarray(got)[untouched], bank[untouched])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_dcmu_does_not_depend_on_the_order_of_rows(seed):
    bank, rows, labels = case(seed)
    order = np.random.default_rng(seed).permutation(B)
    got = dcmu(bank, rows[order], labels[order], smoothing=0.5)
    np.testing.assert_allclose(
        got, dcmu(bank, rows, labels, smoothing=0.5), rtol=0, atol=1e-6
    )


def test_dcmu_by_hand():
    # Difficulties of row 0: 0, 0.4, 1; mean 7/15: the last alone is hard.
    # Row 1: 1, 0, 2; mean 1: the first and the last are. Row 2 has no member.
    bank = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    rows = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8], [0, 1], [0, -1]], np.float32)
    labels = np.array([0, 1, 1, 0, 0, 1], np.int32)
    got = dcmu(bank, rows, labels, smoothing=0.5)
    soft = 0.5 / (1 + np.e)  # half of the softmax of (1, 2): the easier of the hard
    want = naive_losses.unit([soft, -(1 - soft)])
    np.testing.assert_allclose(got, [[0, 1], want, [1, 0]], atol=1e-6)


def test_identical_members_are_kept_for_all_that_rounding_does():
    rng = np.random.default_rng(0)
    num_cases, size = 4000, 16
    x = naive_losses.unit(rng.normal(size=(num_cases, 1, 24))).astype(np.float32)
    bank = naive_losses.unit(x + 0.1 * rng.normal(size=x.shape)).astype(np.float32)
    labels = np.zeros((num_cases, size), np.int32)
    # From one to sixteen members; padding after them.
    labels[np.arange(size)[None] > (np.arange(num_cases) % size)[:, None]] = -1
    run = jax.jit(jax.vmap(memory.dcmu))
    got = np.asarray(run(bank, np.repeat(x, size, axis=1), labels))
    np.testing.assert_allclose(got, x, rtol=0, atol=1e-6)


def test_one_member_replaces_its_row():
    bank, rows, _ = case(1)
    labels = np.full(B, -1, np.int32)
    labels[[3, 7]] = [2, 0]
    got = np.asarray(dcmu(bank, rows, labels, smoothing=0.5))
    np.testing.assert_allclose(got[[2, 0]], rows[[3, 7]], atol=1e-6)
    np.testing.assert_array_equal(got[[1, 3, 4]], bank[[1, 3, 4]])


def test_a_member_equal_to_the_memory_is_the_easy_one():
    bank, rows, _ = case(2)
    labels = np.full(B, -1, np.int32)
    rows[4] = bank[1]
    labels[4] = 1
    alone = dcmu(bank, rows, labels, smoothing=0.5)
    np.testing.assert_allclose(alone, bank, atol=1e-6)
    labels[5] = 1
    beside = dcmu(bank, rows, labels, smoothing=0.5)
    np.testing.assert_allclose(beside[1], rows[5], atol=1e-6)
    rows[:] = bank[1]
    labels[:] = 1
    np.testing.assert_allclose(dcmu(bank, rows, labels, smoothing=0.5), bank, atol=1e-6)


def test_padding_alone_changes_nothing():
    bank, rows, _ = case(3)
    labels = np.full(B, -1, np.int32)
    np.testing.assert_array_equal(dcmu(bank, rows, labels, smoothing=0.5), bank)
    np.testing.assert_array_equal(momentum(bank, rows, labels, beta=0.5), bank)
    drawn = random_member(bank, rows, labels, key=jax.random.key(0))
    np.testing.assert_array_equal(drawn, bank)


def test_into_is_written_and_memory_is_measured_with():
    bank, rows, labels = case(4)
    into = -bank[::-1]  # difficulties against it would choose other members
    got = np.asarray(dcmu(bank, rows, labels, smoothing=0.5, into=into))
    want = naive_losses.dcmu(bank, rows, labels, 0.5, into=into)
    np.testing.assert_allclose(got, want, atol=1e-6)
    wrong = naive_losses.dcmu(into, rows, labels, 0.5)
    members = sorted(set(labels) - {-1})
    assert np.abs(got - wrong)[members].max() > 0.1
    np.testing.assert_array_equal(got[ROWS - 1], into[ROWS - 1])


@pytest.mark.parametrize("smoothing", [-0.1, 1.5])
def test_dcmu_refuses(smoothing):
    with pytest.raises(ValueError, match=f"smoothing={smoothing} must be between"):
        memory.dcmu(
            jnp.ones((1, 2)), jnp.ones((1, 2)), jnp.zeros(1, int), smoothing=smoothing
        )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), beta=st.sampled_from([0.0, 0.8, 1.0]))
def test_momentum_is_the_loop_in_the_order_of_the_batch(seed, beta):
    bank, rows, labels = case(seed)
    got = momentum(bank, rows, labels, beta=beta)
    want = naive_losses.momentum(bank, rows, labels, beta)
    np.testing.assert_allclose(got, want, atol=1e-5)
    if beta == 1:
        np.testing.assert_allclose(got, bank, atol=1e-6)
    if beta == 0:
        for row in set(labels) - {-1}:
            last = rows[np.flatnonzero(labels == row)[-1]]
            np.testing.assert_allclose(got[row], last, atol=1e-6)


def test_momentum_by_hand():
    bank = np.array([[1, 0]], np.float32)
    rows = np.array([[0, 1], [0, -1]], np.float32)
    labels = np.zeros(2, np.int32)
    first = naive_losses.unit([0.5, 0.5])
    want = naive_losses.unit(0.5 * first + [0, -0.5])
    got = momentum(bank, rows, labels, beta=0.5)
    np.testing.assert_allclose(got[0], want, atol=1e-6)
    turned = momentum(bank, rows[::-1], labels, beta=0.5)
    np.testing.assert_allclose(turned[0], want * [1, -1], atol=1e-6)


@pytest.mark.parametrize("beta", [-0.5, 2.0])
def test_momentum_refuses(beta):
    with pytest.raises(ValueError, match=f"beta={beta} must be between 0 and 1"):
        memory.momentum(
            jnp.ones((1, 2)), jnp.ones((1, 2)), jnp.zeros(1, int), beta=beta
        )


def test_every_member_is_drawn_alike():
    bank, rows, _ = case(5)
    labels = np.full(B, -1, np.int32)
    labels[[0, 3, 6, 9]] = 2
    labels[[1, 2]] = 0
    draw = jax.jit(jax.vmap(functools.partial(random_member, bank, rows, labels)))
    num_draws = 4000
    got = np.asarray(draw(key=jax.random.split(jax.random.key(7), num_draws)))
    np.testing.assert_array_equal(
        got[:, [1, 3, 4]], np.stack([bank[[1, 3, 4]]] * num_draws)
    )
    for row, members in ((2, [0, 3, 6, 9]), (0, [1, 2])):
        is_member = (got[:, row, None] == rows[None, members]).all(-1)
        assert (is_member.sum(1) == 1).all()
        # Four standard deviations of a share.
        np.testing.assert_allclose(
            is_member.mean(0), 1 / len(members), atol=4 * 0.5 / np.sqrt(num_draws)
        )
    # The rows are drawn each by itself.
    first = (got[:, 2] == rows[0]).all(1) & (got[:, 0] == rows[1]).all(1)
    assert first.mean() == pytest.approx(1 / 8, abs=4 * 0.33 / np.sqrt(num_draws))


UPDATES: Any = {
    "dcmu": memory.dcmu,
    "momentum": functools.partial(memory.momentum, beta=0.5),
    "random_member": functools.partial(memory.random_member, key=jax.random.key(0)),
}


@pytest.mark.parametrize("update", UPDATES)
def test_numpy_arrays_are_taken(update):
    bank, rows, labels = case(6)
    # Traced, but its inputs are not: they stay NumPy's.
    got = jax.eval_shape(lambda: UPDATES[update](bank, rows, labels))
    assert (got.shape, got.dtype) == (bank.shape, jnp.float32)


@pytest.mark.parametrize("update", UPDATES)
def test_no_gradient_reaches_the_embeddings(update):
    bank, rows, labels = case(6)
    total = lambda x: UPDATES[update](bank, x, labels).sum()
    assert not np.asarray(jax.jit(jax.grad(total))(rows)).any()
