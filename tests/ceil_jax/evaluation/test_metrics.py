import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceil_jax.evaluation import metrics, places
from ceil_jax.evaluation.metrics import (
    PROTOCOLS,
    NoMatchError,
    counted,
    evaluate,
)
from tests.parity.evaluation import naive, replay_evaluation

# One ranked list: the similarities fall from the first gallery image to the last.
FALLING = np.arange(10, 0, -1, dtype=np.float32)[None]


def score(gallery_ids, gallery_cameras, *, protocol, query=(1, 1), **options):
    """Metrics of one query (identity, camera) on a gallery in its ranked order."""
    size = len(gallery_ids)
    return evaluate(
        FALLING[:, :size],
        [query[0]],
        gallery_ids,
        [query[1]],
        gallery_cameras,
        protocol=protocol,
        **options,
    )


class TestByHand:
    def test_images_are_places_in_regdb(self):
        # Ranked: 2 2 1 3 1. First match third; AP = (1/3 + 2/5) / 2; INP = 2/5.
        result = score([2, 2, 1, 3, 1], [2] * 5, protocol="regdb", max_rank=4)
        np.testing.assert_array_equal(result.cmc, [0, 0, 1, 1])
        assert result.mean_ap == pytest.approx((1 / 3 + 2 / 5) / 2)
        assert result.mean_inp == pytest.approx(2 / 5)
        assert result.num_valid_queries == 1

    def test_identities_are_places_in_sysu_mm01_and_llcm(self):
        # The same list: identity 2 takes one place, so identity 1 is second. AP and
        # INP stay over images.
        for protocol in ("sysu_mm01", "llcm"):
            result = score([2, 2, 1, 3, 1], [4] * 5, protocol=protocol, max_rank=4)
            np.testing.assert_array_equal(result.cmc, [0, 1, 1, 1])
            assert result.mean_ap == pytest.approx((1 / 3 + 2 / 5) / 2)
            assert result.mean_inp == pytest.approx(2 / 5)

    def test_camera_3_skips_camera_2_whatever_the_identity(self):
        # Left after skipping the first (wrong) and third (right): 5 1.
        ids, cameras = [2, 5, 1, 1], [2, 1, 2, 4]
        result = score(ids, cameras, protocol="sysu_mm01", query=(1, 3), max_rank=2)
        np.testing.assert_array_equal(result.cmc, [0, 1])
        assert result.mean_ap == pytest.approx(1 / 2)
        assert result.mean_inp == pytest.approx(1 / 2)

    def test_camera_6_skips_nothing(self):
        # 2 5 1 1: AP = (1/3 + 2/4) / 2.
        ids, cameras = [2, 5, 1, 1], [2, 1, 2, 4]
        result = score(ids, cameras, protocol="sysu_mm01", query=(1, 6), max_rank=3)
        np.testing.assert_array_equal(result.cmc, [0, 0, 1])
        assert result.mean_ap == pytest.approx((1 / 3 + 2 / 4) / 2)

    @pytest.mark.parametrize(
        ("protocol", "cmc"), [("standard", [0, 0, 1]), ("llcm", [0, 1, 1])]
    )
    def test_same_identity_and_camera_is_skipped(self, protocol, cmc):
        # The first image is skipped; of 2 2 1, identity 2 once or twice. The camera of
        # a wrong image does not matter.
        result = score([1, 2, 2, 1], [7, 7, 8, 8], protocol=protocol, query=(1, 7))
        np.testing.assert_array_equal(result.cmc[:3], cmc)
        assert result.mean_ap == pytest.approx(1 / 3)
        assert result.mean_inp == pytest.approx(1 / 3)

    def test_an_identity_that_is_skipped_whole_takes_no_place(self):
        # Identity 2 is seen by camera 2 only.
        result = score([2, 2, 1], [2, 2, 1], protocol="sysu_mm01", query=(1, 3))
        assert result.cmc[0] == 1

    def test_queries_without_a_match_count_in_nothing(self):
        similarity = np.array([[3.0, 2.0], [3.0, 2.0], [3.0, 2.0]])
        result = evaluate(
            similarity, [1, 9, 2], [1, 2], [1, 1, 1], [2, 2], protocol="regdb"
        )
        assert result.num_valid_queries == 2
        np.testing.assert_array_equal(result.cmc[:2], [0.5, 1])
        assert result.mean_ap == pytest.approx((1 + 1 / 2) / 2)

    def test_cmc_is_padded_with_its_last_value(self):
        result = score([2, 1], [2, 2], protocol="regdb")
        np.testing.assert_array_equal(result.cmc, [0] + [1] * 19)
        assert result.cmc.dtype == np.float64

    def test_a_match_beyond_max_rank_leaves_the_cmc_at_zero(self):
        result = score([2, 3, 1], [2] * 3, protocol="regdb", max_rank=2)
        np.testing.assert_array_equal(result.cmc, [0, 0])

    def test_ties_keep_the_order_of_the_gallery(self):
        equal = np.ones((1, 3), np.float32)
        result = evaluate(equal, [1], [2, 1, 1], [1], [2, 2, 2], protocol="regdb")
        np.testing.assert_array_equal(result.cmc[:2], [0, 1])
        assert result.mean_ap == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize("protocol", PROTOCOLS)
