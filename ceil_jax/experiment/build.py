"""From the configuration to the parts of a run: the only place that makes them."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ceil_jax import weights
from ceil_jax.common import parallel
from ceil_jax.common.errors import UserError
from ceil_jax.datasets.loading import Splits
from ceil_jax.embedding.embedder import Embedder
from ceil_jax.encoder import Encoder
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.epoch import Clusters, Drawing, Partners, Trainer
from ceil_jax.experiment.protocol import facts_of, method_of, plan_of
from ceil_jax.experiment.score import Scorer
from ceil_jax.experiment.sources import Tested
from ceil_jax.training import optim, schedules, steps
from ceil_jax.training.objective import Objective
from ceil_jax.training.state import TrainState


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


def schedule_of(config: Config) -> Any:
    """The learning rate by epoch that the configuration describes.

    Args:
        config: The whole configuration.

    Returns:
        A function of the epoch, counted from 1.

    Raises:
        UserError: The schedule's numbers do not fit.
    """
    optimizer = config.optimizer
    try:
        if optimizer.schedule == "cosine":
            return schedules.warmup_cosine(
                optimizer.rate,
                num_epochs=config.num_epochs,
                warmup_epochs=optimizer.warmup_epochs,
            )
        return schedules.warmup_multistep(
            optimizer.rate,
            warmup_epochs=optimizer.warmup_epochs,
            warmup_factor=optimizer.warmup_factor,
            milestones=optimizer.milestones,
            gamma=optimizer.gamma,
        )
    except ValueError as error:
        raise UserError(f"config.optimizer: {error}") from error


def objective_of(config: Config) -> Objective:
    """What training minimises.

    Args:
        config: The whole configuration.

    Returns:
        The constants of losses and memory updates.
    """
    return Objective(**dataclasses.asdict(config.objective))


def trainer_of(config: Config, splits: Splits, devices: list[Any]) -> Trainer:
    """What trains an epoch; its steps compile at their first use.

    Args:
        config: The whole configuration, checked.
        splits: The images.
        devices: The devices that share every batch.

    Returns:
        The trainer.

    Raises:
        UserError: The schedule's numbers do not fit, or there is no image.
    """
    batch, clustering, matching = config.batch, config.clustering, config.matching
    encoder = encoder_of(config, synchronised=True)
    return Trainer(
        sets=(splits.train_visible, splits.train_infrared),
        devices=devices,
        embed=embedder_of(config, devices, flip=clustering.train_flip),
        renormalise=clustering.train_flip,
        steps={
            stage: steps.train_step_over(
                devices,
                encoder=encoder,
                optimizer=optimizer_of(config),
                constants=objective_of(config),
                stage=stage,
                seed=config.seed,
                pad=config.augment.pad,
                strong_view_from=config.augment.strong_view_from,
            )
            for stage in (1, 2)
        },
        rate_of=schedule_of(config),
        stage1_epochs=config.stage1_epochs,
        clusters=clusters_of(config),
        partners=Partners(matching.k1, matching.k2),
        drawing=Drawing(
            batch.visible_rows,
            batch.images_per_proxy,
            (batch.stage1_steps, batch.stage2_steps),
            config.seed,
        ),
    )


def clusters_of(config: Config) -> Clusters:
    """How images are clustered.

    Args:
        config: The whole configuration.

    Returns:
        The parameters.
    """
    of = config.clustering
    return Clusters(of.k1, of.k2, of.eps, of.min_samples)


def scorer_of(
    config: Config, protocol: str, tested: Tested, *, warnings: tuple[str, ...] = ()
) -> Scorer:
    """What scores the run's test images.

    Args:
        config: The whole configuration.
        protocol: The run's protocol.
        tested: The test images.
        warnings: What is wrong with the images and was allowed.

    Returns:
        The scorer; it has no modes where there is nothing to score.

    Raises:
        UserError: The test images lack what the protocol needs: found out before
            anything is trained.
    """
    visible, infrared, splits = tested
    return Scorer(
        plan_of(config, protocol, visible, infrared, splits),
        visible,
        infrared,
        **method_of(config)._asdict(),
        **facts_of(config, protocol, warnings),
        num_pictured_queries=config.evaluation.num_pictured_queries,
    )
