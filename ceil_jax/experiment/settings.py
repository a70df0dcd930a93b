"""Configurations compared: which fields differ, and what that means for a run."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import read_json
from ceil_jax.experiment import damaged
from ceil_jax.experiment.config import (
    FREE,
    TRAINING,
    Config,
    definitions,
    field_names,
)
from ceil_jax.experiment.ranges import shown

# Free fields of the evaluation that change no figure.
_SHOWN_ONLY = ("num_pictured_queries", "control", "baselines")
# What the figures of an evaluation depend on besides the model.
_OF_EVALUATION = ("config.evaluation.", "config.rerank.", "config.selection")


def tags() -> dict[str, str]:
    """The tag of every field, "training" or "free".

    Returns:
        Tags by dotted name.
    """
    return {name: each.metadata["tag"] for name, each in definitions("config.").items()}


def first_defaults() -> dict[str, Any]:
    """What a configuration meant that is older than a field.

    Returns:
        Values by dotted name.
    """
    return {name: each.metadata["was"] for name, each in definitions("config.").items()}


def recorded_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recorded configuration, those that it lacks as they were then.

    Args:
        record: The content of a `config.json`.

    Returns:
        Plain values by dotted name.
    """
    found = {}
    for name, was in first_defaults().items():
        value: Any = record
        for part in name.removeprefix("config.").split("."):
            value = value.get(part, was) if isinstance(value, Mapping) else value
        found[name] = value
    return found


def unknown_fields(record: Mapping[str, Any]) -> list[str]:
    """Names in a recorded configuration that are no fields.

    Args:
        record: The content of a `config.json`.

    Returns:
        Dotted names.
    """
    known = set(first_defaults())
    groups = {name.rsplit(".", 1)[0] for name in known}

    def walk(part: Mapping[str, Any], prefix: str) -> Iterator[str]:
        for key, value in part.items():
            name = f"{prefix}.{key}"
            if name in groups and isinstance(value, Mapping):
                yield from walk(value, name)
            elif name not in known | groups:
                yield name

    return list(walk(record, "config"))


def from_record(record: Mapping[str, Any], source: str) -> Config:
    """A recorded configuration as an object.

    Args:
        record: The content of a `config.json`.
        source: Where it comes from, for messages.

    Returns:
        The configuration; fields that the record lacks have the default that they had
        when they were introduced.

    Raises:
        UserError: A name in it is no field, or a value is of another type.
    """
    if record.get("format") == "ceil-jax model":
        raise UserError(
            f"{source} is of a model folder, not of a run: ceil_jax.load and --mode "
            "embed take the folder, --mode export --weights its weights.safetensors"
        )
    if unknown := unknown_fields(record):
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise UserError(
            f"{source} holds what this version does not know: "
            f"{', '.join(name[:60] for name in unknown[:5])}{more}"
        )
    for name in {each.partition(".")[0] for each in definitions() if "." in each}:
        if not isinstance(record.get(name, {}), Mapping):
            raise UserError(
                f"{source}: config.{name}={shown(record[name])} must be a group"
            )
    config, within = Config(), definitions("config.")
    for name, value in recorded_fields(record).items():
        *groups, leaf = name.removeprefix("config.").split(".")
        part: Any = config
        for group in groups:
            part = getattr(part, group)
        default = getattr(part, leaf)
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(value)
        if isinstance(default, float) and type(value) is int and abs(value) < 2**1023:
            value = float(value)
        if type(value) is not type(default):
            fault = within[name].metadata["within"].fault(value)
            raise UserError(f"{source}: {name}={shown(value)} {fault}")
        setattr(part, leaf, value)
    return config


def read(path: Path) -> Config:
    """The configuration that a run's `config.json` holds.

    Args:
        path: The file.

    Returns:
        The configuration.

    Raises:
        UserError: The file is missing, cannot be read or holds something else.
    """
    return from_record(read_record(path), str(path))


def read_record(path: Path) -> dict[str, Any]:
    """What a run's `config.json` holds, its fields not looked at.

    Args:
        path: The file.

    Returns:
        Plain values.

    Raises:
        UserError: The file is missing, cannot be read or holds something else.
    """
    try:
        record = read_json(path)
        if not isinstance(record, dict):
            raise ValueError(f"it holds no configuration, but {shown(record)}")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: not readable: {damaged.reason(error)}. Put the file back, or "
            "move it away and give --config FILE and the fields that the run began with"
        ) from error
    return record


def differences(
    recorded: Mapping[str, Any], config: Config, tag: str | None = None
) -> dict[str, Any]:
    """The fields in which a recorded configuration is another one.

    Args:
        recorded: The content of a `config.json`. A field that is newer than it had its
            first default.
        config: The configuration of now.
        tag: Only fields of this tag, see `tags`; None for all that change figures.

    Returns:
        Recorded values by dotted name.
    """
    before, kinds, found = recorded_fields(recorded), tags(), {}
    for name, value in field_names(config).items():
        was = before[name]
        if name == "config.init_from":  # the same file may lie elsewhere
            was, value = Path(str(was)).name, Path(value).name
        looked_at = of_figures(name) if tag is None else kinds[name] == tag
        if looked_at and plain(was) != plain(value):
            found[name] = was
    return found


def of_training(name: str) -> bool:
    """Whether a field changes the training, and not only how it is run or scored.

    Args:
        name: Its dotted name.

    Returns:
        True if weights trained with another value are other weights.
    """
    return tags()[name] == TRAINING


def of_figures(name: str) -> bool:
    """Whether a field changes the figures of a run.

    Args:
        name: Its dotted name.

    Returns:
        True for what changes the training or how it is scored.
    """
    if of_training(name):
        return True
    return name.startswith(_OF_EVALUATION) and not name.endswith(_SHOWN_ONLY)


def evaluated_with(config: Config) -> dict[str, Any]:
    """What an evaluation depends on besides the model, for `results.json`.

    Args:
        config: The whole configuration.

    Returns:
        Plain values by dotted name: the data, the protocol, the re-ranking, and where
        it was computed.
    """
    return _evaluated(field_names(config))


def _evaluated(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Of all fields those that an evaluation depends on besides the model."""
    kinds = tags()
    data = ("config.dataset", "config.trial", "config.image_size", "config.synthetic.")
    return {
        name.removeprefix("config."): plain(value)
        for name, value in fields.items()
        if kinds[name] == FREE or name.startswith(data)
    }


def same_evaluation(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two evaluations were done in the same way.

    Args:
        one: What `evaluated_with` made.
        other: The same of another one.

    Returns:
        True if only fields differ that change no figure; a field that one of them is
        older than had its first default.
    """
    was = _evaluated(first_defaults())

    def kept(fields: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: value
            for name, value in {**was, **fields}.items()
            if f"config.{name}" not in tags() or of_figures(f"config.{name}")
        }

    return kept(one) == kept(other)


def plain(value: Any) -> Any:
    """A value as JSON keeps it: tuples become lists.

    Args:
        value: Plain values, nested.

    Returns:
        The same, read back.
    """
    return json.loads(json.dumps(value))
