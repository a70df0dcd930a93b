"""Scores of epochs: the best, kept in a file, forgotten where they are redone."""

import json

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment.selection import Scores


def made(path, scores):
    kept = Scores(path)
    for epoch, score in scores.items():
        kept.add(epoch, score)
    return kept


def test_the_highest_is_the_best_and_the_first_of_equals(tmp_path):
    assert made(tmp_path / "a.json", {2: 10.0, 10: 30.0, 4: 20.0}).best == 10
    assert made(tmp_path / "b.json", {9: 30.0, 3: 30.0, 6: 30.0}).best == 3
    assert Scores(tmp_path / "none.json").best is None


def test_a_later_run_has_them_again(tmp_path):
    path = tmp_path / "scores.json"
    made(path, {2: 10.0, 10: 30.5})
    again = Scores(path)
    assert again.best == 10
    assert 2 in again
    assert 3 not in again
    assert json.loads(path.read_text()) == {"2": 10.0, "10": 30.5}


def test_epochs_that_are_trained_again_are_forgotten(tmp_path):
    path = tmp_path / "scores.json"
    scores = made(path, {2: 20.0, 4: 10.0, 6: 30.0})
    scores.forget_after(4)
    assert 6 not in scores
    assert scores.best == 2
    scores.add(6, 5.0)
    assert json.loads(path.read_text()) == {"2": 20.0, "4": 10.0, "6": 5.0}
    scores.forget_after(0)
    assert scores.best is None


@pytest.mark.parametrize("text", ["[1]", "{", '{"a": 1}', '{"1": null}'])
def test_a_file_of_another_kind_is_named(tmp_path, text):
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"scores\.json: no scores of epochs"):
        Scores(path)
