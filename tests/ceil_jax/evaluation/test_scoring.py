import json

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation import scoring, similarities
from ceil_jax.evaluation.protocols import Plan, Trial, modes, plan, trials
from ceil_jax.evaluation.results import FIGURES, RerankParams
from ceil_jax.evaluation.scoring import (
    score_protocol,
    score_trials,
)
from ceil_jax.rerank import gcr
from ceil_jax.rerank.choosing import auto_parameters
from tests.ceil_jax.evaluation.embedded import RERANK, labels, side, take
from tests.parity.evaluation import naive


@pytest.fixture
def sysu():
    return side((1, 2, 4, 5), seed=1), side((3, 6), seed=2)


def scored(sides, protocol="sysu_mm01", options=None, **others):
    """Figures under a protocol's plan."""
    visible, infrared = sides
    chosen = plan(protocol, visible, infrared, **(options or {}))
    return score_protocol(visible, infrared, chosen, **others)


class TestScoreProtocol:
    def test_figures_are_means_over_the_trials(self, sysu):
        visible, infrared = sysu
        results = scored((visible, infrared), options={"num_trials": 3}, rerank=RERANK)
        assert list(results.modes) == ["all", "indoor"]
        for mode in modes("sysu_mm01"):
            found = {"plain": [], "gcr": []}
            for trial in trials("sysu_mm01", mode, *sysu, num_trials=3):
                query, gallery = (
                    take(infrared, trial.query),
                    take(visible, trial.gallery),
                )
                similarities = {
                    "plain": query.features @ gallery.features.T,
                    "gcr": gcr(
                        query.features, gallery.features, query.cameras,
                        gallery.cameras, k1=8, k2=3, camera_weight=0.5,
                        normalise=False,
                    ),
                }  # fmt: skip
                for name, similarity in similarities.items():
                    expected = naive(
                        np.asarray(similarity), *labels(query, gallery),
                        protocol="sysu_mm01", max_rank=20,
                    )  # fmt: skip
                    assert expected is not None
                    found[name].append(
                        [
                            *expected.cmc[[0, 4, 9, 19]],
                            expected.mean_ap,
                            expected.mean_inp,
                        ]
                    )
            ours = results.modes[mode.name]
            assert ours.gcr is not None
            for figures, rows in (
                (ours.plain, found["plain"]),
                (ours.gcr, found["gcr"]),
            ):
                np.testing.assert_allclose(
                    [figures[name].mean for name in FIGURES], 100 * np.mean(rows, 0)
                )
                np.testing.assert_allclose(
                    [figures[name].std for name in FIGURES], 100 * np.std(rows, 0)
                )

    def test_what_was_measured_is_recorded(self, sysu):
        options = {"num_trials": 2, "sampling": "agw"}
        results = scored(sysu, options=options, checkpoint="x")
        assert (results.protocol, results.sampling) == ("sysu_mm01", "agw")
        assert (results.trials, results.checkpoint) == (2, "x")
        assert (results.galleries, results.shots) == ("seeds 0-1", 1)
        mode = results.modes["indoor"]
        assert (mode.num_queries, mode.num_gallery) == (36, 12)
        assert mode.gcr is None

    def test_parameters_chosen_without_labels(self, sysu):
        visible, infrared = sysu
        options = {"num_trials": 2}
        results = scored(sysu, options=options, rerank="auto")
        assert results.rerank is None
        for mode, each in plan("sysu_mm01", *sysu, **options).trials.items():
            query = infrared.features[each[0].query]
            gallery = visible.features[each[0].gallery]
            want = RerankParams(*auto_parameters(query, gallery, normalise=False)[:3])
            found = results.modes[mode.name]
            assert found.rerank == want
            given = scored(sysu, options=options, rerank=want).modes[mode.name]
            assert found.gcr == given.gcr
        # Other labels, other figures, but the same choice.
        shuffled = infrared._replace(identities=infrared.identities[::-1])
        others = scored((visible, shuffled), options=options, rerank="auto").modes
        for name, mode in results.modes.items():
            assert others[name].rerank == mode.rerank
            assert others[name].gcr != mode.gcr

    def test_regdb_has_one_trial_and_no_sampling(self):
        visible, infrared = side((1,), seed=1), side((2,), seed=2)
        results = scored((visible, infrared), "regdb", rerank=RERANK)
        assert (results.sampling, results.trials) == ("none", 1)
        assert results.galleries == ""
        assert list(results.modes) == ["visible_to_infrared", "infrared_to_visible"]
        assert {s.std for s in results.modes["visible_to_infrared"].plain.values()} == {
            0
        }

    def test_one_model_on_several_splits_is_averaged(self):
        visible, infrared = side((1,), seed=1), side((2,), seed=2)
        splits = {
            "visible": np.stack([visible.identities <= 3, visible.identities > 2], 1),
            "infrared": np.stack(
                [infrared.identities <= 3, infrared.identities > 2], 1
            ),
        }
        results = scored((visible, infrared), "regdb_released", {"splits": splits})
        assert (results.protocol, results.trials) == ("regdb_released", 2)
        for mode, one, other in (
            ("visible_to_infrared", visible, infrared),
            ("infrared_to_visible", infrared, visible),
        ):
            wanted = []
            for keep in (lambda ids: ids <= 3, lambda ids: ids > 2):
                query = take(one, keep(one.identities))
                gallery = take(other, keep(other.identities))
                expected = naive(
                    query.features @ gallery.features.T, *labels(query, gallery),
                    protocol="regdb", max_rank=20,
                )  # fmt: skip
                assert expected is not None
                wanted.append(100 * expected.mean_ap)
            got = results.modes[mode].plain["mAP"]
            assert got == pytest.approx((np.mean(wanted), np.std(wanted)))

    def test_llcm(self):
        visible = side(tuple(range(1, 10)), files=2, seed=1)
        infrared = side((1, 2, 4, 5, 6, 7, 8, 9), files=2, seed=2)
        results = scored((visible, infrared), "llcm", {"num_trials": 2})
        assert results.modes["visible_to_infrared"].num_gallery == 6 * 8
        assert results.modes["infrared_to_visible"].num_gallery == 6 * 9

    def test_perfect_embeddings_score_100(self):
        visible = side((1, 2, 4, 5), noise=0)
        infrared = side((3, 6), noise=0)
        unit = [
            e._replace(
                features=e.features / np.linalg.norm(e.features, axis=1, keepdims=True)
            )
            for e in (visible, infrared)
        ]
        results = scored(unit, options={"num_trials": 2})
        for mode in results.modes.values():
            assert {tuple(spread) for spread in mode.plain.values()} == {(100, 0)}

    def test_the_order_of_the_images_does_not_matter(self, sysu):
        rng = np.random.default_rng(0)
        permuted = [take(e, rng.permutation(len(e.features))) for e in sysu]
        one, other = (
            scored(sides, options={"num_trials": 2}, progress=False)
            for sides in (sysu, permuted)
        )
        assert one.to_json() == other.to_json()

    def test_blocks_of_queries_do_not_matter(self, sysu, monkeypatch):
        whole = [e._replace(features=np.round(4 * e.features)) for e in sysu]
        at_once = scored(whole, options={"num_trials": 2}, rerank=RERANK)
        monkeypatch.setattr(similarities, "BLOCK_ENTRIES", 100)
        in_blocks = scored(whole, options={"num_trials": 2}, rerank=RERANK)
        for mode, found in in_blocks.modes.items():
            assert at_once.modes[mode].gcr == found.gcr
            for name in FIGURES:
                want = at_once.modes[mode].plain[name]
                assert found.plain[name] == pytest.approx(want, abs=1e-9)

    def test_gcr_gets_the_rows_as_given(self, sysu, monkeypatch):
        seen = []

        def record(query, gallery, query_cameras, gallery_cameras, **parameters):
            seen.append((query, query_cameras, gallery_cameras, parameters))
            return query @ gallery.T

        monkeypatch.setattr(scoring, "gcr", record)
        results = scored(sysu, options={"num_trials": 1}, rerank=RERANK)
        query, query_cameras, gallery_cameras, parameters = seen[0]
        np.testing.assert_array_equal(query, sysu[1].features)
        np.testing.assert_array_equal(query_cameras, sysu[1].cameras)
        assert set(gallery_cameras) == {1, 2, 4, 5}
        assert parameters.pop("search") == "exact"
        assert parameters.pop("normalise") is False
        assert parameters == {"k1": 8, "k2": 3, "camera_weight": 0.5}
        assert results.modes["all"].gcr == results.modes["all"].plain


