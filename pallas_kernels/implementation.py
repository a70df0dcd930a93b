"""Choosing between the implementations of a kernel."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import jax

Implementation: TypeAlias = Literal["xla"]


def resolve(implementation: str | None, defaults: Mapping[str, str]) -> str:
    """Name the implementation to run.

    Args:
        implementation: The caller's choice, or None to take the platform's default.
        defaults: Default implementation by platform name (`jax.default_backend()`).
            A platform that is not in it takes "xla".

    Returns:
        The name of the implementation.
    """
    if implementation is not None:
        return implementation
    return defaults.get(jax.default_backend(), "xla")
