"""CEIL in JAX: unsupervised visible-infrared person re-identification."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ceil_jax.model import load

__version__ = "0.1.0"
__all__ = ["load"]

LATE = {"load": "ceil_jax.model"}
"""Names that are imported when they are first asked for, so that `import ceil_jax` is
quick, and works without the extra that they need."""


def __getattr__(name: str) -> Any:
    """A name of `LATE`."""
    if name in LATE:
        extras = importlib.import_module("ceil_jax.common.extras")
        extras.require("model", f"ceil_jax.{name}")
        return getattr(importlib.import_module(LATE[name]), name)
    raise AttributeError(f"module 'ceil_jax' has no attribute {name!r}")
