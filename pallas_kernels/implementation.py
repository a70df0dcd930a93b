"""Choosing between the implementations of an op, and naming the one that runs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

import jax

Implementation: TypeAlias = Literal["xla", "triton"]
Op: TypeAlias = Literal["camera_topk", "csr_product", "graph_propagate"]

DEFAULTS: Mapping[str, Mapping[str, Implementation]] = MappingProxyType(
    {op: MappingProxyType({"gpu": "triton"}) for op in get_args(Op)}
)
"""Implementation by op and `platform()`; "xla" on a platform that is not listed."""

OLDEST_CAPABILITY = (8, 0)
"""Ampere: the oldest NVIDIA GPU that the Triton kernels are written for."""


_preferred: list[Implementation] = []


def prefer(implementation: Implementation | None) -> None:
    """Choose what runs, for every op, where its caller names nothing.

    For a whole program, before it computes: what is compiled already stays as it is.

    Args:
        implementation: The choice; None for the platform's default.

    Raises:
        ValueError: There is no implementation of that name.
        NotImplementedError: The platform cannot run it.
    """
    if implementation is not None:
        for op in get_args(Op):
            resolve(implementation, op)
    _preferred[:] = [] if implementation is None else [implementation]


def platform() -> str:
    """Name the platform as far as the kernels are concerned.

    Returns:
        `jax.default_backend()`, but "other gpu" for a GPU that is not an NVIDIA one of
        `OLDEST_CAPABILITY` or newer.
    """
    backend = jax.default_backend()
    if backend == "gpu" and _capability() < OLDEST_CAPABILITY:
        return "other gpu"
    return backend


def _capability() -> tuple[int, ...]:
    """Compute capability of the first GPU; () where it is not an NVIDIA one."""
    text = str(getattr(jax.local_devices()[0], "compute_capability", ""))
    parts = text.split(".")
    return tuple(map(int, parts)) if all(p.isdecimal() for p in parts) else ()


def resolve(implementation: str | None, op: Op) -> str:
    """Name the implementation to run.

    Args:
        implementation: The caller's choice, or None for what `prefer` chose, else the
            platform's default.
        op: Name of the op.

    Returns:
        The name of the implementation, one that runs here.

    Raises:
        ValueError: There is no implementation of that name.
        NotImplementedError: The platform cannot run it.
    """
    here = platform()
    if implementation is None:
        return _preferred[0] if _preferred else DEFAULTS[op].get(here, "xla")
    if implementation not in get_args(Implementation):
        raise ValueError(
            f"unknown {implementation=} of {op}: it must be one of "
            f"{', '.join(get_args(Implementation))}"
        )
    if implementation == "triton" and here not in ("cpu", "gpu"):
        raise NotImplementedError(
            f"{op}: implementation='triton' needs an NVIDIA GPU of compute capability "
            f"8.0 or newer, and this is {here!r}; implementation='xla' runs here"
        )
    return implementation


def interprets() -> bool:
    """Whether a kernel is interpreted: on the CPU, to be tested, and slowly.

    Returns:
        True where there is no GPU to compile for.
    """
    return platform() == "cpu"


def running() -> dict[str, str]:
    """Name what every op runs on this platform where its caller names nothing.

    Returns:
        Implementation by op.
    """
    return {op: resolve(None, op) for op in get_args(Op)}
