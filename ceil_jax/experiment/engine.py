"""What computed a run's figures: the program, the machine, and the exact model."""

import dataclasses
from typing import Any

import jax

from ceil_jax import __version__
from ceil_jax.common import digest
from ceil_jax.embedding.step import PREPROCESSING
from ceil_jax.experiment.config import Config


def facts(config: Config, variables: Any) -> dict[str, Any]:
    """The engine of an evaluation, for `results.json`.

    Args:
        config: The whole configuration.
        variables: The model's weights.

    Returns:
        Versions, device, kernels, search, and the digest of the model.
    """
    return {
        "ceil_jax": __version__,
        "jax": jax.__version__,
        "device": jax.local_devices()[0].device_kind,
        "num_devices": config.num_devices or jax.local_device_count(),
        "kernels": config.kernels or "default",
        "search": config.rerank.search,
        "model": model_digest(config, variables),
    }


def model_digest(config: Config, variables: Any) -> str:
    """The digest of a model: weights, architecture and preprocessing.

    Args:
        config: The whole configuration.
        variables: The weights.

    Returns:
        64 hexadecimal digits.
    """
    encoder = dataclasses.asdict(config.encoder)
    return digest.of_model(
        jax.device_get(variables),
        architecture={"stage_sizes": list(encoder["stage_sizes"])}
        | {"width": encoder["width"]},
        preprocessing=PREPROCESSING | {"image_size": list(config.image_size)},
    )
