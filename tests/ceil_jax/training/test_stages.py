"""What both stages hand on: rows to be gathered, and keys of random updates."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.training import objective
from ceil_jax.training.objective import Objective
from tests.ceil_jax import naive_losses, problems

KIND = Objective(temperature=0.4, num_negatives=2)


@pytest.fixture(scope="module")
def problem():
    return problems.draw(3)


@pytest.mark.parametrize("stage", [objective.stage1, objective.stage2])
def test_visible_rows_are_gathered_by_their_own_function(problem, stage, monkeypatch):
    """They are weak views before strong ones, which infrared rows are not."""
    for name in ("cdl", "info_nce", "mmd"):  # what is computed does not matter here
        monkeypatch.setattr(objective.losses, name, lambda *_, **__: jnp.float32(0))
    monkeypatch.setattr(objective.memory, "dcmu", lambda rows, *_, **__: rows)
    asked: list[tuple[str, Any]] = []

    def gather_as(name):
        def gather(tree):
            asked.extend((name, leaf) for leaf in jax.tree.leaves(tree))
            return tree

        return gather

    raw, memories, tables, labels = jax.tree.map(jnp.asarray, problem)
    options = gather_as("infrared"), gather_as("visible")
    stage(KIND, *raw, memories, tables, labels, jax.random.key(0), *options)
    for i, name in enumerate(("visible", "infrared")):
        mine = [np.asarray(leaf) for modality, leaf in asked if modality == name]
        others = [np.asarray(leaf) for modality, leaf in asked if modality != name]
        unit = naive_losses.unit(raw[i])
        for known, is_seen in (
            (labels[i].proxies, True),
            (labels[i].clusters, True),
            (unit, True),
            (raw[i], stage is objective.stage1),  # for the MMD
        ):
            found = [
                [x.shape == known.shape and np.allclose(x, known) for x in seen]
                for seen in (mine, others)
            ]
            assert (any(found[0]), any(found[1])) == (is_seen, False)


@pytest.mark.parametrize("contrast", ["cdl", "info_nce"])
@pytest.mark.parametrize(
    ("stage", "num_updates"), [(objective.stage1, 2), (objective.stage2, 8)]
)
def test_every_random_update_has_a_key_of_its_own(
    problem, stage, num_updates, contrast, monkeypatch
):
    """Visible and infrared, own and crossing, proxies and clusters: all drawn anew."""
    seen = []

    def random_member(rows, embeddings, labels, *, key):
        seen.append(tuple(jax.random.key_data(key).tolist()))
        return rows

    monkeypatch.setattr(objective.memory, "random_member", random_member)
    kind = dataclasses.replace(KIND, update="random", contrast=contrast)
    raw, memories, tables, labels = jax.tree.map(jnp.asarray, problem)
    for seed in (0, 1):
        key = jax.random.key(seed)
        stage(kind, *raw, memories, tables, labels, key, lambda tree: tree)
    assert len(set(seen)) == len(seen) == 2 * num_updates
