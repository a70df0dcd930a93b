"""Scoring features of several splits' models, each on its own split, and their mean."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common import digest
from ceil_jax.common.errors import DataError, UserError
from ceil_jax.common.files import user_path, write_json
from ceil_jax.datasets.named import NamedTests
from ceil_jax.evaluation.results import Results, mean_of_splits
from ceil_jax.experiment import engine, results_files, settings, sources, trained_on
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.modes import score
from ceil_jax.experiment.numbered import num_splits, of_split, parse_trials
from ceil_jax.experiment.workdir import (
    check_no_training,
    check_several,
    folder_of_split,
    splits_in,
)
from ceil_jax.experiment.writer import Writer
from ceil_jax.report import table

PLACE = "{split}"
"""Stands for a split's number in the name of a file; {split:02d} for two digits."""
_PLACE = re.compile(r"\{split(?::0(\d)d?)?\}")
_OF_OTHERS = (
    "features do not tell which people they were trained on: a split whose features "
    "are of another split's model has figures that are too high"
)


class Split(NamedTuple):
    """What one split is scored by.

    Attributes:
        config: Its configuration.
        tests: Its test images.
        rows: Their features.
    """

    config: Config
    tests: NamedTests
    rows: score.Rows


def is_of_splits(features: Sequence[str]) -> bool:
    """Whether files of features are named for several splits.

    Args:
        features: What was given.

    Returns:
        True if one has `PLACE` in its name.
    """
    return any(_PLACE.search(each) for each in features)


def file_of(template: str, split: int) -> str:
    """The file of a split.

    Args:
        template: A path with `PLACE` or without it.
        split: The split's number.

    Returns:
        The path with the number in its place.
    """
    return _PLACE.sub(lambda found: str(split).zfill(int(found[1] or 0)), template)


def score_splits(
    config: Config,
    workdir: Path,
    features: Sequence[str],
    names: Sequence[str] = (),
    trials: str = "all",
    *,
    take_over: bool = False,
) -> Results:
    """Score the features of each split's model on the test half of that split.

    All files are read before anything is written.

    Args:
        config: The data set and how to score it; its `trial` is not used.
        workdir: Holds a folder `trial_NN` per split, and the mean.
        features: Files of features with `PLACE` in their names; several, such as one
            for each modality, are put together.
        names: Files of the names of their rows, with `PLACE` or without it.
        trials: "all", or numbers and ranges such as "1,3-5".
        take_over: See `Writer`.

    Returns:
        Mean and spread over the splits, which are also in `results.json`, or in
        `results/` beside it.

    Raises:
        UserError: A split has no file or one that cannot be used, or another mistake
            that the user can mend, with the split's number.
    """
    total = num_splits(config, f"--features F_{PLACE}.npz")
    chosen = parse_trials(trials, total, config.dataset)
    _check(workdir, features, chosen)
    sources.check_folder(config)
    splits = {}
    for number in chosen:
        print(f"split {number}:", flush=True)
        splits[number] = _read(of_split(config, number), features, names)
    for warning in next(iter(splits.values())).tests.warnings:
        warn(warning)
    told = [_OF_OTHERS, *one_model(splits)]
    for warning in told:
        warn(warning)
    results = {}
    for number, split in splits.items():
        results[number] = _scored(
            split, folder_of_split(workdir, number), features, take_over
        )
    mean = mean_of_splits(results)
    mean = dataclasses.replace(mean, warnings=(*mean.warnings, *told))
    with Writer(workdir, "averaging", take_over=take_over):
        if not (workdir / "config.json").exists():
            write_json(workdir / "config.json", to_dict(config))
        kept = _keep(config, workdir, mean, splits)
        print(f"\n{table.splits_table(mean)}\n\n{table.results_table(mean)}")
        print(f"\n{kept}", flush=True)
        score.show(workdir, kept)
    return mean


