"""The configuration: its values, its bounds, and the names of its fields."""

import dataclasses
import importlib
import json

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import config as config_lib
from ceil_jax.experiment.config import Config
from ceil_jax.neighbours import search
from tests.repo import source

NAMES = sorted(p.stem for p in source.files("configs") if p.stem != "__init__")


def with_value(name, value):
    """A default configuration in which one field is another."""
    config = Config()
    *parts, leaf = name.split(".")
    part = config
    for each in parts:
        part = getattr(part, each)
    setattr(part, leaf, value)
    return config


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_files_pass_the_check(name):
    module = importlib.import_module(f"configs.{name}")
    config = module.get_config()
    assert isinstance(config, Config)
    config_lib.check(config)
    assert module.get_config() is not config
    assert f"configs/{name}.py" in (module.__doc__ or "")


@pytest.mark.parametrize(
    ("name", "rows", "steps", "jaccard", "negatives", "matching", "rerank", "flip"),
    [
        ("regdb", (20, 5), (200, 150), (10, 6), 50, (18, 3), (21, 10, 0.4), False),
        ("sysu_mm01", (80, 10), (175, 150), (30, 6), 100, (15, 3), (28, 7, 0.5), True),
        ("llcm", (80, 10), (250, 200), (25, 6), 100, (15, 3), (19, 5, 0.7), True),
    ],
)
def test_values_of_the_method(
    name, rows, steps, jaccard, negatives, matching, rerank, flip
):
    config = importlib.import_module(f"configs.{name}").get_config()
    batch = config.batch
    assert (batch.visible_rows, batch.images_per_proxy) == rows
    assert (batch.stage1_steps, batch.stage2_steps) == steps
    assert (config.clustering.k1, config.clustering.k2) == jaccard
    assert (config.clustering.eps, config.clustering.min_samples) == (0.6, 4)
    assert config.objective.num_negatives == negatives
    assert (config.objective.temperature, config.objective.smoothing) == (0.05, 0.5)
    assert config.objective.memory_gradient == "released"
    assert (config.matching.k1, config.matching.k2) == matching
    assert dataclasses.astuple(config.rerank) == (*rerank, False, "exact")
    assert config.evaluation.flip is flip
    assert (config.stage1_epochs, config.stage2_epochs) == (50, 40)
    assert config.image_size == (288, 144)
    assert config.augment.pad == 10
    optimizer = config.optimizer
    assert (optimizer.rate, optimizer.weight_decay) == (3.5e-4, 5e-4)
    assert (optimizer.milestones, optimizer.warmup_epochs) == ((30, 50), 10)
    assert dataclasses.astuple(config.encoder) == ((3, 4, 6, 3), 64, "float32")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("encoder.dtype", "float16", "one of float32, bfloat16"),
        ("augment.strong_view_from", "Weak", "one of weak, image"),
        ("objective.update", "", "one of dcmu, random, momentum"),
        ("objective.memory_gradient", "x", "one of released, frozen"),
        ("optimizer.schedule", "step", "one of multistep, cosine"),
        ("selection", "best", "one of last, best_on_test"),
        ("kernels", "cuda", 'one of "", xla, triton'),
        ("evaluation.protocol", "regdb", 'one of "", regdb_released'),
        ("evaluation.sampling", "x", "one of ceil, agw, official"),
        ("evaluation.shots", 2, "one of 1, 10"),
        ("seed", -1, "at least 0 and less than"),
        ("seed", 2**32, "at least 0 and less than"),
        ("synthetic.seed", 2**32, "at least 0 and less than"),
        ("objective.smoothing", 1.5, "between 0 and 1"),
        ("objective.beta", -0.1, "between 0 and 1"),
        ("synthetic.rho", 2.0, "between 0 and 1"),
        ("clustering.eps", 1.0, "between 0 and 1"),
        ("clustering.eps", 0.0, "between 0 and 1"),
        ("image_size", (288, 140), "multiples of 16"),
        ("image_size", (288,), "multiples of 16"),
        ("image_size", (0, 0), "multiples of 16"),
        ("image_size", (288, "a"), "whole numbers"),
        ("encoder.stage_sizes", (3, 4, 6), "four numbers"),
        ("encoder.stage_sizes", (3, 4, 0, 3), "four numbers"),
        ("encoder.stage_sizes", (3, 4.5, 6, 3), "whole numbers"),
        ("optimizer.milestones", (30, "fifty"), "whole numbers"),
        ("batch.images_per_proxy", 3, "multiple of"),
    ],
)
def test_what_cannot_work_is_refused(name, value, message):
    with pytest.raises(UserError, match=message) as caught:
        config_lib.check(with_value(name, value))
    assert f"config.{name}={value!r}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "least"), sorted(config_lib.AT_LEAST.items()))
def test_least_values(name, least):
    with pytest.raises(UserError, match=f"config.{name}=.*at least {least}"):
        config_lib.check(with_value(name, least - 1))


@pytest.mark.parametrize("name", config_lib.MORE_THAN_0)
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_values_that_must_be_more_than_0(name, value):
    with pytest.raises(UserError, match=f"config.{name}=.*more than 0 and finite"):
        config_lib.check(with_value(name, value))


def test_the_bounds_are_of_fields_that_exist():
    known = config_lib.field_names(Config())
    bounds = (*config_lib.CHOICES, *config_lib.AT_LEAST, *config_lib.MORE_THAN_0)
    for name in (*bounds, *config_lib.SHARES, *config_lib.SEEDS):
        assert f"config.{name}" in known


def test_every_search_can_be_chosen():
    assert config_lib.CHOICES["rerank.search"] == search.SEARCHES


def test_a_training_has_an_epoch():
    config = Config(stage1_epochs=0, stage2_epochs=0)
    with pytest.raises(UserError, match="both 0"):
        config_lib.check(config)
    config_lib.check(Config(stage1_epochs=0, stage2_epochs=1))


def test_the_best_epoch_needs_epochs_that_are_evaluated():
    config = Config(selection="best_on_test", eval_step=0)
    with pytest.raises(UserError, match=r"config\.eval_step=0 must be at least 1"):
        config_lib.check(config)
    config_lib.check(Config(selection="best_on_test", eval_step=1))
    config_lib.check(Config(eval_step=0))


def test_epochs_belong_to_stages():
    config = Config(stage1_epochs=2, stage2_epochs=3)
    assert config.num_epochs == 5
    assert [config.stage_of(epoch) for epoch in range(1, 6)] == [1, 1, 2, 2, 2]


def test_the_record_holds_every_field():
    record = json.loads(json.dumps(config_lib.to_dict(Config())))
    names = config_lib.field_names(Config())
    assert names["config.encoder.width"] == record["encoder"]["width"] == 64
    assert len(names) == sum(
        len(value) if isinstance(value, dict) else 1 for value in record.values()
    )
    assert not any(dataclasses.is_dataclass(value) for value in names.values())


def test_a_field_that_does_not_exist_cannot_be_set():
    with pytest.raises(AttributeError):
        Config().encoder.widht = 8  # type: ignore[attr-defined]
