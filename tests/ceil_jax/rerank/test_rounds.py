"""Products with graphs that are never written down against dense rounds by hand."""

import numpy as np
import pytest

from ceil_jax.neighbours.search import nearest
from ceil_jax.rerank import planning, rounds, vectors
from tests.ceil_jax import naive

N, K1, K2, WEIGHT = 40, 6, 3, 0.5


def dense_rounds(lists, cameras, num_rounds):
    """S_t of every round and A_T, in float64."""
    rank = lists.indices
    adjacency, w = np.zeros((N, N)), np.zeros((N, N))
    for i in range(N):
        for place, j in enumerate(rank[i]):
            adjacency[i, j] = WEIGHT if cameras[i] == cameras[j] else 1 / WEIGHT
            if place < K2:
                w[i, j] = float(lists.similarities[i, place]) ** 2
    graphs = []
    for _ in range(num_rounds):
        graphs.append(adjacency + adjacency.T)
        adjacency = w @ (graphs[-1] / graphs[-1].sum(1, keepdims=True))
    return graphs, adjacency


def all_blocks(state, **options):
    return [*rounds.blocks(state, lambda queries, x: (queries, x), **options)]


@pytest.fixture
def lists(rng):
    return nearest(naive.unit_rows(rng, N, 8, 10, 0.4), k=K1)


@pytest.mark.parametrize("num_rounds", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(("pays", "max_entries"), [(0, np.inf), (1, 0), (1, np.inf)])
@pytest.mark.parametrize(("fill", "support"), [(0, 0), (0, 1), (0, 0.8), (2, 1)])
def test_products(
    rng, lists, num_rounds, pays, max_entries, fill, support, monkeypatch
):
    monkeypatch.setattr(planning, "_pays", lambda *_: bool(pays))
    monkeypatch.setattr(vectors, "MIN_FILL", fill)
    monkeypatch.setattr(vectors, "MAX_SUPPORT", support)
    cameras = rng.integers(1, 4, N)
    state = planning.plan(
        lists,
        cameras,
        k1=K1,
        k2=K2,
        camera_weight=WEIGHT,
        num_rounds=num_rounds,
        max_entries=max_entries,
    )
    # What is too large or does not pay is not held: round 0 always is.
    assert state.level == (max(num_rounds - 2, 0) if pays and max_entries else 0)
    graphs, want = dense_rounds(lists, cameras, num_rounds)
    for graph, scale in zip(graphs, state.scales, strict=True):
        np.testing.assert_allclose(scale, 1 / graph.sum(1)[state.order], rtol=1e-5)
    if graphs:
        columns = rng.normal(size=(N, 2)).astype(np.float32)
        x = vectors.Columns(None, columns[state.order])
        got = vectors.whole(rounds.times(state, x, state.last), N)
        expected = (graphs[-1] @ columns)[state.order]
        np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_allclose(planning.finished(state).toarray(), want, atol=1e-6)
    parts = all_blocks(state, num_queries=15, block_rows=4, num_threads=2)
    assert [len(queries) for queries, _ in parts] == [4, 4, 4, 3]
    similarity = np.full((15, N - 15), np.nan)
    for queries, x in parts:
        similarity[queries] = vectors.dense_rows(x, N - 15)
    np.testing.assert_allclose(similarity, want[:15] @ want[15:].T, atol=1e-6)


@pytest.mark.parametrize("num_rounds", [3, 4, 9, 14])
@pytest.mark.parametrize("clusters", [1, 4, 10])
def test_the_graph_with_which_the_least_is_multiplied_is_held(
    rng, num_rounds, clusters
):
    lists = nearest(naive.unit_rows(rng, N, 8, clusters, 0.1), k=K1)
    state = planning.plan(
        lists, None, k1=K1, k2=K2, camera_weight=1.0, num_rounds=num_rounds
    )

    def multiplications(state):
        products = []
        with pytest.MonkeyPatch.context() as patch:
            product = vectors.product
            patch.setattr(
                vectors,
                "product",
                lambda x, matrix, transposed: (
                    products.append(matrix.nnz),
                    product(x, matrix, transposed),
                )[1],
            )
            x = vectors.Columns(None, np.ones((N, 1), np.float32))
            rounds.times(state, x, state.last)
        return sum(products)

    later = num_rounds - 1 - state.level
    estimate = planning._multiplications(state.held.nnz / N, K2, later)
    assert multiplications(state) == pytest.approx(N * estimate)
    # Never more than a few times what a full graph before the last one would cost.
    assert multiplications(state) <= 2 * N * (N + K2) * 1.5


def test_every_round_tells_of_every_row(lists, monkeypatch):
    monkeypatch.setattr(planning, "_pays", lambda *_: True)
    told = []
    for max_entries in (0, np.inf):
        planning.plan(
            lists,
            None,
            k1=K1,
            k2=K2,
            camera_weight=WEIGHT,
            num_rounds=4,
            max_entries=max_entries,
            on_rows=told.append,
        )
    assert sum(told) == 2 * 4 * N


def test_queries_of_one_person_come_together(rng):
    person = rng.permutation(400) // 10
    centres = 5 * np.eye(40)[person]
    rows = centres + rng.normal(size=centres.shape) / 10
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    state = planning.plan(
        nearest(rows, k=8), None, k1=8, k2=4, camera_weight=1.0, num_rounds=3
    )
    order = np.concatenate(
        [part for part, _ in all_blocks(state, num_queries=200, block_rows=16)]
    )
    assert sorted(order) == [*range(200)]
    changes = np.count_nonzero(np.diff(person[order]))
    assert changes <= 45
