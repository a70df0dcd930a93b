"""What a training computes with, and what is said where that has changed."""

import json

import jax
import pytest

from ceil_jax.experiment import engine
from ceil_jax.experiment.config import Config


def test_a_training_notes_what_it_computes_with():
    got = engine.trainer(Config(num_devices=3, kernels="xla"))
    assert json.loads(json.dumps(got)) == got
    assert got["jax"] == jax.__version__
    assert got["device"] == jax.local_devices()[0].device_kind
    assert (got["devices"], got["kernels"]) == (3, "xla")
    assert got["processor"].strip()
    assert len(got["processor"].splitlines()) == 1
    default = engine.trainer(Config())
    assert default["devices"] == jax.local_device_count()
    assert default["kernels"] == "default"


NOW = {"jax": "0.10.2", "device": "cpu", "devices": 4}


@pytest.mark.parametrize(
    "was",
    [
        {"trained_by": NOW},
        {},  # older than the note
        {"trained_by": {"jax": "0.10.2"}},
        {"trained_by": NOW | {"something": "else"}},
    ],
)
def test_nothing_is_said_where_nothing_has_changed(was):
    assert engine.changes(was, {"trained_by": NOW}, 4) == ()


def test_all_that_has_changed_is_said_in_one_line():
    was = {"trained_by": NOW | {"jax": "0.9.0", "devices": 1}}
    [line] = engine.changes(was, {"trained_by": NOW}, 4)
    assert line == (
        "trained by another machine or program from epoch 5 on (jax was 0.9.0 and is "
        "now 0.10.2; devices was 1 and is now 4): the rest differs by rounding from "
        "what an uninterrupted training would give"
    )
