"""Every field refuses what it cannot hold, in one line that names it."""

import dataclasses
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceil_jax import main
from ceil_jax.common.errors import UserError
from ceil_jax.experiment import config as config_lib
from ceil_jax.experiment import ranges
from ceil_jax.experiment import settings as settings_lib
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.ranges import (
    Choice,
    Name,
    Number,
    Place,
    Several,
    Switch,
    Whole,
    Wholes,
)
from ceil_jax.rerank import options
from tests.ceil_jax.experiment import malformed
from tests.ceil_jax.experiment.malformed import NAMES, range_of, with_value
from tests.repo import source

CONFIG = f"--config={source.ROOT / 'configs' / 'synthetic.py'}"


def refused(name: str, value: Any) -> None:
    """One readable line that begins with the field."""
    with pytest.raises(UserError) as caught:
        config_lib.check(with_value(name, value))
    text = str(caught.value)
    assert text.startswith(f"config.{name}=")
    assert text.isprintable()
    assert len(text) < 320


@pytest.mark.parametrize("name", NAMES)
def test_malformed_values(name):
    wrong = malformed.values(range_of(name))
    assert len(wrong) >= 8
    for value in wrong:
        refused(name, value)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_values_of_other_kinds(name, data):
    refused(name, data.draw(malformed.drawn(range_of(name))))


@pytest.mark.parametrize("name", NAMES)
def test_malformed_words_of_a_command_line(name):
    words = malformed.typed(range_of(name))
    assert len(words) >= 8
    for word in words:
        with pytest.raises(UserError) as caught:
            main.parse(["main", CONFIG, "--workdir=never", f"--config.{name}={word}"])
        text = str(caught.value)
        assert f"config.{name}=" in text
        assert len(text) < 400
        assert "\n" not in text


@pytest.mark.parametrize("name", NAMES)
def test_malformed_values_of_a_recorded_configuration(name, tmp_path):
    path = tmp_path / "config.json"
    tried = 0
    for value in malformed.values(range_of(name)):
        record = json.loads(json.dumps(config_lib.to_dict(Config())))
        *groups, leaf = name.split(".")
        part = record
        for group in groups:
            part = part[group]
        part[leaf] = value
        try:
            text = json.dumps(record)
        except (TypeError, ValueError):
            continue  # nothing that a file could hold
        path.write_text(text)
        with pytest.raises(UserError) as caught:
            main.parse(["main", f"--config={path}", "--workdir=never"])
        assert str(caught.value).startswith(f"{path}: config.{name}=")
        tried += 1
    assert tried >= 8


@pytest.mark.parametrize("name", NAMES)
def test_every_field_says_what_it_may_hold(name):
    definition = config_lib.definitions()[name]
    assert isinstance(
        range_of(name),
        Whole | Number | Wholes | Choice | Switch | Name | Place | Several,
    )
    assert range_of(name).fault(definition.default) == ""
    of_type = {
        int: Whole | Choice,
        float: Number,
        tuple: Wholes | Several,
        bool: Switch,
    }
    of_type[str] = Choice | Name | Place
    assert isinstance(range_of(name), of_type[type(definition.default)])


@pytest.mark.parametrize("default", [3, 0.5, "x", (1, 2), None])
def test_a_field_that_says_nothing_cannot_be_defined(default):
    for make in (config_lib.training, config_lib.free):
        with pytest.raises(TypeError, match="must say its range"):
            make(default)
    made: Any = config_lib.free(True)
    assert made.metadata["within"] == Switch()


@pytest.mark.parametrize(
    ("within", "right"),
    [
        (Whole(2, 5), [2, 5]),
        (Number(0, 1), [0, 1, 0.0, 1.0, 0.5, ranges.SMALLEST]),
        (Number(0, 1, without=(0,)), [1e-30, 1]),
        (Wholes(1, 9), [(), (1,), [9, 1]]),
        (Wholes(1, 9, ascending=True), [(), (1, 1, 9)]),
        (Wholes(16, 64, count=2, multiple_of=16), [(16, 64), [32, 32]]),
        (Choice("a", ""), ["a", ""]),
        (Choice(1, 10), [1, 10]),
        (Name(), ["regdb", "sysu_mm01", "my-set.2"]),
        (Place(), ["", "a/b", "~", "/x", "ü n"]),
    ],
)
def test_the_ends_of_a_range_belong_to_it(within, right):
    for value in right:
        assert within.fault(value) == ""


