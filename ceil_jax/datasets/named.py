"""Test images by name: whom they show and which camera took them; none is read."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common import extras
from ceil_jax.common.files import user_path
from ceil_jax.datasets import registry
from ceil_jax.datasets.listing import Listing
from ceil_jax.datasets.loading import check_trial
from ceil_jax.datasets.modalities import INFRARED, VISIBLE


@dataclasses.dataclass(frozen=True, slots=True)
class Named:
    """Images of one modality, sorted by name, as `imageset.ImageSet` has them.

    Attributes:
        identities: (n,) int32 numbers of the people, -1 where unknown.
        cameras: (n,) int32, the data set's own numbers, from 1.
        names: (n,) str, paths below the data folder, with forward slashes.
    """

    identities: np.ndarray
    cameras: np.ndarray
    names: np.ndarray

    def __len__(self) -> int:
        return len(self.names)


class NamedTests(NamedTuple):
    """The images that one trial tests on, or that any does.

    Attributes:
        visible: The n_v visible images.
        infrared: The n_i infrared images.
        trials: By modality, which of the data set's trials tests on which image,
            (n, t) bool.
        others: Names of the data set's other images.
        other_trials: (m, t) bool, which trials test on those.
        warnings: What is wrong with the data and was allowed, a line each.
    """

    visible: Named
    infrared: Named
    trials: Mapping[str, np.ndarray]
    others: np.ndarray
    other_trials: np.ndarray
    warnings: tuple[str, ...] = ()


def list_tests(
    name: str,
    *,
    trial: int | None,
    data_dir: str | None = None,
    prepared_dir: str | None = None,
    image_size: tuple[int, int] = (288, 144),
    options: Mapping[str, Any] | None = None,
) -> NamedTests:
    """List a data set's test images.

    Nothing is prepared, and TFDS is not needed, unless the data set is another
    package's. Where that has no listing, its images are prepared, as for training.

    Args:
        name: The data set, a name of `registry.names()`.
        trial: From 1: which of its splits; None for the images that any tests on.
        data_dir: See `loading.prepare`.
        prepared_dir: See `loading.prepare`.
        image_size: See `loading.prepare`.
        options: See `loading.prepare`.

    Returns:
        The images, in the order in which `loading` has them.

    Raises:
        DataError: The folder, a list or a count is wrong, or there is no such trial.
        MissingExtraError: Another package's data set needs more than is installed.
    """
    if trial is not None:
        check_trial(name, trial)
    request = registry.Request(
        data_dir=user_path(data_dir) if data_dir else None,
        prepared_dir=user_path(prepared_dir) if prepared_dir else None,
        image_size=image_size,
        options=dict(options or {}),
        progress=True,
    )
    entry = registry.find(name)
    listing, warnings = (entry.list_images or _from_builder(name, entry))(request)
    test = listing.test
    chosen = test.any(axis=1) if trial is None else test[:, trial - 1]
    names = np.array(listing.names, np.str_)
    rows = {
        word: np.flatnonzero(chosen & (listing.modalities == modality))
        for word, modality in (("visible", VISIBLE), ("infrared", INFRARED))
    }
    visible, infrared = (
        Named(listing.identities[each], listing.cameras[each], names[each])
        for each in rows.values()
    )
    return NamedTests(
        visible,
        infrared,
        {word: test[each] for word, each in rows.items()},
        names[~chosen],
        test[~chosen],
        warnings,
    )


def _from_builder(name: str, entry: registry.Entry) -> Any:
    """What lists the images of a data set that comes with a builder alone."""

    def list_images(request: registry.Request) -> tuple[Listing, tuple[str, ...]]:
        extras.require("train", f"the data set {name}")
        builder = entry.make_builder(request)
        listing = getattr(builder.person_config, "listing", None)
        if listing is not None:
            return listing, builder.warnings
        from ceil_jax.datasets import preparation  # imports TFDS

        builder = preparation.prepare(builder)
        index = builder.index()
        columns = index.identity, index.camera, index.modality, index.train, index.test
        return Listing(index.name.tolist(), *columns), builder.warnings

    return list_images
