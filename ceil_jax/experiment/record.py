"""What a run notes of itself in every checkpoint, and what follows from it later."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ceil_jax import weights
from ceil_jax.common.errors import UserError
from ceil_jax.experiment import selection, settings
from ceil_jax.experiment.config import TRAINING, Config, field_names, to_dict


class Origin(NamedTuple):
    """Where a model comes from, for the report.

    Attributes:
        checkpoint: Its name.
        seed: Of its training; None if unknown.
        selection: One of `selection.SELECTIONS`: how its epoch was chosen.
        warnings: What a reader of its figures must know, a line each.
        trained_with: The configuration of its training; None if unknown.
    """

    checkpoint: str
    seed: int | None = None
    selection: str = selection.LAST
    warnings: tuple[str, ...] = ()
    trained_with: Mapping[str, Any] | None = None


def record_of(
    config: Config,
    *,
    fingerprint: str = "",
    init_digest: str = "",
    value_ranges: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> dict[str, Any]:
    """What a run notes in each of its checkpoints.

    Args:
        config: The whole configuration.
        fingerprint: Of the training images.
        init_digest: Of the weights that training started from; "" for random ones.
        value_ranges: By modality, the values that became 0 and 255 in images of more
            than 8 bits.

    Returns:
        Plain values: seed, weights that training started from, data, and the
        configuration.
    """
    return {
        "seed": config.seed,
        "init_from": Path(config.init_from).name,
        "init_digest": init_digest,
        "data": data_of(config)
        | {"fingerprint": fingerprint}
        | {"value_ranges": {name: list(ends) for name, ends in value_ranges.items()}},
        "config": settings.plain(to_dict(config)),
    }


def origin_of(
    record: Mapping[str, Any], epoch: int, chosen: str = selection.LAST
) -> Origin:
    """The origin of a checkpoint's model.

    Args:
        record: That of the checkpoint, see `record_of`.
        epoch: Its epoch.
        chosen: One of `selection.SELECTIONS`.

    Returns:
        The origin.
    """
    return Origin(
        f"epoch {epoch}",
        record["seed"],
        chosen,
        (
            *start_warnings(
                record["data"]["dataset"], record.get("init_from", "unknown")
            ),
            *record.get("warnings", ()),
        ),
        record.get("config"),
    )


def start_warnings(dataset: str, init_from: str) -> tuple[str, ...]:
    """What to say of where training starts, if that is no good start.

    Args:
        dataset: Name of the data set.
        init_from: The weights, "" for random ones.

    Returns:
        A line, or none.
    """
    is_random = not init_from and dataset != "synthetic"
    return (weights.HOW_TO_GET,) if is_random else ()


def data_of(config: Config) -> dict[str, Any]:
    """What decides which images are trained on and which are tested on.

    Args:
        config: The whole configuration.

    Returns:
        Plain values by the names of the fields.
    """
    data: dict[str, Any] = {
        "dataset": config.dataset,
        "trial": config.trial,
        "image_size": list(config.image_size),
    }
    if config.dataset == "synthetic":
        data |= {"synthetic": dataclasses.asdict(config.synthetic)}
    return data


def check_same_data(config: Config, record: Mapping[str, Any]) -> None:
    """Refuse to score a run on other images as if they were its own.

    Args:
        config: The whole configuration.
        record: That of the checkpoint, see `record_of`.

    Raises:
        UserError: Names the field that differs.
    """
    for name, value in data_of(config).items():
        was = record["data"].get(name)
        if was != value:
            raise UserError(
                f"config.{name} is {value}, but this run was trained with {was}: its "
                "training images may be among these test images. Give the same, or "
                "score it as another data set with --mode evaluate --output DIR"
            )


def check_fingerprint(record: Mapping[str, Any], now: str, data_dir: str) -> None:
    """Refuse to go on with other training images; their folder may lie elsewhere.

    Args:
        record: That of the checkpoint, see `record_of`.
        now: Fingerprint of the training images.
        data_dir: Their folder, for the message.

    Raises:
        UserError: They are other images. A record that is older than fingerprints is
            taken.
    """
    was = record["data"].get("fingerprint")
    if was and was != now:
        raise UserError(
            f"config.data_dir={data_dir} holds other training images (fingerprint "
            f"{now[:12]}) than this run was trained on ({was[:12]}): give their "
            "folder, or another --workdir"
        )


def of_model(config: Config, record: Mapping[str, Any]) -> Config:
    """A configuration with the architecture and image size of a checkpoint.

    Args:
        config: The whole configuration.
        record: That of the checkpoint; one that is older than recorded configurations
            changes nothing.

    Returns:
        The configuration.
    """
    if "config" not in record:
        return config
    trained = settings.from_record(record["config"], "the checkpoint")
    return dataclasses.replace(
        config, encoder=trained.encoder, image_size=trained.image_size
    )


def check_architecture(config: Config, found: weights.Architecture, flag: str) -> None:
    """Refuse weights of another encoder than the configuration's.

    Args:
        config: The whole configuration.
        found: That of the weights.
        flag: The flag with what the user gave it, for the message.

    Raises:
        UserError: It is another one; says what to set.
    """
    first, second, third, fourth = config.encoder.stage_sizes
    wanted = weights.Architecture((first, second, third, fourth), config.encoder.width)
    if found != wanted:
        raise UserError(
            f"{flag} is an encoder of {found}, config.encoder of {wanted}: set "
            "config.encoder.width and config.encoder.stage_sizes"
        )


def check_resumable(
    config: Config, record: Mapping[str, Any], done: int, *, init_digest: str
) -> None:
    """Refuse to go on with a training whose settings have changed.

    The number of epochs may change where the learning rates of the finished ones do not
    depend on it; weights to start from may lie elsewhere if they are the same.

    Args:
        config: The whole configuration.
        record: That of the checkpoint, see `record_of`.
        done: Epochs finished.
        init_digest: Of the weights that the configuration starts from.

    Raises:
        UserError: Names every changed field with both values, and what can be done.
    """
    recorded = record.get("config") or {}
    if not recorded:  # older than recorded configurations
        _check_seed(config, record)
        return
    changed = settings.differences(recorded, config, TRAINING)
    if record.get("init_digest", "") == init_digest:
        changed.pop("config.init_from", None)
    elif init_digest and record.get("init_digest") and config.init_from:
        changed["config.init_from"] = "weights of another content"
    now = field_names(config)
    longer = [f"config.stage{stage}_epochs" for stage in (1, 2)]
    why = ""
    if config.optimizer.schedule != "multistep" and set(changed) & set(longer):
        why = (
            f". With config.optimizer.schedule={config.optimizer.schedule} the rate of "
            "every epoch depends on their number, so that it cannot change"
        )
    else:
        changed.pop(longer[1], None)
        first = changed.get(longer[0])
        if first is not None and done <= min(first, config.stage1_epochs):
            del changed[longer[0]]
    if changed:
        said = "; ".join(
            f"{name} was {was!r} and is now {now[name]!r}"
            for name, was in changed.items()
        )
        raise UserError(
            f"this run has trained {done} epochs with other settings: {said}{why}. "
            "Leave these fields as they were (--workdir alone does), or give another "
            "--workdir"
        )


def _check_seed(config: Config, record: Mapping[str, Any]) -> None:
    if record["seed"] != config.seed:
        raise UserError(
            f"config.seed={config.seed}, but this run began with seed "
            f"{record['seed']}: give that one, or another --workdir"
        )
