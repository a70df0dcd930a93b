"""Scoring features that any program made of a data set's test images."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common import digest, extras
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import write_json
from ceil_jax.datasets.named import Named, NamedTests
from ceil_jax.evaluation import (
    by_name,
    feature_files,
    feature_parts,
    protocols,
    rankings,
    scoring,
)
from ceil_jax.evaluation.feature_files import Given
from ceil_jax.evaluation.rankings import Rankings
from ceil_jax.evaluation.recording import Recorder
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import engine, results_files, settings, sources, trained_on
from ceil_jax.experiment import protocol as protocol_lib
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.workdir import check_no_training, check_one_split
from ceil_jax.experiment.writer import Writer
from ceil_jax.report import table

_SHOWN = 3  # missing images that a message names
_OF_MODEL = (
    "encoder and image size of these features are taken to be those of the "
    "configuration: features do not tell"
)


class Rows(NamedTuple):
    """The features of all test images.

    Attributes:
        visible: Those of the visible ones, unit rows.
        infrared: Those of the infrared ones.
        facts: What the files held, for `results.json`.
    """

    visible: np.ndarray
    infrared: np.ndarray
    facts: dict[str, Any]


def score_features(
    config: Config,
    workdir: Path,
    features: Sequence[str],
    names: Sequence[str] = (),
    *,
    take_over: bool = False,
) -> Results:
    """Score features by the name of the image that each row is of.

    No image is read: the data folder only tells whom the test images show.

    Args:
        config: The data set and how to score it; its model is not used.
        workdir: The folder for the report; not that of a training.
        features: Files of features, see `feature_files.read`; several are put together.
        names: Files of the names of their rows, for .npy files, in the same order.
        take_over: See `Writer`.

    Returns:
        The figures, which are also in `results.json`, or in `results/` beside it.

    Raises:
        UserError: A file cannot be used, an image has no row, the folder is a
            training's, or another mistake that the user can mend.
    """
    check_one_split(workdir)
    check_no_training(workdir, f"--workdir={workdir}")
    given = read(features, names)
    sources.check_folder(config)
    protocol = sources.protocol_of(config)
    tests = sources.list_tests(config)
    for warning in tests.warnings:
        warn(warning)
    if not len(tests.visible) + len(tests.infrared):
        raise UserError("there are no test images to score")
    rows = rows_of(given, tests, is_any=protocol == protocols.REGDB_RELEASED)
    with Writer(workdir, "scoring", take_over=take_over):
        unknown = trained_on.unknown_people(config, "features")
        warn(unknown)
        results, recorded = scored(config, tests, rows, label_of(features))
        results = dataclasses.replace(results, warnings=(*results.warnings, unknown))
        if not (workdir / "config.json").exists():
            write_json(workdir / "config.json", to_dict(config))
        kept = keep(config, workdir, results, rows, recorded)
        print(f"\n{table.results_table(results)}")
        print(f"\n{kept}", flush=True)
        show(workdir, kept)
    return results


def read(features: Sequence[str], names: Sequence[str]) -> Given:
    """Read all rows of all files.

    Args:
        features: Files of features.
        names: Files of the names of their rows, or none.

    Returns:
        The rows; the first file's path stands for all in messages.

    Raises:
        UserError: A file cannot be used, or they do not go together.
    """
    if names and len(names) != len(features):
        raise UserError(
            f"--names is given {len(names)} times, --features {len(features)}: give a "
            "file of names for each"
        )
    parts = [
        feature_files.read(*pair)
        for pair in zip(features, names or [""] * len(features), strict=True)
    ]
    return feature_parts.joined(parts)


def label_of(features: Sequence[str]) -> str:
    """What the figures of features are called.

    Args:
        features: Their files.

    Returns:
        The names of the files, without their folders.
    """
    return f"features {', '.join(Path(path).name for path in features)}"


def rows_of(given: Given, tests: NamedTests, *, is_any: bool = False) -> Rows:
    """The rows of the test images, in their order.

    Args:
        given: What the files hold.
        tests: The test images.
        is_any: Whether the model may have been trained on some of them, as one that is
            scored on all splits.

    Returns:
        Unit rows of both modalities.

    Raises:
        UserError: An image has no row, or one that cannot be used, as one that was
            embedded as the other modality's.
    """
    wanted = [*tests.visible.names.tolist(), *tests.infrared.names.tolist()]
    images = by_name.Images(wanted, tests.others.tolist())
    try:
        found = by_name.match(given.names, given.features, images)
    except UserError as error:
        raise UserError(f"{given.path}: {error}") from error
    if (found.rows < 0).any():
        raise _missing(given, tests, found, wanted)
    try:
        rows, normalised = by_name.unit_rows(given.features[found.rows], wanted)
    except UserError as error:
        raise UserError(f"{given.path}: {error}") from error
    if given.is_trained_on is not None and not is_any:
        _check_not_trained_on(given, found.rows, wanted)
    num_visible = len(tests.visible)
    feature_parts.check_modalities(given, found.rows, wanted, num_visible)
    surplus = ""
    if found.num_others or found.strange:
        surplus = (
            f"; not used are {found.num_others:,} rows of other images of the data set "
            f"and {len(found.strange):,} of none"
        )
    made = "normalised to length 1" if normalised else "of length 1 as they are"
    lengths = None if given.lengths is None else given.lengths[found.rows]
    scaled = lengths is not None and bool((lengths != 1).any())
    if lengths is not None and scaled:
        rows = rows * lengths.astype(np.float32)[:, None]
        made += f", times the file's {feature_files.LENGTH}"
    print(
        f"{len(given.names):,} rows of {rows.shape[1]:,} numbers: one for each of the "
        f"{len(wanted):,} test images, {made}{surplus}",
        flush=True,
    )
    facts = {
        "rows": len(given.names),
        "dimension": rows.shape[1],
        "dtype": given.features.dtype.name,
        "normalised": normalised,
        "scaled": scaled,
    }
    if model := feature_parts.model_of(given):
        facts["model"] = model
    return Rows(rows[:num_visible], rows[num_visible:], facts)


def _check_not_trained_on(given: Given, rows: np.ndarray, wanted: list[str]) -> None:
    """Refuse test images that the file itself calls training images."""
    assert given.is_trained_on is not None
    is_wrong = given.is_trained_on[rows]
    if is_wrong.any():
        raise UserError(
            f"{given.path}: its model was trained on {int(is_wrong.sum()):,} of the "
            f"{len(wanted):,} test images, the first {wanted[int(is_wrong.argmax())]} "
            f"(its array {feature_files.SPLIT} says train): these are features of "
            "another split's model"
        )


def _missing(
    given: Given, tests: NamedTests, found: by_name.Matched, wanted: list[str]
) -> UserError:
    """What to say where test images have no row."""
    is_missing = found.rows < 0
    names = [wanted[i] for i in np.flatnonzero(is_missing)]
    why = by_name.why_missing(found.strange, names[0])
    is_visible = np.arange(len(wanted)) < len(tests.visible)
    for word, side in (("visible", is_visible), ("infrared", ~is_visible)):
        if side.any() and not side.all() and (is_missing == side).all():
            why = (
                f"no {word} image has a row: give the rows of both modalities, in one "
                "file or by --features twice"
            )
    split = _other_split(given, tests) if found.num_others else None
    if split is not None:
        why = f"the rows are those of split {split}: --config.trial={split}"
    shown = ", ".join(names[:_SHOWN])
    more = " and others" if len(names) > _SHOWN else ""
    return UserError(
        f"{given.path}: {len(names):,} of {len(wanted):,} test images have no row, the "
        f"first {shown}{more}{f' ({why})' if why else ''}"
    )


def _other_split(given: Given, tests: NamedTests) -> int | None:
    """The split whose test images all have a row, where the asked one's have not."""
    names = [tests.visible.names, tests.infrared.names, tests.others]
    every = np.concatenate(names).tolist()
    trials = np.concatenate([*tests.trials.values(), tests.other_trials])
    if trials.shape[1] < 2:
        return None
    images = by_name.Images(every, ())
    found = [images.find(name) for name in given.names]
    has_row = np.isin(np.arange(len(every)), [i for i in found if i is not None])
    whole = [t for t in range(trials.shape[1]) if has_row[trials[:, t]].all()]
    return whole[0] + 1 if whole else None