def test_queries_and_gallery_of_the_first_trial_are_counted(sysu):
    visible, infrared = sysu
    gallery = np.arange(len(visible.features))
    trials_of = [
        Trial(np.arange(len(infrared.features))[:queries], gallery[:size])
        for queries, size in ((12, 60), (9, 72))
    ]
    chosen = Plan("sysu_mm01", {modes("sysu_mm01")[0]: trials_of})
    [mode] = score_protocol(visible, infrared, chosen).modes.values()
    known = np.isin(infrared.identities[:12], visible.identities[:60]).sum()
    assert known > 9
    assert (mode.num_queries, mode.num_gallery) == (known, 60)


@pytest.mark.parametrize("max_rank", [20, 30])
def test_the_cmc_has_as_many_places_as_asked_for(sysu, max_rank):
    visible, infrared = sysu
    trial = Trial(np.arange(12), np.arange(72))
    [found] = score_trials(
        infrared,
        visible,
        [trial],
        protocol="sysu_mm01",
        rerank=RERANK,
        max_rank=max_rank,
    )
    assert found.gcr is not None
    assert found.plain.cmc.shape == found.gcr.cmc.shape == (max_rank,)
    expected = naive(
        infrared.features[:12] @ visible.features.T,
        *labels(take(infrared, trial.query), visible),
        protocol="sysu_mm01",
        max_rank=max_rank,
    )
    assert expected is not None
    np.testing.assert_allclose(found.plain.cmc, expected.cmc)


