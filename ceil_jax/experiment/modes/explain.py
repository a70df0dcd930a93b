"""Dividing the similarities of a page's first answers among the places of images."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import read_json
from ceil_jax.evaluation import rankings
from ceil_jax.experiment import build, explained, pictured, results_files, sources
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes.opened import opened
from ceil_jax.model import Model
from ceil_jax.model import explained as explained_lib
from ceil_jax.report import matches
from ceil_jax.report.contents import Contents
from ceil_jax.report.sections import lists

_ROWS = 16  # images at once: each takes several MB on its way


def explain(config: Config, workdir: Path, weights: str = "") -> list[Path]:
    """Write `explained.npz` beside every evaluation of a run's model.

    Args:
        config: The run's configuration.
        workdir: Its folder.
        weights: A file of weights in place of its checkpoint, where those of a file
            were evaluated.

    Returns:
        The files written.

    Raises:
        UserError: There are no figures, lists or pictures, no checkpoint or images, or
            the weights are others than those that were evaluated.
    """
    if not workdir.is_dir():
        raise UserError(f"--workdir={workdir}: no such folder")
    if not (workdir / "config.json").is_file():
        raise UserError(f"{workdir} holds no config.json, which says where images are")
    found = {path: _record(path) for path in _with_lists(workdir)}
    sources.check_folder(config)
    config, model = opened(config, workdir, weights)
    alike = {p: r for p, r in found.items() if _digest(r) == model.info.digest}
    if not alike:
        path, record = next(iter(found.items()))
        raise UserError(
            f"{path} is of other weights ({_digest(record)[:12] or 'unknown'}) than "
            f"{f'--weights={weights}' if weights else 'the checkpoint'} "
            f"({model.info.digest[:12]}): --mode evaluate measures these"
        )
    return [_explain(_evaluated(config, r), model, path) for path, r in alike.items()]


def _with_lists(workdir: Path) -> list[Path]:
    """The files of figures that have lists with pictures, the run's own first."""
    own = workdir / results_files.OWN
    paths = [own, *sorted((workdir / results_files.FOLDER).glob("*.json"))]
    there = [path for path in paths if path.exists()]
    if not there:
        raise UserError(
            f"{workdir} holds no results.json: --mode train or evaluate makes it"
        )
    needed = results_files.RANKINGS, results_files.PICTURES
    full = [
        path
        for path in there
        if all(results_files.beside(path, part).exists() for part in needed)
    ]
    if not full:
        raise UserError(
            f"{workdir} holds no ranked lists with pictures (rankings.npz and "
            "pictures.npz): --mode evaluate makes them"
        )
    return full


def _record(path: Path) -> Mapping[str, Any]:
    try:
        record = read_json(path)
        return record if isinstance(record, dict) else {}
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error


def _digest(record: Mapping[str, Any]) -> str:
    engine = record.get("engine")
    return str(engine.get("model", "")) if isinstance(engine, dict) else ""


def _evaluated(config: Config, record: Mapping[str, Any]) -> Config:
    """The configuration of an evaluation, as far as its images and rows need it."""
    was = record.get("evaluated_with") or {}
    own = config.evaluation
    evaluation = dataclasses.replace(
        own,
        flip=bool(was.get("evaluation.flip", own.flip)),
        protocol=str(was.get("evaluation.protocol", own.protocol)),
    )
    trial = int(was.get("trial", config.trial))
    return dataclasses.replace(config, evaluation=evaluation, trial=trial)


def _explain(config: Config, model: Model, figures: Path) -> Path:
    """What matched in the lists of one evaluation."""
    ranked = rankings.load(results_files.beside(figures, results_files.RANKINGS))
    pictures = pictured.load(results_files.beside(figures, results_files.PICTURES))
    shown = lists.shown(
        Contents("", "", rankings=ranked, pictures=pictures), lists.KEPT[0]
    )
    pairs = matches.pairs(ranked, [(each.mode, each.query) for each in shown])
    if not pairs:
        raise UserError(f"{figures}: no query of it has a list")
    tested = sources.tested(config, sources.load_images(config))
    divide = partial(
        explained_lib.divide,
        build.encoder_of(config, synchronised=False),
        jax.device_put(model.variables),
        flip=config.evaluation.flip,
    )
    path = results_files.beside(figures, results_files.EXPLAINED)
    made = explained.make(
        explained.Divider(divide, min(_ROWS, config.batch.embed_rows)),
        {"visible": tested.visible, "infrared": tested.infrared},
        list(pairs.values()),
        model.info.digest,
    )
    explained.save(path, made)
    print(f"{len(pairs):,} pairs explained in {path}", flush=True)
    return path
