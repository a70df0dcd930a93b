"""From the configuration to the images that a run reads, and their protocol."""

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path
from ceil_jax.datasets import loading, named, registry
from ceil_jax.datasets.files import need_root
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.evaluation import protocols
from ceil_jax.experiment.config import Config

if TYPE_CHECKING:
    from ceil_jax.datasets.builder import PersonBuilder


class Tested(NamedTuple):
    """The images that a model is scored on.

    Attributes:
        visible: The visible ones.
        infrared: The infrared ones.
        splits: By modality, which of the data set's splits tests on which image,
            (N, splits) bool; None where one split alone is tested.
    """

    visible: ImageSet
    infrared: ImageSet
    splits: dict[str, np.ndarray] | None = None


def prepare_images(config: Config) -> "PersonBuilder":
    """Read, check, resize and store a data set's images, if not done before.

    Args:
        config: The whole configuration.

    Returns:
        The builder that reads them.
    """
    where = _where(config)
    del where["cache_gib"]
    return loading.prepare(config.dataset, **where)


def check_folder(config: Config) -> None:
    """Refuse a data folder that is none, before anything else is done.

    Args:
        config: The whole configuration.

    Raises:
        DataError: It is missing, a file, or an archive that was not unpacked.
    """
    if config.data_dir and registry.find(config.dataset).needs_data_dir:
        need_root(user_path(config.data_dir))


def load_images(config: Config) -> loading.Splits:
    """The training and test images, prepared at their first use.

    Args:
        config: The whole configuration.

    Returns:
        One image set for each split and modality.
    """
    return loading.load(config.dataset, trial=config.trial, **_where(config))


def tested(config: Config, images: loading.Splits) -> Tested:
    """The images that the configuration's protocol scores.

    Args:
        config: The whole configuration.
        images: Those of the run's own split.

    Returns:
        The split's test images, or of "regdb_released" what any split tests on.
    """
    if protocol_of(config) != protocols.REGDB_RELEASED:
        return Tested(images.test_visible, images.test_infrared)
    of_all = loading.load_all_trials(config.dataset, **_where(config))
    splits = {"visible": of_all.test_visible, "infrared": of_all.test_infrared}
    return Tested(of_all.visible, of_all.infrared, splits)


def list_tests(config: Config) -> named.NamedTests:
    """Names and labels of the images that `tested` gives; none is read.

    Args:
        config: The whole configuration.

    Returns:
        The images that the configuration's protocol scores.
    """
    where = _where(config)
    del where["cache_gib"]
    is_any = protocol_of(config) == protocols.REGDB_RELEASED
    trial = None if is_any else config.trial
    return named.list_tests(config.dataset, trial=trial, **where)


def _where(config: Config) -> dict[str, Any]:
    """Where the data are and how they are prepared, as `datasets` takes it."""
    options: dict[str, Any] = {"allow_partial": config.allow_partial}
    if config.dataset == "synthetic":
        options = dataclasses.asdict(config.synthetic)
    height, width = config.image_size
    return {
        "data_dir": config.data_dir or None,
        "prepared_dir": config.prepared_dir or None,
        "image_size": (height, width),
        "options": options,
        "cache_gib": config.cache_gib,
    }


def for_modalities(config: Config, splits: loading.Splits) -> Config:
    """The configuration as it fits the modalities that there are images of.

    Stage 2 works across modalities: with one alone, training is stage 1.

    Args:
        config: The whole configuration.
        splits: The images.

    Returns:
        The configuration, without stage 2 where one modality has no training images.

    Raises:
        UserError: There are no training images, or no stage is left.
    """
    there = [
        name
        for name, images in (
            ("visible", splits.train_visible),
            ("infrared", splits.train_infrared),
        )
        if len(images)
    ]
    if not there:
        raise UserError(f"the data set {config.dataset} has no training images")
    if len(there) == 2 or not config.stage2_epochs:
        return config
    if not config.stage1_epochs:
        raise UserError(
            f"all training images are {there[0]}: stage 2 works across modalities, so "
            "config.stage1_epochs must be at least 1"
        )
    return dataclasses.replace(config, stage2_epochs=0)


def protocol_of(config: Config) -> str:
    """The protocol that a model is scored by.

    Args:
        config: The whole configuration.

    Returns:
        One that `protocols.modes_of` knows: the data set's, or the one asked for.

    Raises:
        UserError: The one asked for is another data set's.
    """
    own, chosen = registry.find(config.dataset).protocol, config.evaluation.protocol
    if chosen == protocols.REGDB_RELEASED and own != "regdb":
        raise UserError(
            f"config.evaluation.protocol={chosen} is RegDB's, config.dataset is "
            f"{config.dataset}"
        )
    return chosen or own