def _check(workdir: Path, features: Sequence[str], chosen: Sequence[int]) -> None:
    """Refuse folders of trainings, and files that are not there, by name."""
    for folder in (workdir, *splits_in(workdir).values()):
        check_no_training(folder, f"--workdir={workdir}: {folder}")
    check_several(workdir, "splits")
    for template in features:
        if not _PLACE.search(template):
            raise UserError(
                f"--features={template} has no {PLACE} in its name as the other has: "
                "every split needs features of its own model"
            )
        lost = [n for n in chosen if not user_path(file_of(template, n)).is_file()]
        if lost:
            numbers = ", ".join(map(str, lost))
            have = ",".join(str(n) for n in chosen if n not in lost)
            rest = f"; --trials={have} scores the others" if have else ""
            who = "split {} lacks" if len(lost) == 1 else "splits {} lack"
            raise UserError(
                f"{file_of(template, lost[0])}: no such file: {who.format(numbers)} "
                f"features{rest}"
            )


def _read(config: Config, features: Sequence[str], names: Sequence[str]) -> Split:
    """The rows of one split's test images."""
    try:
        given = score.read(
            [file_of(each, config.trial) for each in features],
            [file_of(each, config.trial) for each in names],
        )
        tests = sources.list_tests(config)
        if not len(tests.visible) + len(tests.infrared):
            raise UserError("there are no test images to score")
        return Split(config, tests, score.rows_of(given, tests))
    except (UserError, DataError) as error:
        text = re.sub(r": --config\.trial=\d+", "", str(error))
        raise UserError(f"split {config.trial}: {text}") from error


def one_model(splits: Mapping[int, Split]) -> list[str]:
    """What to say where splits have the same features, as a file given twice has.

    Args:
        splits: By number.

    Returns:
        A warning for each model that has several splits.
    """
    groups: list[list[int]] = []
    for number, split in splits.items():
        for group in groups:
            if _alike(splits[group[0]], split):
                group.append(number)
                break
        else:
            groups.append([number])
    return [
        f"splits {', '.join(map(str, group))} have equal features, so one model: a "
        "model may only be scored on a split whose test people it was not trained on"
        for group in groups
        if len(group) > 1
    ]


def _alike(one: Split, other: Split) -> bool:
    """Whether all images that two splits test on have equal features."""
    num_common = 0
    for side in ("visible", "infrared"):
        names = [getattr(each.tests, side).names for each in (one, other)]
        rows = [getattr(each.rows, side) for each in (one, other)]
        _, *at = np.intersect1d(*names, assume_unique=True, return_indices=True)
        num_common += len(at[0])
        if rows[0].shape[1] != rows[1].shape[1] or not np.array_equal(
            rows[0][at[0]], rows[1][at[1]]
        ):
            return False
    return num_common > 0


def _scored(
    split: Split, folder: Path, features: Sequence[str], take_over: bool
) -> Results:
    """Score a split and keep its figures in its folder."""
    config = split.config
    results, found = score.scored(
        config, split.tests, split.rows, score.label_of(features)
    )
    unknown = trained_on.unknown_people(config, "features")
    own = dataclasses.replace(results, warnings=(*results.warnings, unknown))
    with Writer(folder, "scoring", take_over=take_over):
        if not (folder / "config.json").exists():
            write_json(folder / "config.json", to_dict(config))
        kept = score.keep(config, folder, own, split.rows, found)
        print(f"split {config.trial}: {kept}", flush=True)
        score.show(folder, kept)
    return results


def _keep(
    config: Config, workdir: Path, mean: Results, splits: Mapping[int, Split]
) -> results_files.Kept:
    """Keep the mean; `engine.model` is the digest of all splits' rows."""
    rows = {
        f"{number}": {"visible": each.rows.visible, "infrared": each.rows.infrared}
        for number, each in splits.items()
    }
    facts: dict[str, Any] = {str(n): each.rows.facts for n, each in splits.items()}
    model = digest.of_arrays(rows)
    record = mean.to_json() | {
        "trained_with": None,
        "evaluated_with": settings.evaluated_with(config),
        "engine": engine.facts(config, model),
        "features": {"digest": model, "splits": facts},
    }
    own = not results_files.is_evaluated(workdir)
    return results_files.write(workdir, record, own=own)
