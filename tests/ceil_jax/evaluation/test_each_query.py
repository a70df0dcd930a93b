"""Figures of single queries, of which the figures of a set are the mean."""

import numpy as np
import pytest

from ceil_jax.evaluation import places, similarities
from ceil_jax.evaluation.metrics import PROTOCOLS, averaged, each_query, evaluate
from tests.ceil_jax.evaluation.test_metrics import random_problem
from tests.parity.evaluation import naive


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_is_scored_as_if_alone(protocol, monkeypatch):
    problem = random_problem(3, num_queries=30, num_gallery=20, num_ids=9, levels=4)
    monkeypatch.setattr(places, "BLOCK_ENTRIES", 3 * 20)
    each = each_query(*problem, protocol=protocol)
    similarity, query_ids, gallery_ids, query_cameras, gallery_cameras = problem
    has = []
    for q in range(30):
        row = slice(q, q + 1)
        alone = naive(
            similarity[row], query_ids[row], gallery_ids, query_cameras[row],
            gallery_cameras, protocol=protocol, max_rank=20,
        )  # fmt: skip
        figures = [each.average_precision[q], each.inverse_penalty[q]]
        if alone is None:
            assert each.first[q] == 0
            assert np.isnan(figures).all()
            continue
        has.append(q)
        np.testing.assert_allclose(figures, [alone.mean_ap, alone.mean_inp], rtol=1e-12)
        assert each.first[q] == 1 + alone.cmc.tolist().index(1)
    assert 0 < len(has) < 30
    assert sorted(each.order) == has


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_their_mean_is_what_evaluate_gives(protocol):
    problem = random_problem(4, num_queries=30, num_gallery=20, num_ids=9)
    want = evaluate(*problem, protocol=protocol, max_rank=7)
    each = each_query(*problem, protocol=protocol)
    for a, b in zip(averaged(each, max_rank=7), want, strict=True):
        np.testing.assert_array_equal(a, b)


def test_similarities_are_shown_as_they_come(monkeypatch):
    rng = np.random.default_rng(0)
    query, gallery = rng.standard_normal((7, 3)), rng.standard_normal((4, 3))
    monkeypatch.setattr(similarities, "BLOCK_ENTRIES", 3 * 4)
    seen = []
    each_query(
        similarities.Products(query, gallery), np.arange(7), np.arange(4),
        on_block=lambda first, block: seen.append((first, block.copy())),
    )  # fmt: skip
    assert [first for first, _ in seen] == [0, 3, 6]
    np.testing.assert_allclose(
        np.concatenate([block for _, block in seen]), query @ gallery.T
    )


def test_a_cmc_without_places_is_refused():
    each = each_query([[1.0]], [1], [1])
    with pytest.raises(ValueError, match="max_rank=0"):
        averaged(each, max_rank=0)
