"""Every field of the configuration arrives where it must, and nowhere else."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pytest

from ceil_jax.evaluation.results import (
    FIGURES,
    ModeResults,
    RerankParams,
    Results,
    Spread,
)
from ceil_jax.experiment import config as config_lib
from ceil_jax.experiment.config import Config, field_names
from tests.ceil_jax.experiment import wires


class Row(NamedTuple):
    """One field, changed alone.

    Attributes:
        field: Its dotted name.
        value: Another value than its default.
        places: What changes in what `wires.arrived` gives, and to what.
        given: Fields that are set otherwise before and after, where the field says
            nothing by default.
    """

    field: str
    value: Any
    places: dict[str, Any]
    given: Mapping[str, Any] = MappingProxyType({})


def rates(*shares: float, rate: float = 3.5e-4) -> Any:
    """Learning rates of the epochs that are looked at, 1, 6, 11, 31 and 51."""
    return pytest.approx([rate * share for share in shares])


def every(step: int, *others: int, last: int = 90) -> list[int]:
    """Epochs that are multiples of a step, and some others."""
    return sorted({*range(step, last + 1, step), *others})


COSINE = {"optimizer.schedule": "cosine"}
GENERATED = {"dataset": "synthetic"}
OPTIONS = {
    "seed": 0,
    "rho": 0.7,
    "num_train_identities": 100,
    "num_test_identities": 40,
}
SYSU = {"dataset": "sysu_mm01", "data_dir": "/images"}
OFFICIAL = SYSU | {"evaluation.sampling": "official"}
NOT_AS_PUBLISHED = {"results.comparable": False}

OF_THE_RUN = [
    Row(
        "dataset",
        "llcm",
        {
            "data.name": "llcm",
            "plan.protocol": "llcm",
            "results.dataset": "llcm",
            "results.split": None,
        },
    ),
    Row("data_dir", "/images", {"data.data_dir": "/images"}),
    Row(
        "data_dir",
        "/other",
        {
            "data.data_dir": "/other",
            "plan.permutations": Path("/other/exp/rand_perm_cam.mat"),
        },
        OFFICIAL,
    ),
    Row("prepared_dir", "/prepared", {"data.prepared_dir": "/prepared"}),
    Row("allow_partial", True, {"data.options": {"allow_partial": True}}),
    Row("trial", 3, {"data.trial": 3, "results.split": 3}),
    Row(
        "image_size",
        (96, 48),
        {"data.image_size": (96, 48), "start.image_size": (96, 48)} | NOT_AS_PUBLISHED,
    ),
    Row("cache_gib", 0.5, {"data.cache_gib": 0.5}),
    Row("seed", 5, {"step.seed": 5, "start.seed": 5, "drawing.seed": 5}),
    Row(
        "init_from",
        "a/RN50.pt",
        {"start.weights": ["a/RN50.pt"], "start.variables": "a/RN50.pt"},
    ),
    Row(
        "stage1_epochs",
        35,
        {
            "trainer.stage1_epochs": 35,
            "epochs": 75,
            "epochs.saved": every(10, 35, 75, last=75),
            "epochs.evaluated": every(10, last=75),
            "epochs.kept": (35,),
        },
    ),
    Row(
        "stage1_epochs",
        30,
        {
            "trainer.stage1_epochs": 30,
            "epochs": 70,
            "epochs.saved": every(10, last=70),
            "epochs.evaluated": every(10, last=60),
            "epochs.kept": (30,),
            # A third of 60 epochs after the warm-up, and two thirds of them.
            "rates": rates(1 / 11, 6 / 11, 1, 0.75, 0.25),
        },
        COSINE,
    ),
    Row(
        "stage2_epochs",
        25,
        {
            "epochs": 75,
            "epochs.saved": every(10, 75, last=75),
            "epochs.evaluated": every(10, last=75),
        },
    ),
    Row(
        "stage2_epochs",
        20,
        {
            "epochs": 70,
            "epochs.saved": every(10, last=70),
            "epochs.evaluated": every(10, last=60),
            "rates": rates(1 / 11, 6 / 11, 1, 0.75, 0.25),
        },
        COSINE,
    ),
    Row("save_epoch", 40, {"epochs.saved": [40, 50, 80, 90]}),
    Row("save_minutes", 2.5, {"epochs.minutes": 2.5}),
    Row("selection", "best_on_test", {"epochs.model": 20}),
    Row(
        "selection",
        "best_on_test",
        {"epochs.model": 20, "epochs.saved": [13, 26, 39, 40, 50, 52, 65, 78, 80, 90]},
        {"eval_step": 13, "save_epoch": 40},
    ),
    Row("eval_step", 13, {"epochs.evaluated": [13, 26, 39, 52, 65, 78]}),
    Row("eval_step", 0, {"epochs.evaluated": []}),
    Row("num_devices", 2, {"devices": [0, 1]}),
    Row("compilation_cache", "/compiled", {"program cache": "/compiled"}),
    Row("debug", True, {"tracebacks": True}),
    Row("kernels", "triton", {"kernels": "triton"}),
]
OF_THE_MODEL = [
    Row(
        "encoder.stage_sizes",
        (1, 2, 1, 3),
        {"encoder.stage_sizes": (1, 2, 1, 3)} | NOT_AS_PUBLISHED,
    ),
    Row("encoder.width", 32, {"encoder.width": 32} | NOT_AS_PUBLISHED),
    Row("encoder.dtype", "bfloat16", {"encoder.dtype": jnp.dtype("bfloat16")}),
    Row("batch.visible_rows", 40, {"drawing.visible_rows": 40}),
    Row("batch.images_per_proxy", 4, {"drawing.images_per_proxy": 4}),
    Row("batch.stage1_steps", 17, {"drawing.num_steps": (17, 150)}),
    Row("batch.stage2_steps", 23, {"drawing.num_steps": (200, 23)}),
    Row("batch.embed_rows", 64, {"embed.num_rows": 64}),
    Row("augment.pad", 7, {"step.pad": 7}),
    Row("augment.strong_view_from", "image", {"step.strong_view_from": "image"}),
    Row("clustering.k1", 11, {"clusters.k1": 11}),
    Row("clustering.k2", 7, {"clusters.k2": 7}),
    Row("clustering.eps", 0.45, {"clusters.eps": 0.45}),
    Row("clustering.min_samples", 9, {"clusters.min_samples": 9}),
    Row(
        "clustering.train_flip", True, {"flip.train": True, "trainer.renormalise": True}
    ),
    Row("objective.temperature", 0.1, {"step.constants.temperature": 0.1}),
    Row("objective.num_negatives", 12, {"step.constants.num_negatives": 12}),
    Row("objective.update", "random", {"step.constants.update": "random"}),
    Row("objective.smoothing", 0.2, {"step.constants.smoothing": 0.2}),
    Row("objective.beta", 0.3, {"step.constants.beta": 0.3}),
    Row(
        "objective.memory_gradient",
        "frozen",
        {"step.constants.memory_gradient": "frozen"},
    ),
    Row("objective.contrast", "info_nce", {"step.constants.contrast": "info_nce"}),
    Row("matching.k1", 15, {"partners.k1": 15}),
    Row("matching.k2", 4, {"partners.k2": 4}),
    Row("optimizer.weight_decay", 2e-3, {"adam.weight_decay": 2e-3}),
    Row("optimizer.bias_rate_factor", 1.5, {"adam.bias_rate_factor": 1.5}),
    Row("optimizer.rate", 0.02, {"rates": rates(0.01, 0.505, 1, 0.1, 0.01, rate=0.02)}),
    Row(
        "optimizer.rate",
        0.02,
        {"rates": rates(1 / 11, 6 / 11, 1, (2 + 2**0.5) / 4, 0.5, rate=0.02)},
        COSINE,
    ),
    Row(
        "optimizer.schedule",
        "cosine",
        # A quarter of 80 epochs after the warm-up, and half of them.
        {"rates": rates(1 / 11, 6 / 11, 1, (2 + 2**0.5) / 4, 0.5)},
    ),
    Row("optimizer.warmup_epochs", 5, {"rates": rates(0.01, 1, 1, 0.1, 0.01)}),
    Row(
        "optimizer.warmup_epochs",
        30,
        {"rates": rates(1 / 31, 6 / 31, 11 / 31, 1, 0.75)},
        COSINE,
    ),
    Row("optimizer.warmup_factor", 0.2, {"rates": rates(0.2, 0.6, 1, 0.1, 0.01)}),
    Row("optimizer.milestones", (8, 40), {"rates": rates(0.01, 0.505, 0.1, 0.1, 0.01)}),
    Row("optimizer.gamma", 0.5, {"rates": rates(0.01, 0.505, 1, 0.5, 0.25)}),
]
OF_THE_SCORES = [
    Row("evaluation.num_trials", 4, {"plan.num_trials": 4}),
    Row("evaluation.num_trials", 4, {"plan.num_trials": 4} | NOT_AS_PUBLISHED, SYSU),
    Row(
        "evaluation.protocol",
        "regdb_released",
        {
            "plan.protocol": "regdb_released",
            "plan.sets": ("any visible", "any infrared"),
            "search.sets": ("any visible", "any infrared"),
            "plan.splits": {
                "visible": [[True], [False]],
                "infrared": [[False], [True]],
            },
            "results.split": None,
        },
    ),
    Row("evaluation.sampling", "agw", {"plan.sampling": "agw"}),
    Row(
        "evaluation.sampling",
        "official",
        {
            "plan.sampling": "official",
            "plan.permutations": Path("/images/exp/rand_perm_cam.mat"),
        },
        SYSU,
    ),
    Row(
        "evaluation.permutations",
        "~/mine.mat",
        {"plan.permutations": Path.home() / "mine.mat"},
        OFFICIAL,
    ),
    Row("evaluation.shots", 10, {"plan.shots": 10} | NOT_AS_PUBLISHED),
    Row("evaluation.flip", True, {"flip.test": True, "flip.export": True}),
    Row(
        "evaluation.flip",
        True,
        {"flip.test": True, "flip.export": True},
        {"clustering.train_flip": True},
    ),
    Row("evaluation.num_pictured_queries", 3, {"draw.number": 3}),
    Row(
        "evaluation.baselines",
        True,
        {"epochs.evaluated": every(10, 45, last=80)},
        {"stage1_epochs": 45},
    ),
    Row("evaluation.control", "control.json", {"control": "a recorded run"}),
    Row("rerank.k1", 25, {"search.rerank": RerankParams(25, 10, 0.4)}),
    Row("rerank.k2", 8, {"search.rerank": RerankParams(21, 8, 0.4)}),
    Row("rerank.camera_weight", 0.7, {"search.rerank": RerankParams(21, 10, 0.7)}),
    Row("rerank.auto", True, {"search.rerank": "auto"}),
    Row("rerank.search", "hnsw", {"search.search": "hnsw"}),
    *(
        Row(
            f"synthetic.{name}",
            value,
            {"data.options": OPTIONS | {name: value}},
            GENERATED,
        )
        for name, value in {
            "seed": 3,
            "rho": 0.2,
            "num_train_identities": 30,
            "num_test_identities": 12,
        }.items()
    ),
]
TABLE = OF_THE_RUN + OF_THE_MODEL + OF_THE_SCORES


def with_fields(fields: Mapping[str, Any]) -> Config:
    """The default configuration but for the fields given by dotted names."""
    config = Config()
    for name, value in fields.items():
        *parts, leaf = name.split(".")
        part: Any = config
        for each in parts:
            part = getattr(part, each)
        setattr(part, leaf, value)
    return config


def test_every_field_is_in_the_table():
    defaults = {
        name.removeprefix("config."): value
        for name, value in field_names(Config()).items()
    }
    assert {row.field for row in TABLE} == set(defaults)
    for row in TABLE:
        before = row.given.get(row.field, defaults[row.field])
        assert row.value != before, row.field
        assert row.value != defaults[row.field], row.field
        assert type(row.value) is type(before), row.field
        assert row.places, row.field


def write_control(path: Path) -> None:
    """Write a recorded run that compares with the defaults."""
    figures = {name: Spread(0.0, 0.0) for name in FIGURES}
    results = Results("p", "none", 1, {"first": ModeResults(figures, None)})
    settings = config_lib.to_dict(Config())
    record = {"results": results.to_json(), "note": "a recorded run"}
    path.write_text(json.dumps(record | {"config": settings}))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.field}={row.value}")
def test_a_field_arrives_where_it_must_and_nowhere_else(row, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_control(tmp_path / "control.json")
    before = with_fields(row.given)
    after = with_fields({**row.given, row.field: row.value})
    for config in (before, after):
        config_lib.check(config)
    old = wires.arrived(before, tmp_path, monkeypatch)
    new = wires.arrived(after, tmp_path, monkeypatch)
    assert old.keys() == new.keys()
    changed = {place: new[place] for place in new if new[place] != old[place]}
    assert changed.keys() == row.places.keys()
    for place, wanted in row.places.items():
        assert changed[place] == wanted, place


def test_what_is_so_in_every_configuration(tmp_path, monkeypatch):
    places = wires.arrived(Config(), tmp_path, monkeypatch)
    assert places["step.stages"] == (
        (1, 2),
        {1: "step of stage 1", 2: "step of stage 2"},
    )
    assert places["trainer.sets"] == ("train visible", "train infrared")
    assert places["plan.sets"] == ("visible", "infrared")
    assert places["search.sets"] == ("visible", "infrared")
    axes = dict(places["encoder.axes"])
    assert [axes.pop(f"stage {stage}") for stage in (1, 2)] == ["batch", "batch"]
    assert set(axes.values()) == {None}
    assert places["devices"] == [device.id for device in jax.local_devices()]
    assert places["rates"] == rates(0.01, 0.505, 1, 0.1, 0.01)
