import json

import numpy as np
import pytest

from ceil_jax.metrics import Metrics
from ceil_jax.report.results import (
    FIGURES,
    ModeResults,
    RerankParams,
    Results,
    Spread,
    summarise,
)


def metrics(rank1, mean_ap):
    return Metrics(np.linspace(rank1, 1, 20), mean_ap, mean_ap / 2, 10)


class TestSummarise:
    def test_mean_and_population_deviation_in_percent(self):
        figures = summarise([metrics(0.2, 0.5), metrics(0.6, 0.7)])
        assert list(figures) == list(FIGURES)
        assert figures["rank1"] == pytest.approx((40, 20))
        assert figures["rank20"] == pytest.approx((100, 0))
        assert figures["mAP"] == pytest.approx((60, 10))
        assert figures["mINP"] == pytest.approx((30, 5))

    def test_ranks_are_places_from_one(self):
        cmc = np.arange(1, 21) / 20
        figures = summarise([Metrics(cmc, 0.0, 0.0, 1)])
        assert [figures[f"rank{r}"].mean for r in (1, 5, 10, 20)] == pytest.approx(
            [5, 25, 50, 100]
        )

    def test_nothing_to_summarise(self):
        with pytest.raises(ValueError, match="metrics is empty"):
            summarise([])

    def test_too_short_a_cmc(self):
        with pytest.raises(ValueError, match="a cmc has 5 places, must have 20"):
            summarise([Metrics(np.ones(5), 1.0, 1.0, 1)])


class TestFile:
    figures = {name: Spread(50.25, 1.5) for name in FIGURES}  # noqa: RUF012
    results = Results(
        protocol="regdb",
        sampling="none",
        trials=1,
        modes={
            "visible_to_infrared": ModeResults(figures, figures, 5, 5),
            "infrared_to_visible": ModeResults(figures, None),
        },
        checkpoint="checkpoints/90",
        rerank=RerankParams(),
    )

    def test_there_and_back(self):
        again = Results.from_json(json.loads(json.dumps(self.results.to_json())))
        assert again.to_json() == self.results.to_json()
        assert again.modes["infrared_to_visible"].gcr is None
        assert again.modes["visible_to_infrared"].plain["mAP"] == Spread(50.25, 1.5)

    def test_save_leaves_only_the_file(self, tmp_path):
        self.results.save(tmp_path / "results.json")
        assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
        record = json.loads((tmp_path / "results.json").read_text())
        assert record == self.results.to_json()

    def test_a_key_that_is_missing_is_named(self):
        record = self.results.to_json()
        del record["modes"]["visible_to_infrared"]["plain"]["mAP"]
        with pytest.raises(ValueError, match="these results have no 'mAP'"):
            Results.from_json(record)