def scored(
    config: Config, tests: NamedTests, rows: Rows, label: str
) -> tuple[Results, Rankings]:
    """Score rows by the configuration's protocol.

    Args:
        config: How; its model is not used.
        tests: The test images.
        rows: Their features.
        label: What they are called.

    Returns:
        The figures, and what every query found.

    Raises:
        UserError: The test images lack what the protocol needs.
    """
    protocol, recorder = sources.protocol_of(config), Recorder()
    is_any = protocol == protocols.REGDB_RELEASED
    splits = dict(tests.trials) if is_any else None
    plan = protocol_lib.plan_of(config, protocol, tests.visible, tests.infrared, splits)
    sides = (
        _side(rows.visible, tests.visible),
        _side(rows.infrared, tests.infrared),
    )
    method = protocol_lib.method_of(config)
    results = scoring.score_protocol(
        *sides, plan, **method._asdict(), checkpoint=label, recorder=recorder
    )
    facts = protocol_lib.facts_of(config, protocol, tests.warnings)
    facts["comparable"] &= rows.facts["dimension"] == 32 * config.encoder.width
    facts["warnings"] += results.warnings
    if facts["comparable"]:  # else nothing published stands beside them
        facts["warnings"] += (_OF_MODEL,)
    return dataclasses.replace(results, **facts), recorder.rankings


def _side(rows: np.ndarray, images: Named) -> scoring.Embeddings:
    return scoring.Embeddings(rows, images.identities, images.cameras, images.names)


def keep(
    config: Config, workdir: Path, results: Results, rows: Rows, found: Rankings
) -> results_files.Kept:
    """Keep figures with what they are of, and what every query found.

    Args:
        config: How they were scored.
        workdir: The folder for them, which exists.
        results: The figures.
        rows: The features.
        found: What every query found.

    Returns:
        Where they are.
    """
    model = digest.of_arrays({"visible": rows.visible, "infrared": rows.infrared})
    record = results.to_json() | {
        "trained_with": None,
        "evaluated_with": settings.evaluated_with(config),
        "engine": engine.facts(config, model),
        "features": rows.facts | {"digest": model},
    }
    own = not results_files.is_evaluated(workdir)
    kept = results_files.write(workdir, record, own=own)
    lists = results_files.beside(kept.path, results_files.RANKINGS)
    if kept.is_new or not lists.exists():
        rankings.save(lists, found)
    return kept


def show(workdir: Path, kept: results_files.Kept) -> None:
    """Make the page of an evaluation, where what it needs is installed.

    Args:
        workdir: The folder of the figures.
        kept: Where they are.
    """
    if absent := ", ".join(extras.missing("train")):
        warn(f"no report.html is written: it needs {absent}, installed by [train]")
        return
    from ceil_jax.experiment import page  # needs more than the core

    print(f"report: {page.keep(workdir, kept)}", flush=True)
