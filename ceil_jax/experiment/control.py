"""A recorded run to show beside this one, where the two compare."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment.config import Config, to_dict

# What a control run may have otherwise: its stages, and where and how it ran.
_FREE = {
    *("stage1_epochs", "stage2_epochs", "save_epoch", "eval_step", "selection"),
    *("num_devices", "cache_gib", "prepared_dir", "compilation_cache", "kernels"),
}


def _comparable(config: Mapping[str, Any]) -> dict[str, Any]:
    """What two runs must have in common to be shown side by side."""
    kept = {name: value for name, value in config.items() if name not in _FREE}
    kept["init_from"] = Path(kept.get("init_from", "")).name
    evaluation = dict(kept.get("evaluation", {}))
    for name in ("control", "num_pictured_queries"):
        evaluation.pop(name, None)
    num_epochs = config.get("stage1_epochs", 0) + config.get("stage2_epochs", 0)
    return kept | {"evaluation": evaluation, "num_epochs": num_epochs}


def _completed(recorded: Mapping[str, Any], default: Mapping[str, Any]) -> Any:
    """A recorded configuration with the fields that are newer than it.

    Such a field does by default what was done before there was a choice.
    """
    return {
        **recorded,
        **{
            name: _completed(recorded.get(name, {}), value)
            if isinstance(value, Mapping)
            else recorded.get(name, value)
            for name, value in default.items()
        },
    }


def read_control(config: Config) -> tuple[Results, str] | None:
    """The recorded run that `config.evaluation.control` names, if it compares.

    Args:
        config: The whole configuration.

    Returns:
        Its figures and what it was; None where no file is named, or the recorded run
        had other settings or another number of epochs than this one.

    Raises:
        UserError: The file is missing or not of this kind.
    """
    path = config.evaluation.control
    if not path:
        return None
    try:
        record = json.loads(user_path(path).read_text())
        results, recorded = Results.from_json(record["results"]), record["config"]
        note = record["note"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"config.evaluation.control={path}: {error}") from error
    ours = json.loads(json.dumps(to_dict(config)))
    recorded = _completed(recorded, json.loads(json.dumps(to_dict(Config()))))
    is_comparable = _comparable(recorded) == _comparable(ours)
    return (results, note) if is_comparable else None
