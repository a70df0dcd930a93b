"""From a data set's name to the four image sets of a trial."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ceil_jax.common.errors import DataError
from ceil_jax.common.files import user_path
from ceil_jax.common.progress import bar
from ceil_jax.datasets import registry
from ceil_jax.datasets.imageset import ArraySource, ImageSet, ImageSource, RecordSource

if TYPE_CHECKING:
    from ceil_jax.datasets.builder import PersonBuilder
    from ceil_jax.datasets.index import Index

READ_BLOCK = 64  # images read at a time while a set is loaded into memory


class Splits(NamedTuple):
    """The image sets of one trial; one that has no images is empty.

    Attributes:
        train_visible: Visible images to train on.
        train_infrared: Infrared images to train on.
        test_visible: Visible images to test on.
        test_infrared: Infrared images to test on.
        warnings: What is wrong with the data and was allowed, a line each; belongs in
            every report.
        camera_names: The user's names of the cameras by number, where they have any.
        identity_names: The user's names of the people by number, likewise.
        value_ranges: By modality, the values that became 0 and 255 where images had
            more than 8 bits; what is compared with these images is read with them.
    """

    train_visible: ImageSet
    train_infrared: ImageSet
    test_visible: ImageSet
    test_infrared: ImageSet
    warnings: tuple[str, ...] = ()
    camera_names: Mapping[int, str] = MappingProxyType({})
    identity_names: Mapping[int, str] = MappingProxyType({})
    value_ranges: Mapping[str, tuple[float, float]] = MappingProxyType({})


class AllTrials(NamedTuple):
    """Every image that some trial tests on, and which trials do.

    Attributes:
        visible: The n_v visible images.
        infrared: The n_i infrared images.
        test_visible: (n_v, t) bool, whether trial 1, ..., t tests on the image.
        test_infrared: (n_i, t) bool, likewise.
        warnings: As in `Splits`.
    """

    visible: ImageSet
    infrared: ImageSet
    test_visible: np.ndarray
    test_infrared: np.ndarray
    warnings: tuple[str, ...] = ()


def prepare(
    name: str,
    *,
    data_dir: str | None = None,
    prepared_dir: str | None = None,
    image_size: tuple[int, int] = (288, 144),
    options: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> "PersonBuilder":
    """Prepare a data set: read, resize and store it, unless that was done before.

    Args:
        name: The data set, a name of `registry.names()`.
        data_dir: Folder of the data set as distributed; None where it is generated.
        prepared_dir: Home of all prepared data, by default `$CEIL_JAX_CACHE` or
            `~/.cache/ceil_jax`.
        image_size: (height, width) of the stored images in pixels.
        options: The data set's own options, and `allow_partial`: go on, with a warning,
            where images or identities are missing.
        progress: Whether a bar may show on a terminal.

    Returns:
        The builder, ready to be read.

    Raises:
        DataError: The folder, a list, a count or an image is wrong.
    """
    entry = registry.find(name)
    request = registry.Request(
        data_dir=user_path(data_dir) if data_dir else None,
        prepared_dir=user_path(prepared_dir) if prepared_dir else None,
        image_size=(int(image_size[0]), int(image_size[1])),
        options=dict(options or {}),
        progress=progress,
    )
    builder = entry.make_builder(request)
    from ceil_jax.datasets import (
        preparation,  # imports TFDS: only when a builder is there
    )

    return preparation.prepare(builder)


def load(
    name: str,
    *,
    data_dir: str | None = None,
    prepared_dir: str | None = None,
    image_size: tuple[int, int] = (288, 144),
    options: Mapping[str, Any] | None = None,
    progress: bool = True,
    trial: int = 1,
    cache_gib: float = 2.0,
) -> Splits:
    """Prepare a data set if need be, and open the image sets of a trial.

    Args:
        name: The data set, a name of `registry.names()`.
        data_dir: See `prepare`.
        prepared_dir: See `prepare`.
        image_size: See `prepare`.
        options: See `prepare`.
        progress: See `prepare`.
        trial: From 1: which of the data set's splits into training and test people.
        cache_gib: The four sets are loaded into memory if they fit into this many
            GiB together; else images are read from disk whenever they are taken.

    Returns:
        The image sets.

    Raises:
        DataError: The data are wrong, or there is no such trial.
    """
    check_trial(name, trial)
    builder = prepare(
        name,
        data_dir=data_dir,
        prepared_dir=prepared_dir,
        image_size=image_size,
        options=options,
        progress=progress,
    )
    from ceil_jax.datasets.modalities import INFRARED, VISIBLE

    index = builder.index()
    chosen = [
        np.flatnonzero(member[:, trial - 1] & (index.modality == modality))
        for member in (index.train, index.test)
        for modality in (VISIBLE, INFRARED)
    ]
    sets = _open(builder, index, chosen, cache_gib, progress)
    return Splits(
        *sets,
        warnings=builder.warnings,
        camera_names=builder.camera_names,
        identity_names=builder.identity_names,
        value_ranges=getattr(builder, "value_ranges", {}),
    )


def load_all_trials(
    name: str,
    *,
    data_dir: str | None = None,
    prepared_dir: str | None = None,
    image_size: tuple[int, int] = (288, 144),
    options: Mapping[str, Any] | None = None,
    progress: bool = True,
    cache_gib: float = 2.0,
) -> AllTrials:
    """Prepare a data set if need be, and open what its trials together test on.

    An image that several trials test on is there once, so that it is embedded once.

    Args:
        name: The data set, a name of `registry.names()`.
        data_dir: See `prepare`.
        prepared_dir: See `prepare`.
        image_size: See `prepare`.
        options: See `prepare`.
        progress: See `prepare`.
        cache_gib: See `load`.

    Returns:
        The images of both modalities with their trials.

    Raises:
        DataError: The data are wrong.
    """
    builder = prepare(
        name,
        data_dir=data_dir,
        prepared_dir=prepared_dir,
        image_size=image_size,
        options=options,
        progress=progress,
    )
    from ceil_jax.datasets.modalities import INFRARED, VISIBLE

    index = builder.index()
    tested = index.test.any(axis=1)
    chosen = [
        np.flatnonzero(tested & (index.modality == modality))
        for modality in (VISIBLE, INFRARED)
    ]
    visible, infrared = _open(builder, index, chosen, cache_gib, progress)
    return AllTrials(
        visible,
        infrared,
        index.test[chosen[0]],
        index.test[chosen[1]],
        builder.warnings,
    )


def check_trial(name: str, trial: int) -> None:
    """Refuse a split that a data set does not have.

    Args:
        name: The data set, a name of `registry.names()`.
        trial: From 1.

    Raises:
        DataError: There is no such trial.
    """
    num_trials = registry.find(name).num_trials
    if num_trials == 1 and trial != 1:
        raise DataError(f"{name} has one split, so {trial=} must be 1")
    if not 1 <= trial <= num_trials:
        raise DataError(f"{name} has trials 1 to {num_trials}, not {trial}")


def _open(
    builder: "PersonBuilder",
    index: "Index",
    chosen: list[np.ndarray],
    cache_gib: float,
    shown: bool,
) -> list[ImageSet]:
    """An image set per choice of rows, all in memory if they fit together."""
    sets = [
        ImageSet(
            _on_disk(builder, index, rows),
            index.identity[rows],
            index.camera[rows],
            index.name[rows],
        )
        for rows in chosen
    ]
    height, width = builder.person_config.image_size
    total = sum(len(rows) for rows in chosen)
    if total * height * width * 3 <= cache_gib * 2**30:
        return _in_memory(sets, total, shown)
    return sets


def _on_disk(builder: "PersonBuilder", index: "Index", rows: np.ndarray) -> ImageSource:
    """Rows of the index, all of one stored split, as a source that reads them."""
    split = str(index.split[rows[0]]) if len(rows) else str(index.split[0])
    records = builder.records(split)
    return RecordSource(
        records,
        index.record[rows],
        builder.person_config.image_size,
        index.checksum[rows],
        Path(builder.data_path),
    )


def _in_memory(sets: list[ImageSet], total: int, shown: bool) -> list[ImageSet]:
    """The same sets with their images read into memory."""
    loaded = []
    with bar(total=total, desc="loading", unit="image", shown=shown) as seen:
        for each in sets:
            height, width = each.images.image_size
            images = np.empty((len(each), height, width, 3), dtype=np.uint8)
            for start in range(0, len(each), READ_BLOCK):
                rows = np.arange(start, min(start + READ_BLOCK, len(each)))
                images[rows] = each.images.take(rows)
                seen.update(len(rows))
            loaded.append(dataclasses.replace(each, images=ArraySource(images)))
    return loaded