@pytest.mark.parametrize(
    ("within", "value", "text"),
    [
        (Whole(2, 5000), 1, "must be a whole number, at least 2 and at most 5,000"),
        (Number(0, 1), 2, "must be a number between 0 and 1"),
        (Number(0, 1, without=(0, 1)), 1, "between 0 and 1, without 0 and 1"),
        (Number(0, 1), 1e-300, "must be 0 or at least 1.18e-38"),
        (Wholes(1, 9), 3, "must be whole numbers in brackets, each at least 1 and at"),
        (Wholes(16, 64, count=2, multiple_of=16), 3, "2 whole numbers.* multiples of"),
        (Choice("a", ""), "b", 'must be one of a, ""'),
        (Switch(), 1, "must be True or False"),
        (Place(), "\0", "is no path: a path cannot hold a null"),
    ],
)
def test_what_a_value_must_be_is_told(within, value, text):
    assert re.search(text, within.fault(value))


class Unprintable:
    def __repr__(self):
        raise ValueError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        (Unprintable(), "an Unprintable"),
        (10**5000, "an int of 5000 digits"),
        ("x" * 1000, f"'{'x' * 39}...{'x' * 9}'"),
        ("\x00\n", r"'\x00\n'"),
        ([[1], [2]], "[[1], [2]]"),
    ],
    ids=["text", "unprintable", "huge", "long", "controls", "lists"],
)
def test_values_are_shown_on_one_line(value, text):
    assert ranges.shown(value) == text


def test_camera_weights_are_those_of_the_method():
    within = range_of("rerank.camera_weight")
    assert isinstance(within, Number)
    assert (within.least, within.most) == (1e-15, options.MAX_WEIGHT)


def test_a_recorded_value_may_be_mended_on_the_command_line(tmp_path):
    path = tmp_path / "config.json"
    record = config_lib.to_dict(Config())
    record["optimizer"]["gamma"] = -3
    path.write_text(json.dumps(record))
    words = ["main", f"--config={path}", "--workdir=never"]
    with pytest.raises(UserError, match=r"json: config\.optimizer\.gamma=-3\.0 must"):
        main.parse(words)
    mended = main.parse([*words, "--config.optimizer.gamma=0.5"])
    assert mended.config.optimizer.gamma == 0.5
    with pytest.raises(UserError, match=r"^config\.optimizer\.gamma=7\.0 must"):
        main.parse([*words, "--config.optimizer.gamma=7"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"augment.pad": 288, "image_size": (288, 144)}, "less than either side"),
        (
            {"optimizer.schedule": "cosine", "optimizer.warmup_epochs": 90},
            "warmup_epochs=90 must be less than the 90 epochs",
        ),
        (
            {"image_size": (4096, 4096), "encoder.width": 64, "batch.embed_rows": 257},
            "257 images in a batch takes 257 GiB",
        ),
        (
            {"image_size": (4096, 4096), "batch.visible_rows": 100},
            "300 images in a batch takes 300 GiB",
        ),
        ({"encoder.width": 1024}, r"width=1024 .*stage_sizes=\(3, 4, 6, 3\) has 5,"),
        (
            {"encoder.stage_sizes": (9, 9, 99, 99), "encoder.width": 128},
            r"has [\d,]* parameters, more",
        ),
    ],
)
def test_fields_that_do_not_go_together(fields, message):
    config = Config()
    for name, value in fields.items():
        with_value(name, value, config)
    with pytest.raises(UserError, match=message) as caught:
        config_lib.check(config)
    assert "\n" not in str(caught.value)


def test_groups_must_be_groups():
    for name in ("encoder", "batch", "synthetic"):
        for value in (None, {}, 3, Config(), dataclasses.asdict(Config())[name]):
            with pytest.raises(UserError, match=rf"^config\.{name}=.* must be \w+"):
                config_lib.check(with_value(name, value))


def test_records_of_other_kinds_are_refused():
    record = config_lib.to_dict(Config())
    for name, value in (("encoder", 3), ("encoder", None), ("seed", {}), ("seed", "1")):
        with pytest.raises(UserError, match=rf"x: config\.{name}=") as caught:
            settings_lib.from_record(record | {name: value}, "x")
        assert "must be" in str(caught.value)
