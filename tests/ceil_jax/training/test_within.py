"""A state within an epoch: what comes back after it was kept."""

import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax import clustering
from ceil_jax.checkpoints import stored
from ceil_jax.clustering.proxies import split_by_camera
from ceil_jax.training import pseudo_labels
from ceil_jax.training.pseudo_labels import PseudoLabels
from ceil_jax.training.state import BothTables, Memories, Memory, Tables
from ceil_jax.training.within import Within, from_saved

SUMS = {"loss": 0.1 + 0.2, "cdl": 1e-320, "id_visible": 12345.678901234567}
FIGURES = {
    "epoch": 4,
    "stage": 2,
    "right_matches": 1 / 3,
    "seconds": {"embed": 1.1, "cluster": 2.2, "fit": 1e-9},
}


def make_labels(rng: np.random.Generator, num_clusters: int) -> PseudoLabels:
    """Labels of images of two cameras, of which some were dropped."""
    clusters = np.repeat(np.arange(num_clusters), 6).astype(np.int32)
    cameras = np.tile([2, 2, 2, 5, 5, 5], num_clusters).astype(np.int32)
    proxies = split_by_camera(clusters, cameras)
    kept = np.sort(rng.permutation(8 * num_clusters)[: len(clusters)])
    tables = clustering.proxy_tables(clusters, proxies, cameras)
    return PseudoLabels(kept, clusters, proxies, tables, 8 * num_clusters)


def make_memory(rng: np.random.Generator) -> Memory:
    rows = [rng.normal(size=(n, 5)).astype(np.float32) for n in (16, 8)]
    rows[0][0, :3] = [np.nan, -0.0, 1e-42]
    return Memory(*map(jnp.asarray, rows))


def make_within(missing: str = "") -> Within:
    rng = np.random.default_rng(4)
    names = ("visible", "infrared")
    labels = [
        make_labels(rng, n) if name != missing else None
        for name, n in zip(names, (4, 3), strict=True)
    ]
    sizes = [
        pseudo_labels.Capacity(16, np.array([2, 5])) if side else None
        for side in labels
    ]
    memories = Memories(*(make_memory(rng) if side else None for side in labels))
    tables = pseudo_labels.both_tables(tuple(labels), tuple(sizes), None)  # type: ignore[arg-type]
    return Within(4, 7, memories, tables, tuple(labels), SUMS, FIGURES)  # type: ignore[arg-type]


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def through_a_checkpoint(within: Within, folder: Any) -> Within:
    arrays = jax.tree.map(np.array, jax.device_get(within.arrays()))
    stored.write(folder, arrays, within.facts(), "place")
    got = stored.read(folder, "place")
    return from_saved(got.arrays, got.record)


def through_numpy(within: Within, folder: Any) -> Within:
    del folder
    arrays = jax.tree.map(np.array, jax.device_get(within.arrays()))
    return from_saved(arrays, through_json(within.facts()))


@pytest.mark.parametrize("missing", ["", "visible", "infrared"])
@pytest.mark.parametrize("through", [through_numpy, through_a_checkpoint])
def test_all_of_it_comes_back_to_the_last_bit(tmp_path, missing, through):
    want = make_within(missing)
    got = through(want, tmp_path / "kept")
    # The same types and entries in the same places, those that are None included.
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for x, y in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        x, y = np.asarray(x), np.asarray(y)
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        assert x.tobytes() == y.tobytes()
    assert (got.epoch, got.step, got.sums, got.figures) == (4, 7, SUMS, FIGURES)
    for side, was in zip(got.labels, want.labels, strict=True):
        assert (side is None) == (was is None)
        if side is not None and was is not None:
            assert type(side) is PseudoLabels
            assert type(side.num_images) is int
            assert side.counts() == was.counts()
            assert json.dumps(side.counts())
    for name, kind in (("memories", Memory), ("tables", Tables)):
        sides = getattr(got, name)
        assert [None if s is None else type(s) for s in sides] == [
            None if name == missing else kind for name in ("visible", "infrared")
        ]
    assert type(got.memories) is Memories
    assert type(got.tables) is BothTables


def test_what_is_kept_is_plain():
    within = make_within("infrared")
    assert list(within.arrays()) == ["visible"]
    leaves = jax.tree.leaves(within.arrays())
    assert all(isinstance(leaf, np.ndarray | jax.Array) for leaf in leaves)
    assert through_json(within.facts()) == within.facts()


def test_what_comes_back_may_be_changed():
    facts = make_within().facts()
    got = from_saved({}, facts)
    got.sums["loss"] = 0.0
    got.figures["epoch"] = 0
    assert facts["sums"]["loss"] == SUMS["loss"]
    assert facts["figures"]["epoch"] == 4