class TestExtremes:
    ids = np.repeat(np.arange(5), 4)
    cameras = np.tile([4, 5, 6, 8], 5)

    def similarity(self):
        return (np.arange(5)[:, None] == self.ids).astype(np.float32)

    def test_perfect_ranking(self, protocol):
        result = evaluate(
            self.similarity(), np.arange(5), self.ids, [1] * 5, self.cameras,
            protocol=protocol,
        )  # fmt: skip
        np.testing.assert_array_equal(result.cmc, np.ones(20))
        assert (result.mean_ap, result.mean_inp) == (1, 1)

    def test_worst_ranking(self, protocol):
        result = evaluate(
            -self.similarity(), np.arange(5), self.ids, [1] * 5, self.cameras,
            protocol=protocol,
        )  # fmt: skip
        over_identities = protocol in ("sysu_mm01", "llcm")
        first = 5 if over_identities else 17
        assert result.cmc[first - 2] == 0
        assert result.cmc[first - 1] == 1
        expected = (1 / 17 + 2 / 18 + 3 / 19 + 4 / 20) / 4
        assert result.mean_ap == pytest.approx(expected)
        assert result.mean_inp == pytest.approx(4 / 20)


def random_problem(seed, num_queries=7, num_gallery=23, num_ids=5, levels=0):
    rng = np.random.default_rng(seed)
    similarity = rng.standard_normal((num_queries, num_gallery))
    if levels:
        similarity = np.round(similarity * levels)  # many ties
    return (
        similarity,
        rng.integers(num_ids, size=num_queries),
        rng.integers(num_ids, size=num_gallery),
        rng.choice([2, 3, 6], num_queries),
        rng.integers(1, 7, num_gallery),
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
class TestAgainstPlainLoop:
    @settings(max_examples=60, deadline=None)
    @given(
        seed=st.integers(0, 2**32 - 1),
        num_queries=st.integers(1, 12),
        num_gallery=st.integers(1, 30),
        num_ids=st.integers(1, 9),
        levels=st.sampled_from([0, 0, 1, 2]),
        max_rank=st.integers(1, 25),
    )
    def test_same_figures(
        self, protocol, seed, num_queries, num_gallery, num_ids, levels, max_rank
    ):
        problem = random_problem(seed, num_queries, num_gallery, num_ids, levels)
        expected = naive(*problem, protocol=protocol, max_rank=max_rank)
        if expected is None:
            with pytest.raises(NoMatchError):
                evaluate(*problem, protocol=protocol, max_rank=max_rank)
            return
        result = evaluate(*problem, protocol=protocol, max_rank=max_rank)
        for ours, theirs in zip(result, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)

    @settings(max_examples=25, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([0, 1, 2]))
    def test_sorting_finds_what_counting_finds(self, protocol, seed, levels):
        problem = random_problem(seed, num_gallery=40, num_ids=4, levels=levels)
        expected = naive(*problem, protocol=protocol, max_rank=20)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(places, "MOST_COUNTED", 2)
            patch.setattr(places, "SORTING_ENTRIES", 0)
            result = evaluate(*problem, protocol=protocol)
        assert expected is not None
        for ours, theirs in zip(result, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)

    def test_infinities_are_not_taken_for_skipped_images(self, protocol):
        similarity, *labels = random_problem(11, num_gallery=40, levels=1)
        similarity = np.where(similarity == 0, 0, np.copysign(np.inf, similarity))
        expected = naive(similarity, *labels, protocol=protocol, max_rank=20)
        assert expected is not None
        result = evaluate(similarity, *labels, protocol=protocol)
        for ours, theirs in zip(result, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)

    def test_gallery_order_does_not_matter_without_ties(self, protocol):
        similarity, query_ids, gallery_ids, query_cameras, gallery_cameras = (
            random_problem(3, num_gallery=40)
        )
        order = np.random.default_rng(0).permutation(40)
        ours = evaluate(
            similarity, query_ids, gallery_ids, query_cameras, gallery_cameras,
            protocol=protocol,
        )  # fmt: skip
        permuted = evaluate(
            similarity[:, order], query_ids, gallery_ids[order], query_cameras,
            gallery_cameras[order], protocol=protocol,
        )  # fmt: skip
        for a, b in zip(ours, permuted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14)

    def test_blocks_do_not_matter(self, protocol, monkeypatch):
        problem = random_problem(5, num_queries=20)
        whole = evaluate(*problem, protocol=protocol)
        monkeypatch.setattr(metrics, "_BLOCK_ENTRIES", 3 * 23)
        monkeypatch.setattr(places, "BLOCK_ENTRIES", 3 * 23)
        for a, b in zip(whole, evaluate(*problem, protocol=protocol), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_which_images_count(self, protocol):
        _, *labels = random_problem(6, num_queries=40, num_gallery=30, num_ids=9)
        stands = counted(*labels, protocol=protocol)
        for q, g in np.ndindex(stands.shape):
            query, image = (labels[0][q], labels[2][q]), (labels[1][g], labels[3][g])
            skipped = {
                "regdb": False,
                "sysu_mm01": (query[1], image[1]) == (3, 2),
            }.get(protocol, query == image)
            assert stands[q, g] == (not skipped)


class TestArguments:
    def test_any_array_and_number_type(self):
        problem = random_problem(1)
        expected = evaluate(*problem, protocol="llcm")
        half = evaluate(
            jnp.asarray(np.sign(problem[0]), jnp.bfloat16),
            *map(jnp.asarray, problem[1:]),
            protocol="llcm",
        )
        assert half.num_valid_queries == expected.num_valid_queries
        with_int32 = evaluate(
            problem[0], *(a.astype(np.int32) for a in problem[1:]), protocol="llcm"
        )
        np.testing.assert_array_equal(with_int32.cmc, expected.cmc)

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.int64])
    def test_given_similarities_stay_as_they_are(self, dtype):
        similarity, *labels = random_problem(2, levels=2)
        given = similarity.astype(dtype)
        before = given.copy()
        result = evaluate(given, *labels, protocol="llcm")
        np.testing.assert_array_equal(given, before)
        expected = naive(before.astype(float), *labels, protocol="llcm", max_rank=20)
        assert expected is not None
        np.testing.assert_allclose(result.mean_ap, expected.mean_ap, rtol=1e-12)

    def test_infinite_similarities_are_ranked(self):
        similarity = [[-np.inf, 1.0, np.inf]]
        result = evaluate(similarity, [1], [1, 2, 3], [1], [2] * 3, protocol="regdb")
        np.testing.assert_array_equal(result.cmc[:3], [0, 0, 1])

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"protocol": "market"}, "protocol='market' must be one of sysu_mm01"),
            ({"max_rank": 0}, "max_rank=0 must be at least 1"),
            ({"max_rank": 2.5}, "max_rank=2.5 must be a whole number"),
            ({"similarity": [["a"] * 3] * 2}, r"similarity\.dtype=<U1 must be a type"),
            ({"similarity": [[1j] * 3] * 2}, r"similarity\.dtype=complex128 must"),
            ({"similarity": np.zeros(3)}, r"similarity\.shape=\(3,\) must be \(Q, G\)"),
            ({"similarity": np.zeros((0, 3))}, "empty query"),
            ({"similarity": np.zeros((2, 0))}, "empty gallery"),
            ({"similarity": [[1, 2, 3], [1, np.nan, 3]]}, r"\[1, 1\] is NaN"),
            ({"query_ids": [1]}, r"query_ids\.shape=\(1,\) must be \(2,\)"),
            ({"gallery_ids": [1] * 4}, r"gallery_ids\.shape=\(4,\) must be \(3,\)"),
            ({"query_cameras": [1] * 3}, r"query_cameras\.shape=\(3,\)"),
            ({"gallery_cameras": [[1, 1, 1]]}, r"gallery_cameras\.shape=\(1, 3\)"),
            (
                {"gallery_ids": [1.0, 2.0, 3.0]},
                r"gallery_ids\.dtype=float64 must be an integer",
            ),
            ({"query_ids": [8, 9]}, "no query has a true match"),
        ],
    )
    def test_bad_ones_are_refused(self, change, message):
        arguments = {
            "similarity": np.zeros((2, 3)),
            "query_ids": [1, 2],
            "gallery_ids": [1, 2, 3],
            "query_cameras": [1, 1],
            "gallery_cameras": [2, 2, 2],
            "protocol": "regdb",
        }
        with pytest.raises(ValueError, match=message):
            evaluate(**(arguments | change))


