"""Steps on clusters at the edge of what may be found: every number stays finite."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ceil_jax import clustering
from ceil_jax.clustering.proxies import split_by_camera
from ceil_jax.encoder import Encoder
from ceil_jax.training import pseudo_labels, steps
from ceil_jax.training.objective import Objective
from ceil_jax.training.pseudo_labels import Capacity, PseudoLabels
from ceil_jax.training.state import BothTables, Memories, Memory, RowLabels

B, SIZE = 6, (32, 32)
# An optimiser whose step is the gradient: parameters show whether it is finite.
GRADIENT = optax.stateless(lambda gradients, params: gradients)
FAST: Any = {"xla_backend_optimization_level": 0}  # to compile, not to run
CAMERAS = np.array([1, 2, 3])


def labels_of(clusters: list[int], cameras: list[int]) -> PseudoLabels:
    """Pseudo-labels of kept images; of so few that a real epoch may drop some."""
    found = np.asarray(clusters, np.int32)
    proxies = split_by_camera(found, np.asarray(cameras))
    tables = clustering.proxy_tables(found, proxies, np.asarray(cameras))
    return PseudoLabels(np.arange(len(found)), found, proxies, tables, len(found))


ORDINARY = labels_of([0, 0, 0, 0, 1, 1, 1, 1, 2, 2], [1, 1, 2, 2, 1, 1, 3, 3, 2, 2])
CASES = {
    "one image in each proxy": labels_of([0, 0, 0, 1, 1, 2], [1, 2, 3, 1, 2, 3]),
    "one camera": labels_of([0, 0, 1, 1, 2, 2], [2, 2, 2, 2, 2, 2]),
    "two clusters of two": labels_of([0, 0, 1, 1], [1, 1, 1, 1]),
    "one cluster in every camera": labels_of([0, 0, 0, 1, 1], [1, 2, 3, 1, 1]),
    "a cluster for each camera": labels_of([0, 0, 1, 1, 2, 2], [1, 1, 2, 2, 3, 3]),
}


def sides(labels: PseudoLabels, rows: np.ndarray) -> tuple[Any, Any]:
    """Tables and memory of one modality; each is matched to number 0."""
    across = np.zeros(labels.num_proxies, int), np.zeros(labels.num_clusters, int)
    tables = pseudo_labels.padded_tables(labels, Capacity(8, CAMERAS), across)
    of_proxies, of_clusters = (
        np.where(np.arange(8)[:, None] < number, rows, 0).astype(np.float32)
        for number in (labels.num_proxies, labels.num_clusters)
    )
    return tables, Memory(of_proxies, of_clusters)


def rows_of(labels: PseudoLabels, images: np.ndarray) -> RowLabels:
    return RowLabels(labels.proxies[images], labels.clusters[images])


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def take(request):
    """A function that takes a step of stage 2, compiled once for each precision."""
    encoder = Encoder((1, 1, 1, 1), 2, jnp.dtype(request.param))
    state = steps.init_state(encoder, GRADIENT, SIZE, seed=0)

    def update(state: Any, memories: Any, tables: Any, views: Any, labels: Any) -> Any:
        return steps.update(
            *(state, memories, tables, jnp.float32(0.1), views, labels),
            jax.random.key(0),
            encoder=encoder,
            optimizer=GRADIENT,
            constants=Objective(temperature=0.05, memory_gradient="released"),
            stage=2,
        )

    step = jax.jit(update, compiler_options=FAST)

    def take(labels: PseudoLabels, *, rows: Any = None, same_image: bool = False):
        rng = np.random.default_rng(0)
        if rows is None:
            rows = rng.normal(size=(8, 64))
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        pairs = [sides(labels, rows), sides(ORDINARY, rows)]
        tables, memories = zip(*pairs, strict=True)
        images = np.zeros(B, int) if same_image else np.arange(B) % len(labels.kept)
        visible = rows_of(labels, np.concatenate([images, images]))
        infrared = rows_of(ORDINARY, np.arange(2 * B) % 10)
        views = rng.normal(size=(2, 2 * B, *SIZE, 3)).astype(np.float32)
        if same_image:
            views[0] = views[0, :1]
        return step(
            state,
            Memories(*memories),
            BothTables(*tables),
            steps.Views(*views),
            (visible, infrared),
        )

    return take


def check_finite(taken: Any) -> None:
    state, memories, losses = jax.device_get(taken)
    leaves = jax.tree_util.tree_leaves_with_path((state, memories, losses))
    wrong = [jax.tree_util.keystr(p) for p, x in leaves if not np.isfinite(x).all()]
    assert not wrong
    for memory in memories:
        for rows in memory:
            norms = np.linalg.norm(rows, axis=1)
            assert ((np.abs(norms - 1) < 1e-3) | (norms == 0)).all()


@pytest.mark.parametrize("labels", CASES.values(), ids=CASES.keys())
def test_few_members_proxies_clusters_or_cameras(take, labels):
    check_finite(take(labels))


def test_a_batch_of_one_proxy(take):
    check_finite(take(ORDINARY, same_image=True))


def test_all_memories_are_one_row(take):
    check_finite(take(ORDINARY, rows=np.ones((8, 64))))


def test_memories_point_against_each_other(take):
    rows = np.ones((8, 64))
    rows[1::2] = -1
    check_finite(take(ORDINARY, rows=rows))
