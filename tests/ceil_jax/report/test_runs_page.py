"""The page over several runs: what stands there, for every kind of them."""

import html
import re

import numpy as np
import pytest

from ceil_jax.evaluation.results import FIGURES, ModeResults, Results, Spread
from ceil_jax.report import runs_curves, runs_page
from ceil_jax.report.runs import SEEDS, SETTINGS, SPLITS, OneRun, Runs
from tests.ceil_jax.report.generated import NASTY


def results(plain, gcr=None, **fields):
    side, again = (
        {name: Spread(value or 0.0, 1.0) for name in FIGURES} for value in (plain, gcr)
    )
    modes = {"all": ModeResults(side, None if gcr is None else again)}
    made = {"dataset": "synthetic", "seed": 1} | fields
    return Results("sysu_mm01", "ceil", 10, modes, "epoch 18", **made)


def epochs(shares, start=1):
    return [
        {
            "epoch": start + i,
            "right_matches": share,
            "visible": {"clusters": 10 + i, "recall": share},
            "infrared": {"clusters": 20 + i},
        }
        for i, share in enumerate(shares)
    ]


def seeds(values, kind=SEEDS):
    noun = "seed" if kind == SEEDS else "split"
    runs = [
        OneRun(
            f"{noun} {n}",
            str(n),
            (results(value, value + 10),),
            page=f"{noun}-{n}/report.html",
            epochs=epochs([0.2, 0.1 * n]),
        )
        for n, value in enumerate(values, 1)
    ]
    return Runs("runs", kind, runs)


def words_of(text):
    text = re.sub(r"<(script|style).*?</\1>|<svg.*?</svg>", "", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_figures_mean_and_spread_of_seeds():
    text = runs_page.html(seeds([40.0, 46.0, 43.0]))
    said = words_of(text)
    assert "3 training seeds on synthetic" in said
    # Their mean is 43, the squared deviations 9, 9 and 0, divided by two.
    assert "mean 43.0 ±3.0 43.0 ±3.0 53.0 ±3.0 53.0 ±3.0" in said
    assert "lowest 40.0 40.0 50.0 50.0 highest 46.0 46.0 56.0 56.0" in said
    assert "In all search plain mAP is 43.0 %, and 53.0 % after re-ranking (R)" in said
    for n in (1, 2, 3):
        assert f'<a href="seed-{n}/report.html">seed {n}</a>' in text
    assert "sample standard deviation of single runs" in said
    assert "Generated people." in said
    assert "3 of 3 have figures" in said


def test_the_spread_of_splits_is_that_of_their_results_file():
    said = words_of(runs_page.html(seeds([40.0, 46.0, 43.0], SPLITS)))
    std = np.std([40.0, 46.0, 43.0])
    assert f"mean 43.0 ±{std:.1f}" in said
    assert "Splits share their people" in said
    assert "sample standard deviation" not in said


def test_settings_have_no_mean_and_a_warning():
    runs = Runs(
        "sweep",
        SETTINGS,
        [
            OneRun("rate=0.1", "1", (results(40.0), results(44.0))),
            OneRun("rate=0.2", "2", (results(50.0),), epochs=epochs([0.1, 0.2])),
        ],
    )
    said = words_of(runs_page.html(runs))
    assert "rate=0.1 line 1 42.0 ±2.8" in said
    assert " mean " not in said.split("Curves")[0].split("Figures", 2)[2]
    assert "Whoever picks the best line has chosen on the test set" in said
    assert "plain mAP is 42.0 to 50.0 % with these 2 settings" in said


def test_what_is_not_finished_is_named():
    runs = Runs(
        "runs",
        SEEDS,
        [
            OneRun("seed 1", "1", (results(40.0),)),
            OneRun("seed 2", "2", state="epoch 7 of 18", epochs=epochs([0.1] * 7)),
        ],
    )
    said = words_of(runs_page.html(runs))
    assert "1 of 2 have figures" in said
    assert "Not finished seed 2: epoch 7 of 18" in said
    assert "by seed 1." in said
    assert "lowest" not in said


def test_before_anything_is_finished():
    runs = Runs("runs", SEEDS, [OneRun("seed 1", "1", state="not begun")])
    said = words_of(runs_page.html(runs))
    assert "No run has figures yet." in said
    assert "None yet." in said


def test_curves_lie_over_each_other_with_their_mean():
    charts = {c.name: c for c in runs_curves.charts_of(seeds([40.0, 41.0, 42.0]))}
    assert [*charts] == [
        *("runs-matches", "runs-clusters-visible", "runs-clusters-infrared"),
        "runs-recall-visible",
    ]
    data = charts["runs-matches"].data
    assert data is not None
    assert data["xs"] == [1, 2]
    got = {name: values for name, values, _ in data["series"]}
    assert got["2"] == [20.0, 20.0]
    assert got["mean"] == pytest.approx([20.0, 20.0])  # of 10, 20 and 30 in epoch 2
    assert [name for name, *_ in data["series"]] == ["1", "2", "3", "mean"]
    numbers = charts["runs-clusters-visible"].numbers
    assert numbers is not None
    assert numbers.rows[0] == ("seed 1", "10", "11")


def test_a_run_that_is_behind_has_a_shorter_line_and_is_not_in_the_mean():
    made = seeds([40.0, 41.0])
    late = OneRun("seed 3", "3", epochs=epochs([0.6]))
    [chart, *_] = runs_curves.charts_of(Runs("runs", SEEDS, [*made.runs, late]))
    assert chart.data is not None
    got = {name: values for name, values, _ in chart.data["series"]}
    assert got["3"] == [60.0, None]
    assert got["mean"] == [20.0, 15.0]  # of 20 and 20, then of 10 and 20


def test_many_runs_are_a_mean_with_a_band():
    [chart, *_] = runs_curves.charts_of(seeds([40.0 + n for n in range(11)]))
    assert chart.data is not None
    assert [name for name, *_ in chart.data["series"]] == ["mean"]
    assert chart.numbers is not None
    assert len(chart.numbers.rows) == 11


def test_names_change_nothing_on_the_page():
    runs = Runs(NASTY, SETTINGS, [OneRun(NASTY, "1", (results(1.0),), page="a%22b")])
    text = runs_page.html(runs)
    assert NASTY not in text
    assert "://" not in text.replace("http://www.w3.org/", "")


def test_warnings_of_all_runs_are_told_once():
    same = "partial: the folder is not whole"
    runs = Runs(
        "runs",
        SPLITS,
        [
            OneRun(f"split {n}", str(n), (results(40.0, warnings=(same,)),))
            for n in (1, 2)
        ],
    )
    assert words_of(runs_page.html(runs)).count("the folder is not whole") == 1
