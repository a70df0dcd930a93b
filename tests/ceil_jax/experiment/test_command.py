"""What was meant by a name that does not exist, and paths that cannot be."""

import os
import sys

import pytest

from ceil_jax import main
from ceil_jax.common.errors import UserError
from ceil_jax.experiment import command, ranges
from ceil_jax.experiment.config import Config, field_names

FIELDS = field_names(Config())
FLAGS = (*main.EXAMPLES, "mode")


@pytest.mark.parametrize("names", command.ALIASES, ids=lambda names: names[0])
def test_aliases_lead_to_fields_that_exist(names):
    for name in names:
        assert not [f for f in FIELDS if f.rsplit(".", 1)[-1] == name], "needs no alias"
        message = command.unknown(f"config.{name}", FIELDS, FLAGS)
        for field in command.ALIASES[names]:
            assert f"config.{field}" in FIELDS
            assert f"--config.{field}" in message


def test_no_alias_has_two_meanings():
    names = [name for names in command.ALIASES for name in names]
    assert len(set(names)) == len(names)


def test_aliases_of_flags_lead_to_flags():
    for names, flag in command.FLAG_ALIASES.items():
        assert flag in FLAGS
        for name in names:
            assert command.unknown(name, FIELDS, FLAGS).endswith(
                f"the flag is --{flag}"
            )


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("config.lr", "the field is --config.optimizer.rate"),
        ("config.optimizer.lr", "the field is --config.optimizer.rate"),
        ("config.learning-rate", "the field is --config.optimizer.rate"),
        ("config.LR", "the field is --config.optimizer.rate"),
        (
            "config.epochs",
            "the fields of that kind are --config.stage1_epochs and "
            "--config.stage2_epochs",
        ),
        (
            "config.k1",
            "the fields of that kind are --config.clustering.k1, --config.matching.k1 "
            "and --config.rerank.k1",
        ),
        ("config.sede", "the nearest is --config.seed"),
        ("wrkdir", "the nearest is --workdir"),
        ("modus", "the nearest is --mode"),
        ("lr", "the field is --config.optimizer.rate"),
        ("seed", "the field is --config.seed"),
        ("output_dir", "the flag is --workdir"),
        ("num_workers", "as there are cores, and no field sets it"),
    ],
)
def test_what_was_meant(name, end):
    message = command.unknown(name, FIELDS, FLAGS)
    assert message.startswith(f"there is no --{name}")
    assert message.endswith(end)


def test_a_group_lists_its_fields():
    message = command.unknown("config.matching", FIELDS, FLAGS)
    assert message == (
        "--config.matching is a group of fields: --config.matching.k1 and "
        "--config.matching.k2"
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a\0b", "null character"),
        ("a/" + "b" * 256, "at most 255 bytes, one here has 256"),
        ("é" * 128, "at most 255 bytes, one here has 256"),
        ("a/" * 2048, "at most 4095 bytes, this one has 4096"),
        ("~nobody_of_that_name/x", "no such home folder"),
    ],
)
def test_paths_that_cannot_be(path, reason):
    assert reason in ranges.path_fault(path)
    with pytest.raises(UserError, match=reason) as caught:
        command.check_path("workdir", path)
    text = str(caught.value)
    assert text.startswith("--workdir=")
    assert len(text) < 200
    assert text.isprintable()


@pytest.mark.parametrize("path", ["", "runs/demo", "b" * 255, "~/x", "/proc/x", "ü n"])
def test_paths_that_may_be(path):
    assert ranges.path_fault(path) == ""


def test_a_reader_that_has_stopped_is_no_mistake(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        command.quietly("x" * 10)
        print("more goes nowhere", flush=True)


def test_a_field_is_compared_with_fields_alone():
    message = command.unknown("config.wrkdir", FIELDS, FLAGS)
    assert "the nearest is --config." in message
