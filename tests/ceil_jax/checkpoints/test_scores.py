"""Which epoch is a run's model: by hand."""

import json

import pytest

from ceil_jax.checkpoints import scores
from ceil_jax.common.errors import UserError


def chosen(folder, selection=scores.BEST_ON_TEST, kept=(3, 4)):
    return scores.chosen(folder, selection, kept, "name one")


def write(folder, found):
    (folder / "scores.json").write_text(
        found if isinstance(found, str) else json.dumps(found)
    )


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ({"3": 50.0, "4": 40.0}, 3),
        ({"3": 50.0, "4": 50.5}, 4),
        ({"4": 50.0, "3": 50.0}, 3),
        ({"1": 9.0, "4": 50.0}, 4),
    ],
)
def test_the_best_is_the_model_where_the_run_says_so(tmp_path, found, wanted):
    write(tmp_path, found)
    assert chosen(tmp_path) == wanted
    for other in ("last", ""):
        assert chosen(tmp_path, other) is None


def test_the_last_needs_no_scores(tmp_path):
    assert chosen(tmp_path, "last", kept=()) is None
    write(tmp_path, "{")
    assert chosen(tmp_path, "last") is None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "no epoch of this run was scored, .* or name one$"),
        ({}, "no epoch of this run was scored"),
        ("{", r"scores\.json: not readable \(.*tells which epoch .*; name one$"),
        ('{"a": 1}', r"scores\.json: not readable \('a' is no epoch\)"),
        ({"7": 1.0, "3": 0.5}, r"epoch 7 scored best .* \(kept are 3, 4\).*name one$"),
    ],
)
def test_what_cannot_be_chosen(tmp_path, found, said):
    if found is not None:
        write(tmp_path, found)
    with pytest.raises(UserError, match=said):
        chosen(tmp_path)
