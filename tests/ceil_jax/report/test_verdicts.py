"""What a comparison says, sentence by sentence."""

import dataclasses

import numpy as np
import pytest

from ceil_jax.evaluation.results import FIGURES, ModeResults, Results, Spread
from ceil_jax.report import compared_page, comparing, verdicts
from ceil_jax.report.comparing import Pair, Row, Run
from tests.ceil_jax.evaluation.paired_runs import run

SIDE = {name: Spread(50.0, 1.0) for name in FIGURES}
RESULTS = Results("sysu_mm01", "ceil", 2, {"all": ModeResults(SIDE, SIDE)}, "epoch 1")


def side(letter, seed=0, better=0.0):
    return Run(letter, letter, "", RESULTS, run(seed, better), model=f"{seed} {better}")


def pair_of(plain, gcr, **fields):
    """A pair whose figures have these gaps and intervals, and count."""
    rows = tuple(
        Row("all", kind, "mAP", 50.0, 50.0 + gap, gap, gap - 2, gap + 2, counts)
        for kind, (gap, counts) in (("plain", plain), ("gcr", gcr))
    )
    pair = Pair(side("A"), side("B"), rows, rows[0], over="40 people", num_people=40)
    return dataclasses.replace(pair, **fields)


@pytest.mark.parametrize(
    ("plain", "gcr", "said"),
    [
        ((9.0, True), (7.0, True), "B leads A by 9.0 points of mAP (95 % interval"),
        (
            (9.0, True),
            (7.0, True),
            "+7.0 to +11.0 over 40 people), and by 7.0 after re",
        ),
        ((-9.0, True), (-7.0, True), "A leads B by 9.0 points"),
        (
            (9.0, True),
            (0.5, False),
            "); after re-ranking the difference is not resolved.",
        ),
        ((9.0, True), (-6.0, True), "), but after re-ranking A leads by 6.0."),
        (
            (1.0, False),
            (9.0, False),
            "B is 1.0 points of mAP ahead of A, but the 95 % in",
        ),
        ((3.0, False), (9.0, False), "which does not count beside the other runs"),
    ],
)
def test_sentences(plain, gcr, said):
    sentence = verdicts.sentence(pair_of(plain, gcr))
    assert sentence.startswith("In all search ")
    assert said in sentence


def test_titles():
    won, lost = pair_of((9.0, True), (9.0, True)), pair_of((-9.0, True), (9.0, True))
    open_ = pair_of((0.0, False), (0.0, False))
    assert verdicts.title([won]) == "These two checkpoints differ: B is better"
    assert verdicts.title([lost]) == "These two checkpoints differ: A is better"
    assert verdicts.title([open_]) == "Not resolved"
    assert verdicts.title([won, open_]) == "B differs from A"
    third = dataclasses.replace(lost, other=side("C"))
    assert verdicts.title([won, third]) == "B and C differ from A"
    assert verdicts.title([open_, open_]) == "No run is shown to differ from A"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.14, "+3.1"),
        (-0.04, "0.0"),
        (-2.0, "\N{MINUS SIGN}2.0"),
        (np.inf, "unbounded"),
    ],
)
def test_points(value, text):
    assert verdicts.signed(value) == text


def test_of_several_runs_a_narrow_lead_does_not_count():
    base = side("A", 1)
    # Its own probability lies between 0.05 / 4 and 0.05.
    near = next(
        other
        for better in np.linspace(0.0, 0.02, 81)
        if 0.02 < comparing.pair(base, other := side("B", 2, float(better))).p < 0.04
    )
    assert comparing.pairs([base, near], [""])[0].counts
    others = [near, *(side(letter, 1) for letter in "CDE")]
    found = comparing.pairs([base, *others], [""] * 4)
    assert not any(each.counts for each in found)
    assert "does not count beside the other runs" in verdicts.sentence(found[0])
    assert not any(row.is_resolved for row in found[0].rows)


def test_intervals_are_drawn_around_the_middle():
    row = Row("all", "plain", "mAP", 0, 0, 5.0, 2.5, 7.5, True)
    bar = compared_page.bar_of(row, 10)
    assert bar == compared_page.Bar(62.5, 25.0, 75.0, "up")
    assert compared_page.scale_of([row]) == 10
    open_ = row._replace(low=-np.inf, high=np.inf, is_resolved=False)
    assert compared_page.bar_of(open_, 10) == compared_page.Bar(0, 100, 75.0, "")
    assert compared_page.scale_of([open_]) == 1
    assert compared_page.bar_of(row._replace(low=None), 10) is None
