"""Where the fields of a configuration arrive: a run whose ends are watched.

Nothing is read, compiled or searched: what would do so keeps its arguments instead.
"""

import dataclasses
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ceil_jax import main, weights
from ceil_jax.common.errors import UserError
from ceil_jax.datasets import loading
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.evaluation import permutations, protocols, scoring
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import (
    build,
    compilation,
    evaluations,
    resuming,
    run,
    sources,
)
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes import export, opened, train
from ceil_jax.experiment.selection import Scores
from ceil_jax.report import asked, ranked_lists
from ceil_jax.training import optim, steps
from ceil_jax.training.state import TrainState
from pallas_kernels import implementation

STATE = TrainState({}, {}, None, 0)
VARIABLES = {"params": {}, "batch_stats": {}}
EPOCHS = (1, 6, 11, 31, 51)  # whose learning rates are looked at
KEPT = (20, 30, 90)  # epochs of which the watched folder has a checkpoint
FIRST = protocols.Mode("first", "infrared", "visible", (2,), (1,))
SECOND = protocols.Mode("second", "visible", "infrared", (1,), (2,))
TRIAL = protocols.Trial(np.array([0]), np.array([0]))


def image_set(name: str, number: int = 2) -> ImageSet:
    """Black images of one pixel; the set is known by its names."""
    ones = np.ones(number, np.int32)
    images = ArraySource(np.zeros((number, 1, 1, 3), np.uint8))
    return ImageSet(
        images, ones, ones, np.array([f"{name} {n}" for n in range(number)])
    )


def known_as(images: ImageSet | scoring.Embeddings) -> str:
    """The name that `image_set` gave."""
    return str(images.names[0])[:-2]


SPLITS = loading.Splits(
    image_set("train visible"),
    image_set("train infrared"),
    image_set("visible"),
    image_set("infrared"),
)
ALL_TRIALS = loading.AllTrials(
    image_set("any visible"),
    image_set("any infrared"),
    np.array([[True], [False]]),
    np.array([[False], [True]]),
)


class Embedder:
    """Stands for the embedder: remembers what it was made of."""

    def __init__(self, arguments: dict[str, Any], name: str = "jax") -> None:
        self.made_of, self.name = arguments, name

    def __call__(self, variables: Any, images: ImageSet, modality: str) -> np.ndarray:
        return np.ones((len(images), 2), np.float32)


