import pytest

from ceil_jax.report.results import (
    FIGURES,
    ModeResults,
    RerankParams,
    Results,
    Spread,
)
from ceil_jax.report.table import ComparisonRow, comparison_table, results_table


def figures(start, std=0.5):
    return {name: Spread(start + i, std) for i, name in enumerate(FIGURES)}


def results(trials=10, sampling="ceil", gcr=True, **others):
    mode = ModeResults(figures(50), figures(60) if gcr else None, 2208, 112)
    return Results("sysu_mm01", sampling, trials, {"indoor": mode}, **others)


class TestResultsTable:
    def test_all_of_it(self):
        table = results_table(
            results(checkpoint="checkpoints/18", rerank=RerankParams(14, 7, 0.5))
        )
        assert table.splitlines() == [
            'protocol sysu_mm01; 10 random single-shot galleries (sampling "ceil"); '
            "checkpoint checkpoints/18",
            "mode                                Rank-1        Rank-5       "
            "Rank-10       Rank-20           mAP          mINP",
            "---------------------  -----  ------------  ------------  ------------  "
            "------------  ------------  ------------",
            "indoor (2,208 in 112)  plain  50.00 ± 0.50  51.00 ± 0.50  52.00 ± 0.50  "
            "53.00 ± 0.50  54.00 ± 0.50  55.00 ± 0.50",
            "                       R      60.00 ± 0.50  61.00 ± 0.50  62.00 ± 0.50  "
            "63.00 ± 0.50  64.00 ± 0.50  65.00 ± 0.50",
            "in %, mean ± standard deviation over 10 trials",
            "R = with GCR re-ranking: k1=14, k2=7, camera weight 0.5",
            "in brackets: queries with a match in gallery images",
        ]

    def test_one_trial_has_no_deviation(self):
        table = results_table(results(trials=1, sampling="none"))
        assert "±" not in table
        assert "gallery: all test images" in table
        assert "50.00" in table

    def test_without_re_ranking(self):
        table = results_table(results(gcr=False))
        assert "R =" not in table
        assert "60.00" not in table

    def test_multi_shot(self):
        assert "10 random 10-shot galleries" in results_table(results(shots=10))

    def test_modes_stand_in_their_order(self):
        mode = ModeResults(figures(50), None)
        both = Results(
            "regdb",
            "none",
            1,
            {"visible_to_infrared": mode, "infrared_to_visible": mode},
        )
        lines = results_table(both).splitlines()
        assert lines[3].startswith("visible to infrared  plain")
        assert lines[4].startswith("infrared to visible  plain")
        assert lines[-1] == "in %"


class TestComparisonTable:
    def test_all_of_it(self):
        rows = [
            ComparisonRow("grey pixels", ModeResults(figures(16), None)),
            ComparisonRow("stage 2", ModeResults(figures(50), figures(61)), "recorded"),
        ]
        assert comparison_table(rows, mode="all").splitlines() == [
            "all search, % (R = with GCR re-ranking)",
            "               Rank-1    mAP    R Rank-1    R mAP",
            "-----------  --------  -----  ----------  -------  --------",
            "grey pixels      16.0   20.0           -        -",
            "stage 2          50.0   54.0        61.0     65.0  recorded",
        ]

    def test_without_notes_there_is_no_column_for_them(self):
        rows = [ComparisonRow("stage 1", ModeResults(figures(16), None))]
        lines = comparison_table(rows, mode="visible_to_infrared").splitlines()
        assert lines[0].startswith("visible to infrared search")
        assert len(lines[2].split()) == 5

    def test_no_rows(self):
        with pytest.raises(ValueError, match="rows is empty"):
            comparison_table([], mode="all")