class TestReplay:
    @pytest.mark.parametrize("name", ["h_eval", "h_eval_missing_ids"])
    def test_reference_vectors(self, name):
        with np.load(f"tests/data/golden/{name}.npz") as file:
            figures = replay_evaluation(dict(file), name)
        assert len(figures) == 12
        for figure, (error, tolerance) in figures.items():
            assert error <= tolerance, figure

    def test_where_the_released_code_fails(self):
        # Three identities: its CMC curves cannot be stacked.
        arrays = self.arrays(query_ids=[1, 2], gallery_ids=[1, 2, 3])
        figures = replay_evaluation(arrays | {"regdb_error": np.array(1)}, "h_x")
        assert [error for error, _ in figures.values()] == [0, 0, 0]
        assert "regdb_cmc (plain loop)" in figures

    def test_where_both_refuse(self):
        arrays = self.arrays(query_ids=[8, 9], gallery_ids=[1, 2, 3])
        figures = replay_evaluation(arrays | {"regdb_error": np.array(1)}, "h_x")
        assert figures == {"regdb_refused": (0.0, 1e-5)}

    def test_a_wrong_figure_is_noticed(self):
        arrays = self.arrays(query_ids=[1, 2], gallery_ids=[1, 2, 3])
        figures = replay_evaluation(
            arrays
            | {
                "regdb_cmc": np.array([0.5, 0.5, 0.5]),
                "regdb_mAP": np.array(np.nan),
                "regdb_mINP": np.array(0.75),
            },
            "h_x",
        )
        assert figures["regdb_cmc"][0] == 0.5
        assert figures["regdb_mAP"][0] == np.inf
        assert figures["regdb_mINP"][0] == 0

    @staticmethod
    def arrays(query_ids, gallery_ids):
        return {
            "distmat": np.tile(np.arange(len(gallery_ids), dtype=np.float32), (2, 1)),
            "q_pids": np.array(query_ids),
            "g_pids": np.array(gallery_ids),
            "max_rank": np.array(20),
            "regdb_q_cam": np.ones(2, int),
            "regdb_g_cam": np.zeros(len(gallery_ids), int),
        }
