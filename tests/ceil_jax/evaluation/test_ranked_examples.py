"""The lists that a picture shows, of a few queries."""

import numpy as np
import pytest

from ceil_jax.evaluation.protocols import Plan, Trial, modes, plan
from ceil_jax.evaluation.results import RerankParams
from ceil_jax.evaluation.scoring import ranked_examples
from ceil_jax.rerank.choosing import auto_parameters
from tests.ceil_jax.evaluation.embedded import RERANK, side


@pytest.fixture
def sysu():
    return side((1, 2, 4, 5), seed=1), side((3, 6), seed=2)


class TestRankedExamples:
    @pytest.fixture
    def examples(self, sysu):
        return ranked_examples(
            sysu[0],
            sysu[1],
            plan("sysu_mm01", *sysu),
            mode=modes("sysu_mm01")[0],
            rerank=RERANK,
            num_queries=4,
            top=23,
        )

    def test_names_and_shapes(self, examples):
        assert (examples.query_modality, examples.gallery_modality) == (
            "infrared",
            "visible",
        )
        assert list(examples.rankings) == list(examples.correct) == ["plain", "GCR"]
        assert examples.rankings["GCR"].shape == (4, 23)
        assert len(examples.titles) == 4

    def test_lists_fall_in_similarity_and_skip_what_the_protocol_skips(
        self, sysu, examples
    ):
        visible, infrared = sysu
        for i, query in enumerate(examples.queries):
            places = examples.rankings["plain"][i]
            shown = examples.gallery[places[places >= 0]]
            similarity = visible.features[shown] @ infrared.features[query]
            assert (np.diff(similarity) <= 1e-6).all()
            np.testing.assert_array_equal(
                examples.correct["plain"][i][places >= 0],
                visible.identities[shown] == infrared.identities[query],
            )
            # The gallery of 24 holds six images of camera 2.
            skips = infrared.cameras[query] == 3
            assert (2 in visible.cameras[shown]) == (not skips)
            assert len(shown) == (18 if skips else 23)
            assert examples.titles[i] == (
                f"id {infrared.identities[query]}, cam {infrared.cameras[query]}"
            )

    def test_the_gallery_holds_what_is_shown_and_no_more(self, examples):
        indices = np.concatenate([r.ravel() for r in examples.rankings.values()])
        assert set(indices[indices >= 0]) == set(range(len(examples.gallery)))

    def test_parameters_chosen_without_labels(self, sysu):
        chosen, mode = plan("sysu_mm01", *sysu), modes("sysu_mm01")[0]
        trial = chosen.trials[mode][0]
        rows = sysu[1].features[trial.query], sysu[0].features[trial.gallery]
        given = RerankParams(*auto_parameters(*rows, normalise=False)[:3])
        found, want = (
            ranked_examples(sysu[0], sysu[1], chosen, mode=mode, rerank=rerank)
            for rerank in ("auto", given)
        )
        np.testing.assert_array_equal(found.rankings["GCR"], want.rankings["GCR"])

    def test_without_re_ranking(self, sysu):
        examples = ranked_examples(
            sysu[0],
            sysu[1],
            plan("sysu_mm01", *sysu),
            mode=modes("sysu_mm01")[1],
            num_queries=2,
        )
        assert list(examples.rankings) == ["plain"]

    def test_queries_and_gallery_are_counted_in_the_test_set(self, sysu):
        """Where not every image is a query, those of the list have other numbers."""
        visible, infrared = sysu
        mode = modes("sysu_mm01")[0]
        queries, gallery = np.array([9, 16, 33]), np.arange(5, 70, 3)
        chosen = Plan("sysu_mm01", {mode: [Trial(queries, gallery)]})
        examples = ranked_examples(visible, infrared, chosen, mode=mode, num_queries=3)
        np.testing.assert_array_equal(examples.queries, queries)
        assert examples.titles == [
            f"id {infrared.identities[row]}, cam {infrared.cameras[row]}"
            for row in queries
        ]
        assert set(examples.gallery) <= set(gallery)
        first = examples.gallery[examples.rankings["plain"][:, 0]]
        for row, best in zip(queries, first, strict=True):
            allowed = [
                column
                for column in gallery
                if infrared.cameras[row] != 3 or visible.cameras[column] != 2
            ]
            scores = visible.features[allowed] @ infrared.features[row]
            assert best == allowed[scores.argmax()]
