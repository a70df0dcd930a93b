"""The lines of one run, kept over a resumption."""

import dataclasses
import json

from ceil_jax.evaluation.results import FIGURES, ModeResults, Results, Spread
from ceil_jax.experiment.comparison import Comparison


def results(rank1: float) -> Results:
    """Figures that are all the same but for re-ranking's, which are 10 higher."""
    plain = {name: Spread(rank1, 1.0) for name in FIGURES}
    gcr = {name: Spread(rank1 + 10, 1.0) for name in FIGURES}
    mode = ModeResults(plain, gcr)
    return Results("sysu_mm01", "ceil", 10, {"all": mode, "indoor": mode}, "here")


def test_lines_are_shown_in_order_with_notes(tmp_path):
    comparison = Comparison(tmp_path / "comparison.json", keep=False)
    comparison.add("random weights", results(3.25))
    comparison.add("pretrained", results(20.5), "on other people")
    table = comparison.table().splitlines()
    first, second = (
        next(i for i, line in enumerate(table) if line.startswith(name))
        for name in ("random weights", "pretrained")
    )
    assert first < second
    assert "3.2" in table[first]
    assert "20.5" in table[second]
    assert "30.5" in table[second]
    assert any("on other people" in line for line in table)
    assert not any("control" in line for line in table)


def test_a_control_comes_last(tmp_path):
    comparison = Comparison(tmp_path / "comparison.json", keep=False)
    comparison.add("stage 2", results(50.0))
    table = comparison.table((results(40.0), "stage 1 alone"))
    assert table.index("stage 2") < table.index("40.0")
    assert "stage 1 alone" in table
    # It is another run's: the file has this run's lines alone.
    assert list(json.loads((tmp_path / "comparison.json").read_text())) == ["stage 2"]


def test_a_name_that_comes_again_replaces_its_line(tmp_path):
    comparison = Comparison(tmp_path / "comparison.json", keep=False)
    comparison.add("stage 1", results(10.0))
    comparison.add("stage 2", results(20.0))
    comparison.add("stage 1", results(30.0))
    assert list(comparison.rows) == ["stage 1", "stage 2"]
    assert comparison.rows["stage 1"].modes["all"].plain["rank1"].mean == 30.0


def test_what_is_made_up_for_has_its_own_place(tmp_path):
    comparison = Comparison(tmp_path / "comparison.json", keep=False)
    for name in ("stage 2", "stage 1", "random weights", "grey pixels"):
        comparison.add(name, results(10.0))
    order = ["grey pixels", "random weights", "stage 1", "stage 2"]
    assert list(comparison.rows) == order
    assert list(json.loads((tmp_path / "comparison.json").read_text())) == order


def test_a_resumed_run_goes_on_with_the_lines(tmp_path):
    path = tmp_path / "comparison.json"
    first = Comparison(path, keep=False)
    first.add("pretrained", results(20.0), "on other people")
    second = Comparison(path, keep=True)
    second.add("stage 1", results(30.0))
    third = Comparison(path, keep=True)
    assert list(third.rows) == ["pretrained", "stage 1"]
    assert third.rows["pretrained"].modes == results(20.0).modes
    assert "on other people" in third.table()


def test_a_new_run_starts_anew(tmp_path):
    path = tmp_path / "comparison.json"
    assert Comparison(path, keep=True).rows == {}
    Comparison(path, keep=False).add("old", results(20.0))
    fresh = Comparison(path, keep=False)
    assert fresh.rows == {}
    fresh.add("new", results(30.0))
    assert list(json.loads(path.read_text())) == ["new"]


def test_the_first_mode_is_shown(tmp_path):
    """Of the control, too: modes are not to be taken for each other."""
    comparison = Comparison(tmp_path / "comparison.json", keep=False)
    rows = {}
    for name, first, second in (("stage 1", 11.0, 71.0), ("control", 12.0, 72.0)):
        modes = {
            "all": results(first).modes["all"],
            "indoor": results(second).modes["all"],
        }
        rows[name] = dataclasses.replace(results(first), modes=modes)
    comparison.add("stage 1", rows["stage 1"])
    table = comparison.table((rows["control"], "recorded"))
    assert "all" in table
    for figure in ("11.0", "21.0", "12.0", "22.0"):
        assert figure in table
    for text in ("71.0", "81.0", "72.0", "82.0", "indoor"):
        assert text not in table
