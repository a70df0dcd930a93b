"""Products with graphs that are never written down against dense rounds by hand."""

import numpy as np
import pytest

from ceil_jax.neighbours import nearest
from ceil_jax.rerank import rounds
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


@pytest.fixture
def lists(rng):
    return nearest(naive.unit_rows(rng, N, 8, 10, 0.4), k=K1)


@pytest.mark.parametrize("num_rounds", [1, 2, 3, 4])
@pytest.mark.parametrize("max_entries", [0, np.inf])
@pytest.mark.parametrize("dense_share", [0, 1])
def test_products(rng, lists, num_rounds, max_entries, dense_share, monkeypatch):
    monkeypatch.setattr(rounds, "DENSE_SHARE", dense_share)
    cameras = rng.integers(1, 4, N)
    state = rounds.plan(
        lists,
        cameras,
        k1=K1,
        k2=K2,
        camera_weight=WEIGHT,
        num_rounds=num_rounds,
        max_entries=max_entries,
    )
    # What is not small is not held: round 0 always is.
    assert state.level == (max(num_rounds - 2, 0) if max_entries else 0)
    graphs, want = dense_rounds(lists, cameras, num_rounds)
    for graph, scale in zip(graphs, state.scales, strict=True):
        np.testing.assert_allclose(scale, 1 / graph.sum(1), rtol=1e-5)
    columns = rng.normal(size=(N, 2)).astype(np.float32)
    got = rounds.times(state, columns, state.last)
    np.testing.assert_allclose(got, graphs[-1] @ columns, atol=1e-4)
    np.testing.assert_allclose(rounds.finished(state).toarray(), want, atol=1e-6)
    parts = [*rounds.blocks(state, num_queries=15, block_rows=4, num_threads=2)]
    assert [start for start, _ in parts] == [0, 4, 8, 12]
    similarity = np.concatenate(
        [x if isinstance(x, np.ndarray) else x.toarray() for _, x in parts]
    )
    np.testing.assert_allclose(similarity, want[:15] @ want[15:].T, atol=1e-6)


def test_a_budget_is_divided_between_graph_and_blocks():
    full = rounds.budget(None, num_rows=1000, k1=28, k2=7)
    assert full == (np.inf, rounds.BLOCK_ROWS)
    some = rounds.budget(0.01, num_rows=1000, k1=28, k2=7)
    assert 1 <= some.block_rows <= rounds.BLOCK_ROWS
    block = some.block_rows * rounds.BYTES_PER_DENSE_ENTRY * 1000
    assert some.max_entries * rounds.BYTES_PER_ENTRY + block <= 0.01 * 2**30
    with pytest.raises(ValueError, match=r"memory_gib=1e-05 must be at least 0\.00"):
        rounds.budget(1e-5, num_rows=1000, k1=28, k2=7)
