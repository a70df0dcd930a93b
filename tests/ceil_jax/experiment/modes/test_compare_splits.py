"""Recipes that were trained on a data set's splits, side by side."""

import json
import re
import shutil

import pytest

from ceil_jax.experiment.config import Config
from tests.ceil_jax.evaluation.paired_runs import run, split
from tests.ceil_jax.experiment.modes import run_folders


def write(place, seed, better=0.0, splits=range(1, 11), temperature=0.05):
    config = Config(dataset="regdb", stage1_epochs=9, stage2_epochs=9)
    config.objective.temperature = temperature
    for number in splits:
        config.trial = number
        folder = place / f"trial_{number:02d}"
        model = f"{place.name} {number}"
        run_folders.write(folder, split(number, seed, better), config, model)
    return place


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("splits")
    write(place / "before", 1)
    write(place / "after", 2, better=0.1, temperature=0.07)
    write(place / "alike", 3)
    run_folders.write(place / "one", run(1))
    return place


@pytest.fixture
def compared_by_program(compared_by_program):
    """What is printed, without its line breaks."""
    return lambda *names, **how: " ".join(compared_by_program(*names, **how).split())


def test_two_recipes_that_differ(compared_by_program, tmp_path):
    out = compared_by_program("before", "after")
    assert out.startswith(
        "Trained on these people, B is the better recipe In visible to infr"
    )
    assert "over 12 people and 10 splits" in out
    assert "splits 1, 2, 3, 4, 5, 6, 7, 8, 9, 10" in out
    assert "B - A by split, plain mAP: 1: +" in out
    assert "A training for each split" in out
    assert re.search(r"config.objective.temperature 0.05 0.07", out)
    assert "config.trial" not in out
    assert "splits: what papers report" not in out
    page = (tmp_path / "comparison.html").read_text()
    assert "B is ahead with 10 of 10 splits" in page
    assert page.count("<svg class") == 1
    assert "<h2>Splits</h2>" in page


def test_the_figures_are_the_means_of_the_splits(compared_by_program, folder):
    out = compared_by_program("before", "after")
    means = []
    for name in ("before", "after"):
        records = [
            json.loads((folder / name / f"trial_{n:02d}" / "results.json").read_text())
            for n in range(1, 11)
        ]
        of_split = [
            r["modes"]["visible_to_infrared"]["plain"]["mAP"]["mean"] for r in records
        ]
        means.append(sum(of_split) / 10)
    assert f"plain mAP * {means[0]:.2f} {means[1]:.2f}" in out


def test_recipes_alike_are_not_resolved(compared_by_program):
    out = compared_by_program("before", "alike")
    assert out.startswith("Not resolved ")
    assert "better" not in out.replace("is better for", "")


def test_only_splits_in_common_are_paired(compared_by_program, tmp_path, folder):
    for name in ("before", "after"):
        shutil.copytree(folder / name, tmp_path / name)
    for number in (1, 2):
        shutil.rmtree(tmp_path / "before" / f"trial_{number:02d}")
    shutil.rmtree(tmp_path / "after" / "trial_10")
    out = compared_by_program(tmp_path / "before", tmp_path / "after")
    assert "and 7 splits" in out
    assert "A: 8 of 10 splits: what papers report of regdb is the mean of all" in out
    assert "B: 9 of 10 splits" in out
    for number in (3, 4):
        shutil.rmtree(tmp_path / "before" / f"trial_{number:02d}")
    out = compared_by_program(tmp_path / "before", tmp_path / "after")
    assert out.startswith("Too few splits for a verdict")
    assert "5 splits in common say nothing about recipes, 6 do" in out
    assert "95 %" not in out


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("before", "one"), "A is splits and B is one evaluation: give two of a kind"),
        (("one", "before"), "A is one evaluation and B is splits: give two of a kind"),
    ],
)
def test_two_of_a_kind(compared_by_program, names, said):
    out = compared_by_program(*names)
    assert out.startswith("No verdict: these two cannot be paired")
    assert said in out


def test_the_mean_alone_cannot_be_paired(compared_by_program, folder, tmp_path):
    record = json.loads((folder / "before/trial_01/results.json").read_text())
    record["splits"] = {"1": record["modes"], "2": record["modes"]}
    (tmp_path / "mean.json").write_text(json.dumps(record))
    out = compared_by_program(tmp_path / "mean.json", tmp_path / "mean.json")
    assert "A is the mean of splits: give the folder of all" in out


def test_what_every_query_found_is_needed(compared_by_program, folder, tmp_path):
    shutil.copytree(folder / "before", tmp_path / "old")
    (tmp_path / "old" / "trial_03" / "rankings.npz").unlink()
    out = compared_by_program("after", tmp_path / "old")
    assert "B, split 3, has no rankings.npz beside its figures" in out
    assert "95 %" not in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("optimizer", {"rate": 0.5}), "Runs of split 3 differ in config.optimizer"),
        (("trial", 4), "trial_03 was trained with split 4"),
    ],
)
def test_what_is_no_recipe(compared_by_program, folder, tmp_path, change, said):
    shutil.copytree(folder / "after", tmp_path / "after")
    path = tmp_path / "after" / "trial_03" / "results.json"
    record = json.loads(path.read_text())
    record["trained_with"][change[0]] = change[1]
    path.write_text(json.dumps(record))
    out = compared_by_program("before", tmp_path / "after")
    assert said in out
    assert "95 %" not in out


def test_the_best_epoch_of_each_split_is_no_other_recipe(
    compared_by_program, folder, tmp_path
):
    for name in ("before", "after"):
        shutil.copytree(folder / name, tmp_path / name)
        for number in range(1, 11):
            path = tmp_path / name / f"trial_{number:02d}" / "results.json"
            record = json.loads(path.read_text())
            chosen = {"selection": "best_on_test"}
            record |= chosen | {"checkpoint": f"epoch {number + len(name)}"}
            record["trained_with"] |= chosen
            path.write_text(json.dumps(record))
    out = compared_by_program(tmp_path / "before", tmp_path / "after")
    assert out.startswith("Trained on these people, B is")
    assert "chosen on the test set" in out


def test_splits_of_other_protocols_are_no_mean(compared_by_program, folder, tmp_path):
    shutil.copytree(folder / "before", tmp_path / "mixed")
    path = tmp_path / "mixed" / "trial_02" / "results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"protocol": "llcm"}))
    error = compared_by_program(tmp_path / "mixed", "after", status=2)
    assert "mixed: its splits were not scored in one way: split=2 has prot" in error


def test_no_split_is_finished(compared_by_program, tmp_path):
    (tmp_path / "none" / "trial_01").mkdir(parents=True)
    error = compared_by_program("before", tmp_path / "none", status=2)
    assert "none of its splits is finished" in error
