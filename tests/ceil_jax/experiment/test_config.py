"""The configuration: its values, its bounds, and the names of its fields."""

import dataclasses
import importlib
import json
from typing import Any

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import config as config_lib
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.ranges import Number, Whole
from ceil_jax.neighbours import search
from tests.repo import source

NAMES = sorted(p.stem for p in source.files("configs") if p.stem != "__init__")

# What each field did when it was introduced: what a run did whose record lacks it. A
# field whose default changes keeps its line here and says `was=` beside its definition.
WAS = {
    "save_minutes": 0.0,
    "debug": False,
    "trackers": ("tensorboard",),
    "dataset": "regdb",
    "data_dir": "",
    "prepared_dir": "",
    "allow_partial": False,
    "trial": 1,
    "image_size": (288, 144),
    "cache_gib": 2.0,
    "seed": 1,
    "init_from": "",
    "stage1_epochs": 50,
    "stage2_epochs": 40,
    "save_epoch": 10,
    "selection": "last",
    "eval_step": 10,
    "num_devices": 0,
    "compilation_cache": "",
    "kernels": "",
    "encoder.stage_sizes": (3, 4, 6, 3),
    "encoder.width": 64,
    "encoder.dtype": "float32",
    "batch.visible_rows": 20,
    "batch.images_per_proxy": 5,
    "batch.stage1_steps": 200,
    "batch.stage2_steps": 150,
    "batch.embed_rows": 128,
    "augment.pad": 10,
    "augment.strong_view_from": "weak",
    "clustering.k1": 10,
    "clustering.k2": 6,
    "clustering.eps": 0.6,
    "clustering.min_samples": 4,
    "clustering.train_flip": False,
    "objective.temperature": 0.05,
    "objective.num_negatives": 50,
    "objective.update": "dcmu",
    "objective.smoothing": 0.5,
    "objective.beta": 0.8,
    "objective.memory_gradient": "released",
    "objective.contrast": "cdl",
    "matching.k1": 18,
    "matching.k2": 3,
    "optimizer.rate": 0.00035,
    "optimizer.weight_decay": 0.0005,
    "optimizer.bias_rate_factor": 2.0,
    "optimizer.schedule": "multistep",
    "optimizer.warmup_epochs": 10,
    "optimizer.warmup_factor": 0.01,
    "optimizer.milestones": (30, 50),
    "optimizer.gamma": 0.1,
    "evaluation.num_trials": 10,
    "evaluation.protocol": "",
    "evaluation.sampling": "ceil",
    "evaluation.permutations": "",
    "evaluation.shots": 1,
    "evaluation.flip": False,
    "evaluation.engine": "jax",
    "evaluation.num_pictured_queries": 8,
    "evaluation.baselines": False,
    "evaluation.control": "",
    "rerank.k1": 21,
    "rerank.k2": 10,
    "rerank.camera_weight": 0.4,
    "rerank.auto": False,
    "rerank.search": "exact",
    "synthetic.seed": 0,
    "synthetic.rho": 0.7,
    "synthetic.num_train_identities": 100,
    "synthetic.num_test_identities": 40,
}


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
        ("seed", -1, "at least 0 and at most 4,294,967,295"),
        ("seed", 2**32, "at least 0 and at most 4,294,967,295"),
        ("synthetic.seed", 2**32, "at least 0 and at most 4,294,967,295"),
        ("objective.smoothing", 1.5, "between 0 and 1"),
        ("objective.beta", -0.1, "between 0 and 1"),
        ("synthetic.rho", 2.0, "between 0 and 1"),
        ("clustering.eps", 1.0, "between 0 and 1"),
        ("clustering.eps", 0.0, "between 0 and 1"),
        ("image_size", (288, 140), "multiples of 16"),
        ("image_size", (288,), "multiples of 16"),
        ("image_size", (0, 0), "multiples of 16"),
        ("image_size", (288, "a"), "whole numbers"),
        ("encoder.stage_sizes", (3, 4, 6), "4 whole numbers"),
        ("encoder.stage_sizes", (3, 4, 0, 3), "each at least 1"),
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


def test_every_search_can_be_chosen():
    assert config_lib.SEARCH.options == search.SEARCHES


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


def fields(part: Any = Config, prefix: str = ""):
    """Every field by its dotted name, from the dataclasses themselves."""
    found = {}
    for field in dataclasses.fields(part):
        if dataclasses.is_dataclass(field.default_factory):
            found |= fields(field.default_factory, f"{prefix}{field.name}.")
        else:
            found[prefix + field.name] = field
    return found


def test_every_field_is_tagged():
    tags = {name: field.metadata.get("tag") for name, field in fields().items()}
    assert [name for name, tag in tags.items() if tag not in ("training", "free")] == []
    assert {f"config.{name}" for name in tags} == {*config_lib.field_names(Config())}


def test_what_changes_the_weights_is_fixed_once_a_training_has_begun():
    free = {name for name, f in fields().items() if f.metadata["tag"] == "free"}
    assert {name.split(".")[0] for name in free if "." in name} == {
        *("batch", "evaluation", "rerank")
    }
    assert free - {n for n in free if n.startswith(("evaluation.", "rerank."))} == {
        *("data_dir", "prepared_dir", "allow_partial", "cache_gib", "save_epoch"),
        *("selection", "eval_step", "num_devices", "compilation_cache", "kernels"),
        *("batch.embed_rows", "save_minutes", "debug", "trackers"),
    }
    for name in fields():
        if name.startswith(("evaluation.", "rerank.")):
            assert name in free


def test_every_field_says_what_was_done_before_it_existed():
    assert {name: field.metadata["was"] for name, field in fields().items()} == WAS


def test_a_new_default_keeps_the_old_one_as_what_was_done():
    @dataclasses.dataclass
    class Part:
        kept: int = config_lib.training(3, Whole(1, 9))
        changed: float = config_lib.free(0.5, Number(0, 1), was=0.0)
        switched: bool = config_lib.training(True, was=False)

    part = {field.name: field for field in dataclasses.fields(Part)}
    assert dataclasses.astuple(Part()) == (3, 0.5, True)
    assert [part[name].metadata["was"] for name in part] == [3, 0.0, False]
    assert [part[name].metadata["tag"] for name in part] == [
        *("training", "free", "training")
    ]
