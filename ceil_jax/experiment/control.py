"""A recorded run to show beside this one, where the two compare."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import read_json, user_path
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import settings
from ceil_jax.experiment.config import Config, to_dict

# What a control run may have otherwise: its stages, and where and how it ran.
_FREE = {
    *("stage1_epochs", "stage2_epochs", "save_epoch", "eval_step", "selection"),
    *("save_minutes", "debug"),
    *("num_devices", "cache_gib", "prepared_dir", "compilation_cache", "kernels"),
    *("evaluation.control", "evaluation.num_pictured_queries"),
}


def _comparable(config: Mapping[str, Any]) -> dict[str, Any]:
    """What two runs must have in common to be shown side by side."""
    fields = {
        name.removeprefix("config."): value
        for name, value in settings.recorded_fields(config).items()
    }
    kept = {name: value for name, value in fields.items() if name not in _FREE}
    kept["init_from"] = Path(fields["init_from"]).name
    kept["num_epochs"] = fields["stage1_epochs"] + fields["stage2_epochs"]
    return kept


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
        record = read_json(user_path(path))
        results, recorded = Results.from_json(record["results"]), record["config"]
        note = str(record["note"])
        if settings.unknown_fields(recorded):
            return None  # of a version with more to choose
        before = settings.plain(_comparable(recorded))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(f"config.evaluation.control={path}: {reason}") from error
    is_comparable = before == settings.plain(_comparable(to_dict(config)))
    return (results, note) if is_comparable else None
