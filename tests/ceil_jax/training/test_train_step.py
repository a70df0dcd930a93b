"""What a step draws from, and what it hands on: nothing is computed here."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ceil_jax.encoder import Encoder
from ceil_jax.training import optim, steps
from ceil_jax.training.objective import Objective
from ceil_jax.training.state import (
    Batch,
    BothTables,
    Memories,
    RowLabels,
    TrainState,
)


class Handed:
    """What a step hands on to the augmentation and to the update, which do nothing."""

    def __init__(self, monkeypatch):
        self.views: list[Any] = []
        self.updates: list[Any] = []
        monkeypatch.setattr(steps.augment, "augment_batch", self.augment)
        monkeypatch.setattr(steps, "update", self.update)

    def augment(self, *arguments, **options):
        self.views.append((arguments, options))
        return jnp.zeros((2, 1)), jnp.ones((2, 1)), jnp.full((4, 1), 2.0)

    def update(self, *arguments, **options):
        self.updates.append((arguments, options))
        return arguments[0], arguments[1], {}

    def keys(self):
        """Keys of the images and of the memory, one pair for each step taken."""
        pairs = [
            (views[0][0], update[0][6])
            for views, update in zip(self.views, self.updates, strict=True)
        ]
        return [tuple(jax.random.key_data(key).tolist()) for p in pairs for key in p]


CHOICES: Any = {
    "encoder": Encoder((1, 1, 1, 1), 2),
    "optimizer": optim.adam(),
    "constants": Objective(temperature=0.4),
    "stage": 2,
    "gather": lambda tree: tree,
    "mean": lambda tree: tree,
}


def take_step(number, *, seed=3, pad=7, strong_view_from: Any = "image"):
    """One step at the given number; returns its first four arguments."""
    step = steps.make_train_step(
        seed=seed, pad=pad, strong_view_from=strong_view_from, **CHOICES
    )
    given = (
        TrainState({}, {}, (), jnp.int32(number)),
        Memories("visible memory", "infrared memory"),
        BothTables("visible tables", "infrared tables"),
        jnp.float32(0.5),
    )
    labels = RowLabels(np.array([4, 5]), np.array([0, 1]))
    step(*given, Batch("visible", "infrared", labels, "labels", "v rows", "i rows"))
    return given


def test_no_two_draws_of_a_training_share_a_key(monkeypatch):
    handed = Handed(monkeypatch)
    for seed in (3, 4):
        for number in range(3):
            take_step(number, seed=seed)
    keys = handed.keys()
    assert len(set(keys)) == len(keys) == 2 * 2 * 3
    # The same seed and number give the same draws: a resumed training goes on.
    take_step(1, seed=4)
    assert handed.keys()[-2:] == keys[8:10]


def test_a_step_hands_on_what_it_was_made_with(monkeypatch):
    handed = Handed(monkeypatch)
    given = take_step(0)
    [(arguments, options)] = handed.views
    assert arguments[1:] == ("visible", "infrared", "v rows", "i rows")
    assert options == {"strong_view_from": "image", "pad": 7}
    take_step(0, pad=2, strong_view_from="weak")
    assert handed.views[1][1] == {"strong_view_from": "weak", "pad": 2}
    arguments, options = handed.updates[0]
    assert all(a is b for a, b in zip(arguments[:4], given, strict=True))
    views, (of_visible, of_infrared) = arguments[4:6]
    # Weak views before strong ones, and the labels of both.
    np.testing.assert_array_equal(views.visible, [[0], [0], [1], [1]])
    np.testing.assert_array_equal(views.infrared, np.full((4, 1), 2.0))
    np.testing.assert_array_equal(of_visible.proxies, [4, 5, 4, 5])
    np.testing.assert_array_equal(of_visible.clusters, [0, 1, 0, 1])
    assert of_infrared == "labels"
    assert options == CHOICES


def test_several_devices_take_the_same_step(monkeypatch):
    made, over = {}, {}

    def of_one(*arguments):
        raise AssertionError("is not to be called")

    def made_with(**options):
        made.update(options)
        return of_one

    def over_devices(step, **options):
        over.update(options)
        return steps.parallel.OverDevices(step, 4, options["devices"])

    monkeypatch.setattr(steps, "make_train_step", made_with)
    monkeypatch.setattr(steps.parallel, "over_devices", over_devices)
    spread = steps.train_step_over(["a", "b"], seed=5, pad=1)
    assert spread._mapped is of_one
    assert made == {
        "seed": 5,
        "pad": 1,
        "gather": steps.parallel.gather,
        "mean": steps.parallel.mean,
    }
    # State and memories are taken over; of the five arguments the batch is split.
    assert over == {
        "num_shared": 4,
        "num_split": 1,
        "donate": (0, 1),
        "devices": ["a", "b"],
    }
