"""Identities and cameras: unknown ones, their types, and text."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceil_jax.evaluation import places
from ceil_jax.evaluation.metrics import (
    PROTOCOLS,
    NoMatchError,
    counted,
    each_query,
    evaluate,
)
from tests.ceil_jax.evaluation.test_metrics import random_problem
from tests.parity.evaluation import naive


class TestUnknownIdentities:
    """Identity -1: nobody knows whom the image shows."""

    ids = np.array([-1, -1, 1, 2, 3, 4])

    def similarity(self):
        similarity = np.zeros((4, 6), np.float32)
        similarity[:, :2] = 1  # the unknown ones are nearest to everybody
        similarity[np.arange(4), np.arange(4) + 2] = 0.9
        return similarity

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_unknown_queries_count_in_nothing(self, protocol):
        labels = np.full(4, -1), self.ids, np.full(4, 1), np.full(6, 2)
        with pytest.raises(NoMatchError, match="no query has a true match"):
            evaluate(self.similarity(), *labels, protocol=protocol)
        each = each_query(self.similarity(), *labels, protocol=protocol)
        assert np.isnan(each.average_precision).all()
        assert not each.first.any()
        half = np.array([1, -1, 3, -1]), *labels[1:]
        result = evaluate(self.similarity(), *half, protocol=protocol)
        assert (result.num_valid_queries, result.mean_ap) == (2, 1)
        each = each_query(self.similarity(), *half, protocol=protocol)
        np.testing.assert_array_equal(each.first, [1, 0, 1, 0])
        np.testing.assert_array_equal(each.average_precision, [1, np.nan, 1, np.nan])

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_junk_ahead_takes_no_place(self, protocol):
        labels = np.arange(1, 5), self.ids, np.full(4, 1), np.full(6, 2)
        result = evaluate(self.similarity(), *labels, protocol=protocol)
        assert (result.cmc[0], result.mean_ap, result.mean_inp) == (1, 1, 1)
        stands = counted(*labels, protocol=protocol)
        np.testing.assert_array_equal(stands, [[False] * 2 + [True] * 4] * 4)

    @pytest.mark.parametrize("person", [0, -2, 2**63 - 1])
    def test_every_other_number_is_a_person(self, person):
        ids = np.where(self.ids == -1, person, self.ids)
        result = evaluate(self.similarity(), np.full(4, person), ids, protocol="regdb")
        assert (result.num_valid_queries, result.cmc[0]) == (4, 1)

    @settings(max_examples=40, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([0, 1, 2]))
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    @pytest.mark.parametrize("most", [2, 8])
    def test_as_if_they_had_been_left_out(self, protocol, seed, levels, most):
        similarity, query_ids, gallery_ids, *cameras = random_problem(
            seed, num_gallery=40, levels=levels
        )
        queries, kept = query_ids > 0, gallery_ids > 0
        want = naive(
            similarity[np.ix_(queries, kept)], query_ids[queries], gallery_ids[kept],
            cameras[0][queries], cameras[1][kept], protocol=protocol, max_rank=20,
        )  # fmt: skip
        if want is None:
            return
        ids = (np.where(own > 0, own, -1) for own in (query_ids, gallery_ids))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(places, "MOST_COUNTED", most)
            patch.setattr(places, "SORTING_ENTRIES", 0)
            got = evaluate(similarity, *ids, *cameras, protocol=protocol)
        for ours, theirs in zip(got, want, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)

    def test_text_names_the_unknown_alike(self):
        names = np.array(["-1", "-1", "ann", "bob", "cy", "di"])
        result = evaluate(self.similarity(), ["ann", "bob", "-1", "di"], names)
        assert (result.num_valid_queries, result.mean_ap) == (3, 1)


class TestNames:
    @pytest.mark.parametrize("first", [np.int64, np.uint64, np.uint32, object])
    @pytest.mark.parametrize("second", [np.int64, np.uint64, object])
    @pytest.mark.parametrize("start", [1, 2**31, 2**62, 2**63 + 5])
    def test_types_of_numbers_may_differ(self, first, second, start):
        ids = [start + n for n in range(4)]
        try:
            sides = np.array(ids, first), np.array(ids, second)
        except OverflowError:
            return
        result = evaluate(np.eye(4), *sides)
        assert (result.num_valid_queries, result.mean_ap) == (4, 1)

    @pytest.mark.parametrize("protocol", ["standard", "llcm", "regdb"])
    def test_text_for_people_and_cameras(self, protocol):
        similarity, *labels = random_problem(8, num_gallery=40)
        want = evaluate(similarity, *labels, protocol=protocol)
        text = [[f"n{n}" for n in own] for own in labels]
        got = evaluate(similarity, *text, protocol=protocol)
        for ours, theirs in zip(got, want, strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_a_protocol_that_names_cameras_needs_their_numbers(self):
        similarity, *given = random_problem(8)
        labels: list[Any] = [*given]
        labels[2] = [str(camera) for camera in labels[2]]
        with pytest.raises(
            ValueError, match=r"query_cameras\.dtype=<U1 must be an int"
        ):
            evaluate(similarity, *labels, protocol="sysu_mm01")

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_without_cameras_nothing_is_skipped(self, protocol):
        similarity, query_ids, gallery_ids, *_ = random_problem(9, num_gallery=40)
        # Cameras that no protocol skips for each other.
        apart = np.full(7, 6), np.full(40, 5)
        ids = query_ids, gallery_ids
        want = naive(similarity, *ids, *apart, protocol=protocol, max_rank=20)
        got = evaluate(similarity, *ids, protocol=protocol)
        assert want is not None
        for ours, theirs in zip(got, want, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        assert counted(*ids, protocol=protocol).all()
        with pytest.raises(ValueError, match="gallery_cameras=None: give"):
            evaluate(similarity, *ids, apart[0], protocol=protocol)

    def test_market_1501_is_the_rule_that_is_not_named(self):
        problem = random_problem(12, num_gallery=40)
        want = evaluate(*problem, protocol="standard")
        np.testing.assert_array_equal(evaluate(*problem).cmc, want.cmc)
        np.testing.assert_array_equal(
            counted(*problem[1:]), counted(*problem[1:], protocol="standard")
        )
