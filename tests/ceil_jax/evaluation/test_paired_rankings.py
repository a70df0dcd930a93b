"""Two evaluations figure by figure: what is paired, what is refused, what counts."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from ceil_jax.evaluation import paired_rankings
from ceil_jax.evaluation.paired_rankings import compared, refusal, verdict
from tests.ceil_jax.evaluation.paired_runs import PEOPLE, each_query, mode, run


def test_figures_are_in_percent_and_in_the_order_of_the_tables():
    rows = compared(run(1), run(2, better=0.2))
    assert [row[:3] for row in rows] == [
        (search, kind, figure)
        for search in ("all", "indoor")
        for kind in ("plain", "gcr")
        for figure in ("rank1", "mAP")
    ]
    row = verdict(rows)
    assert row[:3] == ("all", "plain", "mAP")
    one, other = (
        r["all"].each["plain"].average_precision for r in (run(1), run(2, 0.2))
    )
    assert row.difference.first == pytest.approx(100 * one.mean(), rel=1e-6)
    by_person = 100 * (other - one).mean(axis=0).reshape(8, 3).mean(axis=1)
    wanted: Any = stats.ttest_1samp(by_person, 0)
    assert row.difference.p == pytest.approx(wanted.pvalue, rel=1e-5)
    assert row.is_resolved


def test_a_run_against_itself_is_not_resolved():
    rows = compared(run(1), run(1))
    assert not any(row.is_resolved for row in rows)
    assert {row.difference.difference for row in rows} == {0}


def test_nothing_counts_where_the_verdict_is_open():
    better = run(1)["all"].each["gcr"].average_precision + 0.3
    plain = run(1)["all"].each["plain"].average_precision
    one, other = {"all": mode(plain, better - 0.3)}, {"all": mode(plain, better)}
    rows = compared(one, other)
    assert rows[3].difference.p < 1e-6
    assert not any(row.is_resolved for row in rows)
    # One model, two re-rankings: its re-ranked mAP is what is asked about.
    rows = compared(one, other, rests_on="gcr")
    assert verdict(rows, "gcr") == rows[3]
    assert rows[3].is_resolved


@pytest.mark.parametrize(
    ("probabilities", "wanted"),
    [
        ([0.06, 0.001, 0.001], [False, False, False]),
        ([0.04, 0.001, 0.03], [True, True, True]),
        ([0.04, 0.04, 0.03], [True, False, False]),  # 0.03 > 0.05 / 2
    ],
)
def test_the_others_come_after_the_first(probabilities, wanted):
    assert paired_rankings.resolved(probabilities, 0) == wanted


def test_without_re_ranking_the_plain_figure_counts():
    only = {"all": mode(np.full(24, 0.5))}
    rows = compared(only, only, rests_on="gcr")
    assert verdict(rows, "gcr")[:3] == ("all", "plain", "mAP")


HALF = np.full(24, 0.5)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"visible_to_infrared": mode(HALF)}, "no search in common: all against vis"),
        ({"all": mode(HALF[:21], people=PEOPLE[:21])}, "24 queries against 21"),
        ({"all": mode(HALF, names="x")}, "other queries, the first q0.png against x0"),
        ({"all": mode(HALF, people=PEOPLE[::-1])}, "one name show other people"),
        ({"all": mode(np.tile(HALF, (3, 1)))}, "1 galleries against 3"),
        ({"all": mode(HALF, digests="h")}, "1 of 1 galleries hold other images"),
        (
            {"all": mode(HALF)._replace(query_modality="visible")},
            "infrared queries against visible ones",
        ),
        (
            {"all": mode(np.where(PEOPLE == 1, np.nan, 0.5))},
            "other queries of them count",
        ),
    ],
)
def test_what_is_not_the_same_search_is_refused(other, said):
    one = {"all": mode(HALF)}
    assert said in refusal(one, other)
    with pytest.raises(ValueError, match="these cannot be paired"):
        compared(one, other)


def test_only_searches_in_common_are_compared():
    rows = compared(run(1), {"indoor": run(2)["indoor"]})
    assert {row.mode for row in rows} == {"indoor"}


def test_cumulative_matches():
    each = each_query(np.array([[1, 0.5, np.nan, 0.25], [np.nan] * 4]))
    curve = paired_rankings.cmc(each, 4)
    assert curve.tolist() == [[1 / 3, 2 / 3, 2 / 3, 1]]
    assert np.isnan(paired_rankings.values_of(each, "rank1")[0, 2])
