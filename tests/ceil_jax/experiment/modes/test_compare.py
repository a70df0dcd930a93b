"""Runs side by side by the program: verdicts, refusals, what differs, the page."""

import html
import json
import re
import shutil

import numpy as np
import pytest

from ceil_jax import main
from ceil_jax.common import extras
from ceil_jax.experiment import compared
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes import compare
from tests.ceil_jax.evaluation.paired_runs import run
from tests.ceil_jax.experiment.modes import run_folders


def config(**fields):
    chosen = Config(dataset="synthetic", stage1_epochs=9, stage2_epochs=9)
    for name, value in fields.items():
        setattr(chosen, name, value)
    return chosen


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two checkpoints that differ, one that hardly does, and seeds of two recipes."""
    place = tmp_path_factory.mktemp("runs")
    other = config()
    other.objective.temperature = 0.07
    run_folders.write(place / "before", run(1), config())
    run_folders.write(place / "after", run(2, better=0.1), other)
    run_folders.write(place / "alike", run(3), config(seed=2))
    draw = np.random.default_rng(0).normal(0, 0.01, (2, 6))
    for name, better, chosen in (("one", 0.0, config()), ("two", 0.1, other)):
        for seed in range(1, 7):
            chosen.seed = seed
            move = better + float(draw[int(name == "two"), seed - 1])
            place_of = place / name / f"seed-{seed}"
            run_folders.write(place_of, run(seed, better=move), chosen)
    return place


def page_of(tmp_path):
    text = (tmp_path / "comparison.html").read_text()
    return text, html.unescape(re.sub(r"<[^>]+>", "", text))


def test_two_that_differ(compared_by_program, tmp_path):
    out = compared_by_program("before", "after")
    title, said, *_ = out.splitlines()
    assert title == "These two checkpoints differ: B is better"
    assert said.startswith("In all search B leads A by 1")
    assert "over 8 people" in out
    assert re.search(r"all +plain mAP \* .* better\n", out)
    assert re.search(r"config.objective.temperature +0.05 +0.07\n", out)
    assert "config.seed" not in out
    assert "One training each" in out
    assert "People: 8" in out
    assert f"written to {compare.PAGE}" in out
    text, words = page_of(tmp_path)
    assert "These two checkpoints differ: B is better" in words
    assert text.count("<svg class") == 4
    assert "://" not in text.replace("http://www.w3.org/", "")


def test_a_run_beside_itself_is_not_resolved(compared_by_program, tmp_path):
    out = compared_by_program("before", "before")
    assert out.startswith("Not resolved\nIn all search both find the same")
    assert "better" not in out
    assert "One model" in out
    assert "no field that changes figures differs" in out
    assert "No field that changes figures." in page_of(tmp_path)[1]


def test_several_are_each_beside_the_first(compared_by_program, tmp_path):
    out = compared_by_program("before", "after", "alike")
    assert out.startswith("B differs from A\n")
    assert re.search(r"config.seed +1 +1 +2\n", out)
    assert page_of(tmp_path)[0].count("<svg class") == 8


def test_recipes_over_six_seeds(compared_by_program, tmp_path):
    out = compared_by_program("one", "two")
    assert out.startswith("These two recipes differ: B is better\n")
    assert "over 6 training seeds" in out
    assert "B - A by training seed, plain mAP: 1: +" in out
    assert "on these test people" in " ".join(out.split())
    assert "B is ahead with 6 of 6 seeds" in page_of(tmp_path)[1]


def test_five_seeds_do_not_speak(compared_by_program, folder, tmp_path):
    for name in ("one", "two"):
        shutil.copytree(folder / name, tmp_path / name)
        shutil.rmtree(tmp_path / name / "seed-4")
    out = compared_by_program(tmp_path / "one", tmp_path / "two")
    assert out.startswith("Too few training seeds for a verdict\n")
    assert "5 pairs of training seeds say nothing about recipes, 6 do" in " ".join(
        out.split()
    )
    assert "95 %" not in out
    assert "better" not in out


def test_seeds_that_differ_in_more_than_the_recipe(folder, tmp_path):
    shutil.copytree(folder / "two", tmp_path / "two")
    path = tmp_path / "two" / "seed-3" / "results.json"
    record = json.loads(path.read_text())
    record["trained_with"]["optimizer"]["rate"] = 0.5
    path.write_text(json.dumps(record))
    runs = [compared.open_run(str(p)) for p in (folder / "one", tmp_path / "two")]
    assert "seed 3 differ in config.optimizer.rate otherwise" in compared.recipe_fault(
        *runs
    )
    record["trained_with"]["seed"] = 9
    path.write_text(json.dumps(record))
    runs = [compared.open_run(str(p)) for p in (folder / "one", tmp_path / "two")]
    assert "seed-3 was trained with seed 9" in compared.recipe_fault(*runs)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"digests": "h"}, "2 of 2 galleries hold other images"),
        ({"names": "x"}, "other queries, the first q0.png against x0.png"),
    ],
)
def test_other_searches_are_not_paired(
    compared_by_program, folder, tmp_path, change, said
):
    other = run(2)
    all_search = other["all"]
    if "digests" in change:
        digests = np.array(["h0", "h1"])
        other["all"] = all_search._replace(gallery_digests=digests)
    else:
        names = np.char.replace(all_search.query.names, "q", "x")
        query = all_search.query._replace(names=names)
        other["all"] = all_search._replace(query=query)
    run_folders.write(tmp_path / "other", other, config())
    out = compared_by_program("before", tmp_path / "other")
    assert out.startswith("No verdict: these two cannot be paired\nAll search: ")
    assert said in out
    assert "95 %" not in out
    assert re.search(r"all +plain mAP +\d", out)  # the figures still stand there


def test_without_rankings_the_figures_stand_alone(
    compared_by_program, folder, tmp_path
):
    shutil.copytree(folder / "before", tmp_path / "old")
    (tmp_path / "old" / "rankings.npz").unlink()
    out = " ".join(compared_by_program(tmp_path / "old", "after").split())
    assert "A has no rankings.npz beside its figures" in out
    assert "--mode evaluate makes it" in out


def test_weights_whose_training_nobody_knows(compared_by_program, folder, tmp_path):
    shutil.copytree(folder / "before", tmp_path / "weights")
    path = tmp_path / "weights" / "results.json"
    record = json.loads(path.read_text()) | {"trained_with": None}
    path.write_text(json.dumps(record))
    out = compared_by_program(tmp_path / "weights", "after")
    assert re.search(r"training +unknown +recorded\n", out)
    assert "config." not in out


def test_other_evaluations_have_rankings_of_their_own(folder, tmp_path):
    place = tmp_path / "results"
    shutil.copytree(folder / "before", place)
    (place / "results.json").rename(place / "a-b.json")
    (place / "rankings.npz").rename(place / "a-b.rankings.npz")
    opened = compared.open_run(str(place / "a-b.json"))
    assert opened.first.rankings is not None


def test_names_tell_runs_apart():
    assert compare.names_of(["a/x", "b/y"]) == ["x", "y"]
    assert compare.names_of(["a/x", "b/x"]) == ["a/x", "b/x"]
    assert compare.names_of(["a/x", "a/x"]) == ["x", "x"]


def test_names_change_nothing_on_the_page(folder, tmp_path, monkeypatch):
    name = "<b>\"&'\N{SNOWMAN}" + "x" * 150
    shutil.copytree(folder / "before", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    main.main(["x", "--mode=compare", name, str(folder / "after"), "--output=o.html"])
    text = (tmp_path / "o.html").read_text()
    assert '<b>"&' not in text
    assert (
        html.escape(name).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in text
    )


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["before"], "needs two runs or more"),
        (["before"] * 27, "takes 26 runs at most"),
        (["before", "nowhere"], "there is no such folder or file"),
        (["before", "."], "holds no results.json: --mode evaluate --workdir"),
        (["before", "before/rankings.npz"], "no figures"),
        (["before", "after", "--output=page.txt"], "must end in .html"),
        (["before", "after", "--workdir=w"], "--workdir is not used by --mode compare"),
    ],
)
def test_mistakes(names, said, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = [n if n.startswith("--") else str(folder / n) for n in names]
    assert main.main(["x", "--mode=compare", *words]) == 2
    out, error = capsys.readouterr()
    assert said in error
    assert error.count("\n") == 1
    assert out == ""
    assert not list(tmp_path.iterdir())


def test_a_sweep_is_not_a_run(folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "sweep.json").write_text("{}")
    assert main.main(["x", "--mode=compare", str(folder / "one"), str(tmp_path)]) == 2
    assert "is a sweep: name some of its folders" in capsys.readouterr().err


def test_a_file_of_others_is_not_overwritten(compared_by_program, tmp_path):
    (tmp_path / "comparison.html").write_text("mine")
    error = compared_by_program("before", "after", status=2)
    assert "is there and no page of --mode compare" in error
    (tmp_path / "comparison.html").unlink()
    compared_by_program("before", "before")
    compared_by_program("before", "after")  # its own page is made anew
    assert "B is better" in page_of(tmp_path)[1]


def test_the_text_needs_no_library_of_pages(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(extras, "missing", lambda extra: ["jinja2"])
    monkeypatch.setattr(compare, "missing", lambda extra: ["jinja2"])
    monkeypatch.chdir(tmp_path)
    words = ["x", "--mode=compare", str(folder / "before"), str(folder / "after")]
    assert main.main(words) == 0
    out, error = capsys.readouterr()
    assert out.startswith("These two checkpoints differ")
    assert "no page is written: it needs jinja2" in error
    assert main.main([*words, "--output=a.html"]) == 2
    assert not list(tmp_path.iterdir())
