"""Whether two runs are of one experiment."""

import json

import pytest

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


@pytest.mark.parametrize("name", sorted(settings.WITHOUT_EFFECT))
def test_fields_without_effect(name):
    assert name in field_names(Config())
    assert changed(**{name.removeprefix("config.").replace(".", "__"): "x"}) == {}
    assert not settings.of_training(name)


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
