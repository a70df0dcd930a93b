"""Checkpoints: what comes back, which are kept, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.common import parallel
from ceil_jax.common.errors import UserError
from ceil_jax.training import optim
from ceil_jax.training.state import TrainState


def make_state(value: float = 1, width: int = 3) -> TrainState:
    """A state of every kind of leaf that training has, moments included."""
    params = {
        "stem": {"kernel": jnp.full((2, width), float(value)), "bias": jnp.arange(3.0)},
        "norm": {"scale": jnp.asarray(float(value))},
    }
    optimizer = optim.adam()
    gradients = jax.tree.map(lambda p: p + 0.5, params)
    _, opt_state = optimizer.update(gradients, optimizer.init(params), params)
    stats = {
        "norm": {"mean": jnp.full((width,), -float(value)), "var": jnp.ones(width)}
    }
    return TrainState(params, stats, opt_state, jnp.asarray(7, jnp.int32))


def assert_same(got: TrainState, want: TrainState) -> None:
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for x, y in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_array_equal(x, y)


def writing(folder, **options) -> Checkpoints:
    """The checkpoints of a folder that is this process's."""
    return Checkpoints(folder, guard=lambda: None, **options)


def epochs_kept(folder, scores, keep_epochs=()):
    """Epochs that remain of those saved and then scored, None for not scored."""
    state, done = make_state(), {}
    best = lambda: max(done, key=done.__getitem__, default=None)
    with writing(folder, keep_epochs=keep_epochs, best=best) as saved:
        for epoch, score in enumerate(scores, start=1):
            saved.save(state, epoch, {})
            if score is not None:
                done[epoch] = score
    with Checkpoints(folder) as saved:
        return saved.epochs


@pytest.mark.parametrize("num_devices", [1, 4])
def test_all_of_the_state_comes_back(tmp_path, num_devices):
    record = {"seed": 3, "data": {"trial": 1, "rho": 12.5}, "names": ["a", None]}
    want = make_state(0.1)
    placed = parallel.replicate(want, jax.devices()[:num_devices])
    with writing(tmp_path / "checkpoints") as saved:
        saved.save(placed, 5, record)
    # Another process, with another number of devices.
    with Checkpoints(tmp_path / "checkpoints") as saved:
        assert saved.latest_epoch == 5
        got = saved.open()
    state = got.state(make_state(9.0))
    assert_same(state, want)
    assert got.epoch == 5
    assert got.within is None
    assert got.skipped == ()
    assert got.record == record
    assert all(isinstance(x, np.ndarray) for x in jax.tree.leaves(state.params))
    again = parallel.replicate(state, jax.devices()[:2])
    assert_same(jax.device_get(again), want)


def test_the_state_may_be_donated_while_it_is_saved(tmp_path):
    state = parallel.replicate(make_state(0.3))
    with writing(tmp_path) as saved:
        saved.save(state, 1, {})
        for leaf in jax.tree.leaves(state):
            leaf.delete()
    with Checkpoints(tmp_path) as saved:
        assert_same(saved.restore(make_state()), make_state(0.3))


def test_the_last_two_the_best_and_the_ends_of_stages_are_kept(tmp_path):
    scores = [1.0, 9.0, 2.0, 3.0, 4.0, 5.0]
    assert epochs_kept(tmp_path, scores, keep_epochs=(3,)) == [2, 3, 5, 6]


def test_without_scores_the_last_two_are_kept(tmp_path):
    assert epochs_kept(tmp_path, [None] * 5) == [4, 5]


def test_an_epoch_without_a_score_is_not_the_best(tmp_path):
    assert epochs_kept(tmp_path, [None, 3.0, None, 1.0, None, None]) == [2, 5, 6]


def test_the_best_stays_while_a_later_one_is_saved_and_not_scored_yet(tmp_path):
    assert epochs_kept(tmp_path, [5.0, 1.0, 2.0, None]) == [1, 3, 4]


def test_a_resumed_run_keeps_the_best_of_before(tmp_path):
    assert epochs_kept(tmp_path, [5.0, 1.0, 2.0]) == [1, 2, 3]
    with writing(tmp_path, best=lambda: 1) as saved:
        for epoch in (4, 5):
            saved.save(make_state(), epoch, {})
    with Checkpoints(tmp_path) as saved:
        assert saved.epochs == [1, 4, 5]


def test_any_kept_epoch_can_be_read(tmp_path):
    with writing(tmp_path) as saved:
        for epoch in (1, 2):
            saved.save(make_state(epoch), epoch, {"epoch": epoch})
    with Checkpoints(tmp_path) as saved:
        assert_same(saved.restore(make_state(), 1), make_state(1))
        assert saved.open().record == {"epoch": 2}
        with pytest.raises(UserError, match=r"no checkpoint of epoch 3.*\[1, 2\]"):
            saved.restore(make_state(), 3)


def test_an_epoch_is_saved_once(tmp_path):
    with writing(tmp_path) as saved:
        saved.save(make_state(1), 1, {})
        saved.save(make_state(2), 1, {})
    with Checkpoints(tmp_path) as saved:
        assert_same(saved.restore(make_state()), make_state(1))


def test_an_empty_folder_has_no_checkpoint(tmp_path):
    with Checkpoints(tmp_path / "new") as saved:
        assert saved.latest_epoch is None
        assert saved.epochs == []
        with pytest.raises(UserError, match="no checkpoint here; train first"):
            saved.restore(make_state())


def test_a_kill_while_saving_leaves_the_one_before(tmp_path):
    with writing(tmp_path) as saved:
        saved.save(make_state(1), 1, {})
    partial = tmp_path / "2.orbax-checkpoint-tmp-0" / "state.orbax-checkpoint-tmp-1"
    partial.mkdir(parents=True)
    (partial / "manifest").write_bytes(b"cut")
    with Checkpoints(tmp_path) as saved:
        assert saved.latest_epoch == 1
        assert_same(saved.restore(make_state()), make_state(1))
    assert partial.exists()  # a reader changes nothing
    with writing(tmp_path) as saved:
        saved.save(make_state(2), 2, {})
    with Checkpoints(tmp_path) as saved:
        assert_same(saved.restore(make_state()), make_state(2))
    assert not list(tmp_path.glob("*tmp*"))


def without(tree, *names):
    """The tree less one entry."""
    first, *rest = names
    kept = {k: v for k, v in tree.items() if k != first}
    return kept | {first: without(tree[first], *rest)} if rest else kept


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (make_state(width=4), r"norm/mean of shape \(3,\), not \(4,\)"),
        (
            make_state()._replace(params=make_state().params | {"more": jnp.ones(1)}),
            "lack params/more",
        ),
        (
            make_state()._replace(params=without(make_state().params, "stem", "bias")),
            "params/stem/bias, which",
        ),
        (
            make_state()._replace(batch_stats={}),
            "batch_stats/norm/mean, which",
        ),
    ],
    ids=["wider", "more", "fewer", "no statistics"],
)
def test_another_architecture_is_refused(tmp_path, like, message):
    with writing(tmp_path) as saved:
        saved.save(make_state(), 1, {})
    with Checkpoints(tmp_path) as saved:
        with pytest.raises(UserError, match=f"another architecture.*{message}"):
            saved.restore(like)
        assert saved.latest_epoch == 1
