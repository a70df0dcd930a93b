"""From the configuration to the model, its optimiser, devices and images."""

import dataclasses
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ceil_jax import weights
from ceil_jax.common import parallel
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import check_writable
from ceil_jax.datasets import loading, registry
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.embedding.embedder import Embedder
from ceil_jax.encoder import Encoder
from ceil_jax.evaluation import protocols
from ceil_jax.experiment.config import Config
from ceil_jax.training import optim, steps
from ceil_jax.training.state import TrainState
from pallas_kernels import implementation

if TYPE_CHECKING:
    from ceil_jax.datasets.builder import PersonBuilder


def devices_of(config: Config) -> list[Any]:
    """The local devices that a run uses.

    Args:
        config: The whole configuration.

    Returns:
        The devices.

    Raises:
        UserError: More are asked for than there are.
    """
    devices = jax.local_devices()
    if config.num_devices > len(devices):
        raise UserError(
            f"config.num_devices={config.num_devices}, but there are {len(devices)} "
            f"local devices: {', '.join(map(str, devices))}"
        )
    return devices[: config.num_devices or None]


def choose_kernels(config: Config) -> None:
    """Let every kernel of the program run by the implementation that is asked for.

    Args:
        config: The whole configuration.

    Raises:
        UserError: This machine cannot run it.
    """
    try:
        implementation.prefer(config.kernels or None)  # type: ignore[arg-type]
    except NotImplementedError as error:
        raise UserError(f"config.kernels={config.kernels}: {error}") from error


def check_batch(config: Config, num_devices: int) -> None:
    """Refuse a batch that the devices cannot share evenly.

    Args:
        config: The whole configuration.
        num_devices: Devices that train.

    Raises:
        UserError: Names the batches, and the number of devices, that would do.
    """
    rows, per_proxy = config.batch.visible_rows, config.batch.images_per_proxy
    if rows % num_devices == 0:
        return
    unit = math.lcm(num_devices, per_proxy)
    near = [n for n in (rows // unit * unit, (rows // unit + 1) * unit) if n]
    fewer = max(n for n in range(1, num_devices) if rows % n == 0)
    raise UserError(
        f"config.batch.visible_rows={rows} does not divide by the {num_devices} "
        f"devices: {' or '.join(map(str, near))} would, or config.num_devices={fewer}"
    )


def encoder_of(config: Config, *, synchronised: bool) -> Encoder:
    """The encoder that the configuration describes.

    Args:
        config: The whole configuration.
        synchronised: Whether batch statistics are shared over devices; only inside
            `parallel.over_devices`.

    Returns:
        The Flax module.
    """
    return Encoder(
        tuple(config.encoder.stage_sizes),
        config.encoder.width,
        dtype=jnp.dtype(config.encoder.dtype),
        axis_name=parallel.AXIS_NAME if synchronised else None,
    )


def optimizer_of(config: Config) -> optax.GradientTransformation:
    """The optimiser that the configuration describes.

    Args:
        config: The whole configuration.

    Returns:
        The transformation.
    """
    return optim.adam(
        weight_decay=config.optimizer.weight_decay,
        bias_rate_factor=config.optimizer.bias_rate_factor,
    )


def embedder_of(config: Config, devices: list[Any], *, flip: bool) -> Embedder:
    """What embeds whole image sets.

    Args:
        config: The whole configuration.
        devices: The devices that share the work.
        flip: Average with the mirror image's embedding.

    Returns:
        The compiled steps.
    """
    return Embedder(
        encoder_of(config, synchronised=False),
        num_rows=config.batch.embed_rows,
        flip=flip,
        devices=devices,
    )


def initial_state(
    config: Config, *, from_weights: bool = True, flag: str = "config.init_from"
) -> TrainState:
    """The state before the first step.

    Args:
        config: The whole configuration.
        from_weights: Start from `config.init_from` where it is set.
        flag: What the user set it by, for messages.

    Returns:
        The state.

    Raises:
        UserError: The weights cannot be read or are of another architecture.
    """
    variables = None
    if from_weights and config.init_from:
        try:
            variables = weights.load(config.init_from)
            found = weights.architecture(variables)
        except (OSError, ValueError) as error:
            raise UserError(f"{flag}: {error}") from error
        first, second, third, fourth = config.encoder.stage_sizes
        wanted = weights.Architecture(
            (first, second, third, fourth), config.encoder.width
        )
        if found != wanted:
            raise UserError(
                f"{flag}={config.init_from} is an encoder of {found}, config.encoder "
                f"of {wanted}: set config.encoder.width and config.encoder.stage_sizes"
            )
    height, width = config.image_size
    try:
        return steps.init_state(
            encoder_of(config, synchronised=False),
            optimizer_of(config),
            (height, width),
            seed=config.seed,
            variables=variables,
        )
    except ValueError as error:
        raise UserError(f"{flag}={config.init_from}: {error}") from error


def variables_of(state: TrainState) -> dict[str, Any]:
    """What the encoder is applied with.

    Args:
        state: The training state.

    Returns:
        `{"params": ..., "batch_stats": ...}`.
    """
    return {"params": state.params, "batch_stats": state.batch_stats}


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


def workdir_of(path: str, flag: str = "--workdir") -> Path:
    """The run's folder, which need not exist yet: a run makes it once it is sure to go.

    Args:
        path: What the user gave.
        flag: What it was given by, for messages.

    Returns:
        The folder.

    Raises:
        UserError: It is a file, lies below one, or cannot be written to.
    """
    folder = Path(path).expanduser()
    nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not nearest.is_dir():
        raise UserError(f"{flag}={path}: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"{flag}={path}: {nearest} cannot be written to")
    try:
        check_writable(nearest)
    except OSError as error:
        raise UserError(
            f"{flag}={path}: {nearest} cannot be written to ({error.strerror})"
        ) from error
    return folder


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1, on the host.

    Args:
        rows: Rows; the average of two unit rows is shorter.

    Returns:
        The same directions.
    """
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
