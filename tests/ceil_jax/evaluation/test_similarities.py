import functools
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceil_jax.common import linalg
from ceil_jax.evaluation import metrics, places, similarities
from ceil_jax.evaluation.metrics import PROTOCOLS, NoMatchError, evaluate
from ceil_jax.evaluation.similarities import Products
from tests.parity.evaluation import naive

# Products of whole numbers are exact: most of these rows are not of length 1.
evaluate_features = functools.partial(metrics.evaluate_features, normalise=False)


def problem(seed, num_queries=7, num_gallery=23, width=3, num_ids=5):
    """Features of whole numbers, whose products are exact and often equal; labels."""
    rng = np.random.default_rng(seed)
    return (
        rng.integers(-3, 4, (num_queries, width)).astype(np.float32),
        rng.integers(-3, 4, (num_gallery, width)).astype(np.float32),
        rng.integers(num_ids, size=num_queries),
        rng.integers(num_ids, size=num_gallery),
        rng.choice([2, 3, 6], num_queries),
        rng.integers(1, 7, num_gallery),
    )


def in_blocks(monkeypatch, entries):
    monkeypatch.setattr(similarities, "BLOCK_ENTRIES", entries)


@pytest.mark.parametrize("protocol", PROTOCOLS)
class TestFigures:
    @settings(max_examples=40, deadline=None)
    @given(
        seed=st.integers(0, 2**32 - 1),
        num_queries=st.integers(1, 12),
        num_gallery=st.integers(1, 30),
        width=st.integers(1, 4),
        num_ids=st.integers(1, 9),
        block=st.integers(1, 120),
        inner=st.integers(1, 120),
        max_rank=st.integers(1, 25),
    )
    def test_those_of_the_whole_matrix(
        self,
        protocol,
        seed,
        num_queries,
        num_gallery,
        width,
        num_ids,
        block,
        inner,
        max_rank,
    ):
        query, gallery, *labels = problem(
            seed, num_queries, num_gallery, width, num_ids
        )
        options = {"protocol": protocol, "max_rank": max_rank}
        expected = naive(query @ gallery.T, *labels, **options)
        with pytest.MonkeyPatch.context() as patch:
            in_blocks(patch, block)
            patch.setattr(places, "BLOCK_ENTRIES", inner)
            patch.setattr(metrics, "_BLOCK_ENTRIES", inner)
            if expected is None:
                with pytest.raises(NoMatchError):
                    evaluate_features(query, gallery, *labels, **options)
                return
            result = evaluate_features(query, gallery, *labels, **options)
        whole = evaluate(query @ gallery.T, *labels, **options)
        for ours, theirs, loop in zip(result, whole, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
            np.testing.assert_allclose(ours, loop, rtol=1e-12)

    @pytest.mark.parametrize("entries", [1, 40, 45 * 40, 1 << 26])
    def test_those_of_the_blocks_that_were_made(self, protocol, monkeypatch, entries):
        rng = np.random.default_rng(0)
        _, _, *labels = problem(3, 45, 40)
        sides = rng.standard_normal((45, 64)), rng.standard_normal((40, 64))
        query, gallery = (side.astype(np.float32) for side in sides)
        in_blocks(monkeypatch, entries)
        made = np.concatenate([b.copy() for b in Products(query, gallery).blocks()])
        result = evaluate_features(query, gallery, *labels, protocol=protocol)
        whole = evaluate(made, *labels, protocol=protocol)
        for ours, theirs in zip(result, whole, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


class TestProducts:
    def test_one_block_is_the_whole_product(self, rng):
        query = rng.standard_normal((9, 33)).astype(np.float32)
        gallery = rng.standard_normal((50, 33)).astype(np.float32)
        (block,) = Products(query, gallery).blocks()
        np.testing.assert_array_equal(block, query @ gallery.T)

    @pytest.mark.parametrize(
        ("entries", "sizes"),
        [(1, [1] * 5), (11, [1] * 5), (12, [2, 2, 1]), (29, [4, 1]), (30, [5])],
    )
    def test_blocks_hold_what_they_may(self, monkeypatch, entries, sizes):
        in_blocks(monkeypatch, entries)
        query, gallery, *_ = problem(0, 5, 6)
        blocks = [b.copy() for b in Products(query, gallery).blocks()]
        assert [len(block) for block in blocks] == sizes
        np.testing.assert_array_equal(np.concatenate(blocks), query @ gallery.T)

    @pytest.mark.parametrize(
        ("types", "want"),
        [
            ((np.float32, np.float32), np.float32),
            ((np.float16, jnp.bfloat16), np.float32),
            ((np.int8, np.float32), np.float32),
            ((np.float32, np.float64), np.float64),
        ],
    )
    def test_products_are_of_single_precision_at_least(self, types, want):
        sides = [x.astype(t) for x, t in zip(problem(0)[:2], types, strict=True)]
        (block,) = Products(jnp.asarray(sides[0]), sides[1]).blocks()
        np.testing.assert_array_equal(block, problem(0)[0] @ problem(0)[1].T)
        assert block.dtype == want

    @pytest.mark.parametrize(
        ("backend", "dtype", "entries", "calls"),
        [
            ("gpu", np.float32, 46, 4),
            ("gpu", np.float32, 7 * 23, 0),
            ("gpu", np.float64, 46, 0),
            ("cpu", np.float32, 46, 0),
        ],
    )
    def test_several_blocks_are_multiplied_by_the_accelerator(
        self, monkeypatch, backend, dtype, entries, calls
    ):
        query, gallery, *labels = problem(1)
        query = query.astype(dtype)
        whole = evaluate(query @ gallery.T, *labels, protocol="llcm")
        product, seen = linalg.inner, []

        def record(*sides):
            seen.append([type(side) for side in sides])
            return product(*sides)

        in_blocks(monkeypatch, entries)
        monkeypatch.setattr(linalg, "inner", record)
        monkeypatch.setattr(jax, "default_backend", lambda: backend)
        result = evaluate_features(query, gallery, *labels, protocol="llcm")
        assert len(seen) == calls
        for ours, theirs in zip(result, whole, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)

    def test_memory_is_that_of_a_block(self, monkeypatch):
        in_blocks(monkeypatch, 1 << 14)
        arguments = problem(0, 2000, 4000, num_ids=1000)
        evaluate_features(*arguments, protocol="llcm")
        tracemalloc.start()
        evaluate_features(*arguments, protocol="llcm")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2000 * 4000 * 4 / 8


class TestMistakes:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"protocol": "market"}, "protocol='market' must be one of sysu_mm01"),
            ({"max_rank": 0}, "max_rank=0 must be at least 1"),
            ({"query": np.zeros(3)}, r"query.shape=\(3,\) must be \(rows, features\)"),
            ({"query": np.zeros((0, 4))}, r"query.shape=\(0, 4\) must hold at least"),
            ({"gallery": np.zeros((0, 4))}, r"gallery.shape=\(0, 4\) must hold"),
            ({"gallery": np.zeros((3, 5))}, r"gallery.shape=\(3, 5\) must be as wide"),
            ({"query": [[0] * 4, [0, 1, np.inf, 0]]}, r"query\[1\] must be finite"),
            ({"gallery": np.full((3, 4), np.nan)}, r"gallery\[0\] must be finite"),
            ({"query_ids": [1]}, r"query_ids\.shape=\(1,\) must be \(2,\)"),
            ({"gallery_cameras": [[1, 1, 1]]}, r"gallery_cameras\.shape=\(1, 3\)"),
            (
                {"gallery_ids": [1.0, 2.0, 3.0]},
                r"gallery_ids\.dtype=float64 must be an integer",
            ),
            ({"query_ids": [8, 9]}, "no query has a true match"),
        ],
    )
    def test_bad_arguments_are_named(self, change, message):
        arguments = {
            "query": np.zeros((2, 4)),
            "gallery": np.zeros((3, 4)),
            "query_ids": [1, 2],
            "gallery_ids": [1, 2, 3],
            "query_cameras": [1, 1],
            "gallery_cameras": [2, 2, 2],
            "protocol": "regdb",
        }
        with pytest.raises(ValueError, match=message):
            evaluate_features(**(arguments | change))

    def test_a_product_that_is_no_number_is_named(self, monkeypatch):
        query, gallery, *labels = problem(2)
        blocks = [np.zeros((4, 23)), np.zeros((3, 23))]
        blocks[1][1, 4] = np.nan  # as of products beyond float32's range
        monkeypatch.setattr(Products, "blocks", lambda _: iter(blocks))
        monkeypatch.setattr(metrics, "_BLOCK_ENTRIES", 23)
        for score in (evaluate, metrics.each_query):
            with pytest.raises(ValueError, match=r"similarity\[5, 4\] is NaN"):
                score(Products(query, gallery), *labels, protocol="regdb")
