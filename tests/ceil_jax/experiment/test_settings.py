"""Whether two runs are of one experiment."""

import json

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import settings
from ceil_jax.experiment.config import Config, field_names, to_dict
from configs import regdb, synthetic


def recorded(config):
    return json.loads(json.dumps(to_dict(config)))


def changed(**fields):
    """What differs between the defaults and a record with these fields."""
    record = recorded(Config())
    for name, value in fields.items():
        part = record
        *groups, leaf = name.split("__")
        for group in groups:
            part = part[group]
        part[leaf] = value
    return settings.differences(record, Config())


def test_the_same_is_the_same():
    for make in (Config, regdb.get_config, synthetic.get_config):
        assert settings.differences(recorded(make()), make()) == {}


def test_differences_are_named_with_what_was():
    found = changed(seed=3, image_size=[96, 48], rerank__k1=5)
    assert found == {
        "config.seed": 3,
        "config.image_size": [96, 48],
        "config.rerank.k1": 5,
    }
    assert [settings.of_training(name) for name in found] == [True, True, False]


@pytest.mark.parametrize(
    "name",
    [
        *("data_dir", "prepared_dir", "cache_gib", "num_devices", "kernels"),
        *("compilation_cache", "save_epoch", "evaluation.num_pictured_queries"),
        *("evaluation.control", "evaluation.baselines", "batch.embed_rows"),
    ],
)
def test_fields_without_effect(name):
    assert f"config.{name}" in field_names(Config())
    assert changed(**{name.replace(".", "__"): "x"}) == {}
    assert not settings.of_training(f"config.{name}")


@pytest.mark.parametrize(
    "name", ["config.evaluation.shots", "config.rerank.k2", "config.selection"]
)
def test_the_evaluation_is_no_training(name):
    assert name in field_names(Config())
    assert not settings.of_training(name)


def test_a_field_newer_than_the_record_had_its_default():
    record = recorded(Config(seed=1))
    del record["rerank"]["k1"], record["objective"]
    assert settings.differences(record, Config()) == {}
    other = Config()
    other.rerank.k1 = 99
    assert settings.differences(record, other) == {"config.rerank.k1": 21}


def test_weights_may_lie_elsewhere():
    record = recorded(Config(init_from="/a/RN50.pt"))
    assert settings.differences(record, Config(init_from="b/RN50.pt")) == {}
    found = settings.differences(record, Config(init_from="b/RN101.pt"))
    assert list(found) == ["config.init_from"]


def test_a_record_becomes_the_same_configuration(tmp_path):
    config = synthetic.get_config()
    config.optimizer.milestones, config.data_dir = (3, 4), "/a"
    path = tmp_path / "config.json"
    path.write_text(json.dumps(to_dict(config)))
    assert settings.read(path) == config


def test_a_whole_number_may_stand_for_a_fraction():
    record = recorded(Config())
    record["cache_gib"] = 3
    assert settings.from_record(record, "x").cache_gib == 3.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "ceil-jax model", "version": 1}, "x is of a model folder, not of"),
        ({"speed": 3}, r"x holds what this version does not know: config\.speed"),
        ({"rerank": {"k3": 1}}, r"does not know: config\.rerank\.k3"),
        ({"seed": "one"}, r"x: config\.seed='one' must be a whole number"),
        ({"rerank": {"k1": [1]}}, r"config\.rerank\.k1=\[1\] must be a whole number"),
    ],
)
def test_records_that_cannot_be_used(change, message):
    with pytest.raises(UserError, match=message):
        settings.from_record(recorded(Config()) | change, "x")


@pytest.mark.parametrize("content", [None, "", "{", "[1]"])
def test_files_that_hold_no_configuration(tmp_path, content):
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"config\.json"):
        settings.read(path)


def test_what_an_evaluation_depends_on():
    config = Config()
    one = settings.evaluated_with(config)
    assert "optimizer.rate" not in one
    assert one["rerank.k1"] == 21
    assert one["image_size"] == [288, 144]
    config.evaluation.num_pictured_queries, config.data_dir = 3, "/elsewhere"
    assert settings.same_evaluation(one, settings.evaluated_with(config))
    config.rerank.k1 = 3
    assert not settings.same_evaluation(one, settings.evaluated_with(config))
    other = settings.evaluated_with(Config(trial=2))
    assert not settings.same_evaluation(one, other)


def test_evaluations_that_are_older_than_a_field_had_its_first_default():
    now = settings.evaluated_with(Config())
    older = {name: value for name, value in now.items() if "engine" not in name}
    assert "evaluation.engine" in now
    assert settings.same_evaluation(older, now)
    other = Config()
    other.evaluation.engine = "onnxruntime"
    assert not settings.same_evaluation(older, settings.evaluated_with(other))
