"""What computed a run's figures: the program, the machine, and the exact model."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from ceil_jax import __version__
from ceil_jax.experiment.config import Config


def facts(config: Config, model: str) -> dict[str, Any]:
    """The engine of an evaluation, for `results.json`.

    Args:
        config: The whole configuration.
        model: The digest of the model, or of the features that stand for one.

    Returns:
        Versions, device, kernels, search, and the digest.
    """
    return {
        "ceil_jax": __version__,
        "jax": jax.__version__,
        "device": jax.local_devices()[0].device_kind,
        "num_devices": config.num_devices or jax.local_device_count(),
        "kernels": config.kernels or "default",
        "search": config.rerank.search,
        "model": model,
    }


def trainer(config: Config) -> dict[str, Any]:
    """What a training computes with: where it differs, sums are rounded otherwise.

    Args:
        config: The whole configuration.

    Returns:
        Plain values by name.
    """
    return {
        "jax": jax.__version__,
        "device": jax.local_devices()[0].device_kind,
        "processor": _processor(),
        "devices": config.num_devices or jax.local_device_count(),
        "kernels": config.kernels or "default",
    }


def changes(
    record: Mapping[str, Any], now: Mapping[str, Any], done: int
) -> tuple[str, ...]:
    """What to say where a training goes on with something else than it began with.

    Args:
        record: That of the checkpoint.
        now: That of the checkpoints to come.
        done: Epochs finished.

    Returns:
        A line, or none.
    """
    was, is_now = record.get("trained_by", {}), now["trained_by"]
    differ = [
        f"{name} was {was[name]} and is now {value}"
        for name, value in is_now.items()
        if name in was and was[name] != value
    ]
    if not differ:
        return ()
    return (
        f"trained by another machine or program from epoch {done + 1} on "
        f"({'; '.join(differ)}): the rest differs by rounding from what an "
        "uninterrupted training would give",
    )


def _processor() -> str:
    """The processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {name.strip(): value.strip() for name, value in facts.items()}
    parts = [named.get(name, "") for name in ("model name", "cpu family", "model")]
    return " ".join(filter(None, parts)) or platform.machine()


def model_digest(config: Config, variables: Any) -> str:
    """The digest of a model: weights, architecture and preprocessing.

    Args:
        config: The whole configuration.
        variables: The weights.

    Returns:
        64 hexadecimal digits.
    """
    from ceil_jax.model.info import digest_of  # needs flax, `facts` does not

    height, width = config.image_size
    return digest_of(variables, (height, width))
