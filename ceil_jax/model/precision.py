"""The precision in which embeddings are computed, and where another one is offered."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from ceil_jax.common import processor
from ceil_jax.common.errors import UserError

Precision: TypeAlias = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
AGREEMENT: Mapping[Precision, float] = {"float32": 1e-5, "bfloat16": 5e-3}
"""Largest difference of an entry from JAX's float32 rows with which "auto" takes an
engine. In bfloat16 rows are off by some 1e-3: what else goes wrong still shows."""
HALF_ENGINES = ("openvino",)
"""Those that compute in bfloat16, and faster than in float32."""
_BUILT_FOR = ("amx_bf16", "avx512_bf16")


def check_precision(precision: str, engine: str) -> None:
    """Refuse a precision that an engine or this processor does not have.

    OpenVINO names bfloat16 among what it can do on every processor with AVX-512, also
    where it has to imitate it: the processor's own flags decide.

    Args:
        precision: One of `PRECISIONS`.
        engine: An engine, or "auto".

    Raises:
        ValueError: The engine does not compute in it.
        UserError: The processor is not built for it, or does not tell.
    """
    if precision == "float32":
        return
    if engine not in (*HALF_ENGINES, "auto"):
        raise ValueError(
            f"{precision=} with {engine=}: only OpenVINO is faster in it than in "
            'float32: engine="openvino", or "auto", which compares its rows first'
        )
    flags = processor.facts().get("flags", "").split()
    if not any(flag in flags for flag in _BUILT_FOR):
        raise UserError(
            f"precision={precision!r}: this processor is not built for it: "
            f"/proc/cpuinfo tells neither {' nor '.join(_BUILT_FOR)}"
        )
