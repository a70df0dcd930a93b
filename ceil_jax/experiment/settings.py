"""Whether two runs are of one experiment: the configurations compared."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ceil_jax.experiment.config import Config, field_names

# Where and how a run is done; its figures are the same.
WITHOUT_EFFECT = {
    *("config.data_dir", "config.prepared_dir", "config.cache_gib"),
    *("config.num_devices", "config.compilation_cache", "config.save_epoch"),
    "config.kernels",
    *("config.evaluation.num_pictured_queries", "config.evaluation.control"),
}
# What can be changed after the training: the figures are measured anew.
_OF_EVALUATION = ("config.evaluation.", "config.rerank.", "config.selection")


def differences(recorded: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The fields in which a recorded configuration is another one.

    Args:
        recorded: The content of a `config.json`. A field that is newer than it had its
            default.
        config: The configuration of now.

    Returns:
        Recorded values by dotted name; fields without effect on the figures are left
        out.
    """
    default = field_names(Config())
    found = {}
    for name, value in field_names(config).items():
        was: Any = recorded
        for part in name.removeprefix("config.").split("."):
            was = was.get(part, default[name]) if isinstance(was, Mapping) else was
        if name == "config.init_from":  # the same file may lie elsewhere
            was, value = Path(str(was)).name, Path(value).name
        if name not in WITHOUT_EFFECT and _plain(was) != _plain(value):
            found[name] = was
    return found


def of_training(name: str) -> bool:
    """Whether a field changes the training, and not only how it is scored.

    Args:
        name: Its dotted name.

    Returns:
        True if weights trained with another value are other weights.
    """
    return not name.startswith(_OF_EVALUATION) and name not in WITHOUT_EFFECT


def _plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    return json.loads(json.dumps(value))