class Ends:
    """Functions that only keep their arguments, by the parameters' names."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._calls: dict[str, list[dict[str, Any]]] = {}

    def watch(
        self, owner: Any, name: str, result: Callable[[dict[str, Any]], Any]
    ) -> None:
        """Put an end in the place of a function; `result` makes what it returns."""
        signature = inspect.signature(getattr(owner, name))
        module = owner.__name__.rpartition(".")[2]
        calls = self._calls.setdefault(f"{module}.{name}", [])

        def end(*args: Any, **kwargs: Any) -> Any:
            arguments = dict(signature.bind(*args, **kwargs).arguments)
            arguments |= arguments.pop("of_step", {})
            calls.append(arguments)
            return result(arguments)

        self._patch.setattr(owner, name, end)

    def all(self, name: str) -> list[dict[str, Any]]:
        """The arguments of every call, by module and function."""
        return self._calls[name]

    def one(self, name: str) -> dict[str, Any]:
        """The arguments of the only call."""
        (arguments,) = self._calls[name]
        return arguments


def _watch_everything(patch: pytest.MonkeyPatch, config: Config) -> Ends:
    ends = Ends(patch)
    sizes = config.encoder.stage_sizes
    architecture = weights.Architecture(sizes, config.encoder.width)  # type: ignore[arg-type]
    modes = {FIRST: [TRIAL], SECOND: [TRIAL]}
    ends.watch(loading, "load", lambda _: SPLITS)
    ends.watch(loading, "load_all_trials", lambda _: ALL_TRIALS)
    ends.watch(loading, "prepare", lambda _: None)
    ends.watch(sources, "need_root", lambda _: None)
    ends.watch(weights, "load", lambda a: a["path"])
    ends.watch(weights, "architecture", lambda _: architecture)
    ends.watch(steps, "init_state", lambda _: STATE)
    ends.watch(steps, "train_step_over", lambda a: f"step of stage {a['stage']}")
    ends.watch(optim, "adam", lambda a: a)
    ends.watch(build, "Embedder", Embedder)
    # It is made of nothing but an engine, the size of images and the flip.
    ends.watch(
        build,
        "EngineEmbedder",
        lambda a: Embedder(
            ends.all("build.Embedder")[0] | {"flip": a["flip"]}, a["engine"]
        ),
    )
    patch.setattr(export, "Embedder", build.Embedder, raising=False)
    ends.watch(protocols, "plan", lambda _: protocols.Plan("protocol", modes))
    ends.watch(permutations, "read", lambda a: a["path"])
    ends.watch(scoring, "score_protocol", lambda _: Results("protocol", "none", 1, {}))
    ends.watch(asked, "telling", lambda _: [])
    ends.watch(ranked_lists, "ranked_lists", lambda _: "figure")
    ends.watch(ranked_lists, "save", lambda _: None)
    ends.watch(implementation, "prefer", lambda _: None)
    ends.watch(compilation, "use_cache", lambda _: None)
    ends.watch(train, "train_and_evaluate", lambda _: None)
    ends.watch(train, "Keeper", lambda _: None)
    ends.watch(train.logs, "EpochLog", lambda _: None)
    ends.watch(run, "Checkpoints", lambda _: None)
    return ends


def together(values: dict[str, Any]) -> Any:
    """The value that all have; all values where one has another."""
    first = next(iter(values.values()))
    return first if all(value == first for value in values.values()) else values


def _by_field(calls: dict[str, Any], prefix: str) -> dict[str, Any]:
    names = {name for call in calls.values() for name in call}
    return {
        f"{prefix}.{name}": together(
            {use: call[name] for use, call in calls.items() if name in call}
        )
        for name in names
    }


def _of_data(ends: Ends) -> dict[str, Any]:
    calls = {
        f"{name} {n}": call
        for name in ("load", "load_all_trials", "prepare")
        for n, call in enumerate(ends.all(f"loading.{name}"))
    }
    return _by_field(calls, "data")


def _of_parts(ends: Ends, made: run.Run, exporter: Embedder) -> dict[str, Any]:
    """Encoders, devices, optimisers and embedders, each used in several places."""
    first, second = (dict(call) for call in ends.all("steps.train_step_over"))
    start, trainer = dict(ends.one("steps.init_state")), made.trainer
    assert trainer is not None
    embedders: Any = {"train": trainer.embed, "test": made._embed, "export": exporter}
    of_embedders = {use: dict(each.made_of) for use, each in embedders.items()}
    users = {"stage 1": first, "stage 2": second, "start": start} | of_embedders
    encoders = {use: user.pop("encoder") for use, user in users.items()}
    optimizers = {
        use: users[use].pop("optimizer") for use in ("stage 1", "stage 2", "start")
    }
    devices = {
        use: call.pop("devices") for use, call in users.items() if use != "start"
    } | {"trainer": trainer.devices}
    flips = {f"flip.{use}": call.pop("flip") for use, call in of_embedders.items()}
    stages = (first.pop("stage"), second.pop("stage"))
    constants = {
        f"step.constants.{part.name}": together(
            {"1": getattr(a, part.name), "2": getattr(b, part.name)}
        )
        for a, b in [(first.pop("constants"), second.pop("constants"))]
        for part in dataclasses.fields(a)
    }
    fields = ("stage_sizes", "width", "dtype")
    return (
        _by_field(
            {use: {n: getattr(e, n) for n in fields} for use, e in encoders.items()},
            "encoder",
        )
        | _by_field(optimizers, "adam")
        | _by_field({"1": first, "2": second}, "step")
        | _by_field({"start": start}, "start")
        | _by_field(of_embedders, "embed")
        | constants
        | flips
        | {
            "engine.test": made._embed.name,
            "step.stages": (stages, dict(trainer.steps)),
            "encoder.axes": {use: e.axis_name for use, e in encoders.items()},
            "devices": together(
                {use: [d.id for d in each] for use, each in devices.items()}
            ),
        }
    )


def _of_trainer(trainer: Any) -> dict[str, Any]:
    return (
        {f"clusters.{k}": v for k, v in trainer.clusters._asdict().items()}
        | {f"partners.{k}": v for k, v in trainer.partners._asdict().items()}
        | {f"drawing.{k}": v for k, v in trainer.drawing._asdict().items()}
        | {
            "trainer.sets": tuple(map(known_as, trainer.sets)),
            "trainer.stage1_epochs": trainer.stage1_epochs,
            "trainer.renormalise": trainer.renormalise,
            "rates": tuple(map(trainer.rate_of, EPOCHS)),
        }
    )


def _of_scorer(ends: Ends, made: run.Run, folder: Path) -> dict[str, Any]:
    sides = made.scorer.embeddings(made._embed, {})
    results = made.scorer.score(sides, "a model")
    made.scorer.draw({FIRST.name: None}, folder / "a.png")  # type: ignore[dict-item]
    plan, scored = (
        dict(ends.one("protocols.plan")),
        ends.one("scoring.score_protocol"),
    )
    plan["sets"] = known_as(plan.pop("visible")), known_as(plan.pop("infrared"))
    splits = plan.pop("splits")
    return (
        {f"plan.{name}": value for name, value in plan.items()}
        | {f"search.{name}": scored[name] for name in ("rerank", "search")}
        | {
            "search.sets": (known_as(scored["visible"]), known_as(scored["infrared"])),
            "plan.splits": splits and {k: v.tolist() for k, v in splits.items()},
            "draw.number": ends.one("asked.telling")["number"],
        }
        | {
            f"results.{name}": getattr(results, name)
            for name in ("dataset", "split", "comparable", "warnings")
        }
    )


def _of_epochs(ends: Ends, made: run.Run, config: Config, folder: Path) -> Any:
    """Which epochs are saved, scored and kept, and which is the model."""

    (folder / "scores.json").write_text(json.dumps({"20": 2.0, "30": 1.0}))
    made.checkpoints(Scores(folder / "scores.json"), lambda: None)
    start = resuming.Start(STATE, 0, None, {}, is_saved=False)
    nothing: Any = None
    train._Training(made, nothing, nothing, nothing, start, nothing)._log()
    epochs = range(1, config.num_epochs + 1)
    return {
        "epochs": config.num_epochs,
        "epochs.saved": [e for e in epochs if train._is_saved(config, e)],
        "epochs.evaluated": [e for e in epochs if evaluations.is_evaluated(config, e)],
        "epochs.trackers": ends.one("logs.EpochLog")["trackers"],
        "epochs.minutes": ends.one("train.Keeper")["save_minutes"],
        "epochs.kept": ends.one("run.Checkpoints")["keep_epochs"],
        "epochs.model": _model_of(config, folder),
    }


def _model_of(config: Config, folder: Path) -> int | None:
    """The epoch of the checkpoint that is opened; None for the newest."""

    class Got:
        skipped = ()

        def __init__(self, epoch: int | None) -> None:
            self.epoch = epoch

    class Kept:
        epochs = KEPT

        def __init__(self, folder: Path) -> None:
            del folder

        def open(self, epoch: int) -> Got:
            return Got(epoch)

        def newest_epoch(self) -> Got:
            return Got(None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opened, "Checkpoints", Kept)
        return opened.open_model(config, folder).epoch


def _shows_tracebacks(patch: pytest.MonkeyPatch) -> bool:
    """Whether the command shows where in the program an error arose."""
    shown: list[str] = []

    def fail(*_: Any, **__: Any) -> None:
        raise UserError("a mistake")

    patch.setattr(train, "train_and_evaluate", fail)
    patch.setattr(main.traceback, "print_exc", lambda: shown.append("here"))
    with pytest.raises(UserError):
        main.run(["program"])
    return bool(shown)


def arrived(
    config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What a run of this configuration hands on, by the place that gets it.

    A place that several callers feed, such as the encoder, has the value that all
    give, or where they differ a dictionary of each one's.
    """
    with monkeypatch.context() as patch:
        ends = _watch_everything(patch, config)
        made = run.Run(config, folder, training=True)
        sources.prepare_images(config)
        export.embed_everything(config, VARIABLES)
        exporter = Embedder(ends.all("build.Embedder")[-1])
        command = main.Command("train", config, str(folder))
        patch.setattr(main, "parse", lambda argv: command)
        main.run(["program"])
        return (
            _of_data(ends)
            | _of_parts(ends, made, exporter)
            | _of_trainer(made.trainer)
            | _of_scorer(ends, made, folder)
            | _of_epochs(ends, made, config, folder)
            | {
                "start.weights": [call["path"] for call in ends.all("weights.load")],
                "control": made.control and made.control[1],
                "kernels": ends.one("implementation.prefer")["implementation"],
                "program cache": ends.one("compilation.use_cache")["folder"],
                "tracebacks": _shows_tracebacks(patch),
            }
        )
