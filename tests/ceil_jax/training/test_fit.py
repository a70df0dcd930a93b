"""The batches of an epoch, and taking its steps."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax import clustering
from ceil_jax.clustering.proxies import split_by_camera
from ceil_jax.common.errors import UserError
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.inputs.sampler import sample_epoch
from ceil_jax.training import fit
from ceil_jax.training.pseudo_labels import PseudoLabels
from ceil_jax.training.state import Memory, TrainState


def side(num_clusters: int, cameras: tuple[int, ...], first: int) -> fit.Side:
    """Images whose first pixel is `first` + their position; every fifth is dropped."""
    clusters = np.repeat(np.arange(num_clusters), 5 * len(cameras)).astype(np.int32)
    num_images = len(clusters)
    images = np.zeros((num_images, 2, 1, 3), np.uint8)
    images[:, 0, 0, 0] = first + np.arange(num_images)
    camera_of = np.tile(np.repeat(cameras, 5), num_clusters).astype(np.int32)
    kept = np.flatnonzero(np.arange(num_images) % 5)
    clusters = clusters[kept]
    proxies = split_by_camera(clusters, camera_of[kept])
    return fit.Side(
        ImageSet(
            ArraySource(images),
            np.full(num_images, -1, np.int32),
            camera_of,
            np.array([f"{i:03d}" for i in range(num_images)]),
        ),
        PseudoLabels(
            kept,
            clusters,
            proxies,
            clustering.proxy_tables(clusters, proxies, camera_of[kept]),
            num_images,
        ),
    )


VISIBLE, INFRARED = side(4, (1, 2), 0), side(3, (3, 5, 6), 100)


def draw(seed=(1, 1), num_steps=6, visible_rows=6, done=0):
    return list(
        fit.batches(
            VISIBLE,
            INFRARED,
            visible_rows=visible_rows,
            images_per_proxy=3,
            num_steps=num_steps,
            seed=seed,
            done=done,
        )
    )


def test_sizes_and_types_of_batches():
    batches = draw()
    assert len(batches) == 6
    for batch in batches:
        assert batch.visible.shape == (6, 2, 1, 3)
        assert batch.infrared.shape == (12, 2, 1, 3)
        assert batch.visible.dtype == batch.infrared.dtype == np.uint8
        assert batch.visible_rows.tolist() == list(range(6))
        assert batch.infrared_rows.tolist() == list(range(12))


@pytest.mark.parametrize("there", [0, 1])
def test_batches_of_one_modality(there):
    sides = [side if i == there else None for i, side in enumerate((VISIBLE, INFRARED))]
    [batch] = fit.batches(
        *sides, visible_rows=6, images_per_proxy=3, num_steps=1, seed=(1, 1)
    )
    absent = ("infrared", "visible")[there]
    of_absent = [name for name in batch._fields if name.startswith(absent)]
    assert len(of_absent) == 3
    assert all(getattr(batch, name) is None for name in of_absent)
    images = (batch.visible, batch.infrared)[there]
    assert len(images) == (6, 12)[there]


def test_labels_are_those_of_the_images():
    seen = set()
    for batch in draw(num_steps=20):
        for given, images, labels, first in (
            (VISIBLE, batch.visible, batch.visible_labels, 0),
            (INFRARED, batch.infrared, batch.infrared_labels, 100),
        ):
            positions = images[:, 0, 0, 0].astype(int) - first
            assert (positions % 5).all()  # none that was dropped
            place = np.searchsorted(given.labels.kept, positions)
            np.testing.assert_array_equal(labels.proxies, given.labels.proxies[place])
            np.testing.assert_array_equal(labels.clusters, given.labels.clusters[place])
            seen |= set((first + positions).tolist())
    # Twenty steps of six and twelve images reach nearly all of 32 and 36.
    assert len(seen) > 60


def test_a_batch_has_several_images_of_each_of_its_proxies():
    for batch in draw():
        for labels, num_proxies in (
            (batch.visible_labels, 2),
            (batch.infrared_labels, 4),
        ):
            groups = np.asarray(labels.proxies).reshape(num_proxies, 3)
            assert (groups == groups[:, :1]).all()
            assert len(set(groups[:, 0].tolist())) == num_proxies


def test_the_seed_decides_the_draws():
    first, again, other = (
        np.stack([batch.infrared for batch in draw(seed)])
        for seed in ((1, 2), (1, 2), (1, 3))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_one_stream_of_draws_goes_on_from_visible_to_infrared_images():
    """As released: an epoch's visible images are drawn first, then its infrared ones.

    With one and the same side twice, a stream that began anew would draw the same.
    """
    rng = np.random.RandomState(np.array([7, 3], np.uint32))
    want = [
        sample_epoch(
            rng,
            VISIBLE.labels.proxies,
            num_proxies_per_batch=rows // 2,
            images_per_proxy=2,
            num_steps=5,
        )
        for rows in (4, 8)
    ]
    batches = fit.batches(
        VISIBLE,
        VISIBLE,
        visible_rows=4,
        images_per_proxy=2,
        num_steps=5,
        seed=(7, 3),
    )
    for number, batch in enumerate(batches):
        for images, positions in zip(
            (batch.visible, batch.infrared), want, strict=True
        ):
            expected = VISIBLE.labels.kept[positions[number]]
            np.testing.assert_array_equal(images[:, 0, 0, 0], expected)
    assert (want[0][0] != want[1][0][:4]).any()


def test_every_part_of_the_seed_decides_the_draws():
    drawn = {
        np.stack([batch.visible for batch in draw(seed)]).tobytes()
        for seed in ((1, 1), (1, 2), (2, 1), (2, 2))
    }
    assert len(drawn) == 4


class FakeStep:
    """A step whose losses and parameters are given, and which notes its calls."""

    def __init__(self, losses, params=0.0):
        self.losses, self.params, self.calls = losses, params, []

    def __call__(self, state, memories, tables, rate, batch):
        number = len(self.calls)
        self.calls.append((int(state.step), memories, tables, rate, batch))
        named = {"loss": jnp.asarray(self.losses[number]), "half": jnp.asarray(0.5)}
        params = {"w": jnp.asarray(self.params)}
        return TrainState(params, {}, (), state.step + 1), memories + 1, named


def take(step, num_steps):
    state = TrainState({"w": jnp.asarray(0.0)}, {}, (), jnp.asarray(10, jnp.int32))
    batches = iter(range(num_steps))
    return fit.fit(
        step,
        state,
        0,  # type: ignore[arg-type]
        "tables",  # type: ignore[arg-type]
        0.25,
        batches,  # type: ignore[arg-type]
        num_steps=num_steps,
        epoch=3,
    )


def test_every_batch_is_a_step_and_losses_are_averaged():
    step = FakeStep([1.0, 2.0, 3.0, 6.0, 8.0, 10.0, 5.0])
    state, losses = take(step, 7)
    assert int(state.step) == 17
    assert losses == {"loss": 5.0, "half": 0.5}
    # State and memories go from step to step; the rest is the epoch's.
    assert [call[:2] for call in step.calls] == [(10 + i, i) for i in range(7)]
    assert [call[4] for call in step.calls] == list(range(7))
    for _, _, tables, rate, _ in step.calls:
        assert tables == "tables"
        assert rate.dtype == np.float32
        assert float(rate) == 0.25


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("bad", [0, 2, 19])
def test_a_divergence_is_told_with_its_epoch_and_step(value, bad):
    losses = [1.0] * 20
    losses[bad] = value
    step = FakeStep(losses)
    message = rf"the loss loss is {value} at epoch 3, step {bad + 1}: .*diverged"
    with pytest.raises(UserError, match=message) as caught:
        take(step, 20)
    assert "config.optimizer.rate (now 0.25" in str(caught.value)
    # It is seen while few steps are in flight, not at the end of the epoch.
    assert len(step.calls) <= bad + 1 + fit.STEPS_IN_FLIGHT


def test_the_last_update_is_looked_at_too():
    with pytest.raises(UserError, match="a parameter is not finite at epoch 3, step 2"):
        take(FakeStep([1.0, 1.0], params=float("nan")), 2)


class LeftError(Exception):
    """What ends an epoch between two of its steps."""


@functools.partial(jax.jit, donate_argnums=(0, 1))
def real_step(state, memories, tables, rate, batch):
    """Random draws by the number of the step, momentum, and a memory that follows."""
    noise = jax.random.normal(jax.random.fold_in(jax.random.key(1), state.step), (12,))
    rows = batch.infrared[:, 0, 0, 0].astype(jnp.float32) / 100 + 0.1 * noise

    def loss_of(params):
        out = jnp.tanh(rows * params["w"].sum() + params["w"][batch.infrared_rows % 5])
        return ((out - memories.clusters[batch.infrared_labels.clusters]) ** 2).mean()

    loss, gradient = jax.value_and_grad(loss_of)(state.params)
    momentum = jax.tree.map(lambda m, g: 0.9 * m + g, state.opt_state, gradient)
    params = jax.tree.map(lambda p, m: p - rate * m, state.params, momentum)
    clusters = memories.clusters.at[batch.infrared_labels.clusters].multiply(0.99)
    clusters = clusters + tables * params["w"].mean()
    losses = {"loss": loss, "cdl": jnp.sin(loss) / 3}
    stats = {"mean": 0.9 * state.batch_stats["mean"] + rows.mean()}
    return (
        TrainState(params, stats, momentum, state.step + 1),
        Memory(memories.proxies * 1.01, clusters),
        losses,
    )


def fit_real(state, memories, *, done=0, sums=None, at_step=None):
    """Six steps, or those that are left of them."""
    source = iter(draw((1, 3), done=done))
    state, memories = jax.tree.map(jnp.array, (state, memories))
    return fit.fit(
        real_step,
        state,
        memories,
        jnp.float32(0.3),
        0.05,
        source,
        num_steps=6,
        epoch=3,
        done=done,
        sums=sums,
        at_step=at_step,
    )


def at_start():
    params = {"w": np.linspace(0.1, 0.7, 5, dtype=np.float32)}
    state = TrainState(
        params,
        {"mean": np.float32(0)},
        {"w": np.zeros(5, np.float32)},
        np.int32(12),
    )
    return state, Memory(np.ones((2, 3), np.float32), np.full(3, 0.5, np.float32))


def in_bits(tree):
    return [
        (x.dtype, x.shape, x.tobytes()) for x in map(np.asarray, jax.tree.leaves(tree))
    ]


@pytest.mark.parametrize("slow_seconds", [0.0, 1e9])
def test_an_epoch_goes_on_after_any_step_to_the_same_bits(monkeypatch, slow_seconds):
    """Whether the losses of each step are read at once, or those of four together."""
    monkeypatch.setattr(fit, "SLOW_STEP_SECONDS", slow_seconds)
    reached = {}

    def keep(take):
        got = take()
        reached[got.step] = jax.tree.map(np.array, jax.device_get(got))

    def look(take):
        del take

    want_state, want_losses = fit_real(*at_start(), at_step=look)
    # What asks where the epoch is changes nothing.
    for at_step in (None, keep):
        state, losses = fit_real(*at_start(), at_step=at_step)
        assert (in_bits(state), losses) == (in_bits(want_state), want_losses)
    assert list(reached) == [1, 2, 3, 4, 5]
    for done in reached:
        after = {}

        def stop(take, done=done, after=after):
            got = take()
            if got.step == done:
                after["reached"] = jax.tree.map(np.array, jax.device_get(got))
                raise LeftError

        with pytest.raises(LeftError):
            fit_real(*at_start(), at_step=stop)
        got = after["reached"]
        assert in_bits(got) == in_bits(reached[done])
        again = {}

        def keep_again(take, again=again):
            now = take()
            again[int(now.step)] = jax.tree.map(np.array, jax.device_get(now))

        state, losses = fit_real(
            got.state,
            got.memories,
            done=done,
            sums=json.loads(json.dumps({k: float(v) for k, v in got.sums.items()})),
            at_step=keep_again,
        )
        assert in_bits(state) == in_bits(want_state)
        assert losses == want_losses
        # Memories and sums on the way, too.
        assert list(again) == list(range(done + 1, 6))
        assert all(in_bits(again[n]) == in_bits(reached[n]) for n in again)


def test_the_steps_of_one_epoch_differ():
    """So that one that is left out or taken twice would be seen."""
    seen = []
    fit_real(*at_start(), at_step=lambda take: seen.append(in_bits(take()[:2])))
    assert len({str(bits) for bits in seen}) == 5


@pytest.mark.parametrize("num_steps", [1, 2, 7])
def test_between_two_steps_is_not_after_the_last(num_steps):
    calls = []
    state = TrainState({"w": jnp.asarray(0.0)}, {}, (), jnp.asarray(10, jnp.int32))
    fit.fit(
        FakeStep([float(n) for n in range(num_steps)]),
        state,
        0,  # type: ignore[arg-type]
        "tables",  # type: ignore[arg-type]
        0.25,
        iter(range(num_steps)),  # type: ignore[arg-type]
        num_steps=num_steps,
        epoch=3,
        at_step=lambda take: calls.append(take()),
    )
    assert [each.step for each in calls] == list(range(1, num_steps))
    assert [each.memories for each in calls] == list(range(1, num_steps))
    # All that was taken is summed, though four steps may be in flight.
    assert [each.sums["loss"] for each in calls] == [
        sum(range(n)) for n in range(1, num_steps)
    ]


@pytest.mark.parametrize("done", range(7))
def test_the_batches_that_are_left_are_the_same(done):
    options = {"visible_rows": 6, "images_per_proxy": 3, "num_steps": 6, "seed": (1, 1)}
    left = list(fit.batches(VISIBLE, INFRARED, **options, done=done))
    want = draw()[done:]
    assert len(left) == 6 - done
    for got, batch in zip(left, want, strict=True):
        assert in_bits(got) == in_bits(batch)