class TestMistakes:
    def test_too_short_a_cmc(self, sysu):
        with pytest.raises(ValueError, match="max_rank=10 must be at least 20"):
            scored(sysu, max_rank=10)

    def test_features_with_nan(self, sysu):
        visible, infrared = sysu
        visible.features[[4, 7], 2] = np.nan, np.inf
        with pytest.raises(
            ValueError,
            match=r"2 of 72 visible features are NaN or infinite, "
            r"the first of cam2/0001/0004\.jpg",
        ):
            scored((visible, infrared))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"features": np.zeros(5, np.float32)}, r"shape \(5,\), must be \(N, d\)"),
            (
                {"features": np.zeros((72, 5), np.float32)},
                "visible features have 5 col",
            ),
            ({"cameras": np.ones(3, int)}, r"visible cameras have shape \(3,\)"),
        ],
    )
    def test_arrays_that_do_not_fit(self, sysu, change, message):
        visible, infrared = sysu
        chosen = plan("sysu_mm01", visible, infrared)
        with pytest.raises(ValueError, match=message):
            score_protocol(visible._replace(**change), infrared, chosen)

    def test_no_images(self, sysu):
        empty = take(sysu[0], np.zeros(0, int))
        with pytest.raises(UserError, match="there are no visible test images"):
            score_protocol(empty, sysu[1], plan("sysu_mm01", *sysu))

    def test_nothing_to_score(self, sysu):
        with pytest.raises(UserError, match="there are no test images to score"):
            score_protocol(sysu[0], sysu[1], Plan("standard", {}))

    def test_a_gallery_without_a_match(self, sysu):
        visible, infrared = sysu
        trial = Trial(
            np.flatnonzero(infrared.identities == 1),
            np.flatnonzero(visible.identities > 1),
        )
        with pytest.raises(UserError, match="test set cannot be scored: no query has"):
            score_trials(infrared, visible, [trial], protocol="sysu_mm01")


def test_results_json_is_that_of_the_contract(sysu, tmp_path):
    results = scored(
        sysu, options={"num_trials": 2}, rerank=RERANK, checkpoint="epoch 3"
    )
    results.save(tmp_path / "results.json")
    record = json.loads((tmp_path / "results.json").read_text())
    contract = {"protocol", "sampling", "checkpoint", "trials", "modes"}
    assert set(record) - contract == {
        *("dataset", "shots", "galleries", "rerank", "warnings"),
        *("split", "seed", "selection", "comparable"),
    }
    assert contract <= set(record)
    assert (record["sampling"], record["trials"]) == ("ceil", 2)
    for mode in ("all", "indoor"):
        assert set(record["modes"][mode]) == {"plain", "gcr"}
        for figures in record["modes"][mode].values():
            assert set(figures) == {"rank1", "rank5", "rank10", "rank20", "mAP", "mINP"}
            for figure in figures.values():
                assert set(figure) == {"mean", "std"}
                assert 0 <= figure["mean"] <= 100
