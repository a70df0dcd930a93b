"""Imports on a machine that has only jax, flax, optax, numpy and scipy."""

import importlib.util
import sys
from types import ModuleType


class _Annotation:
    """Stands for `Float[Array, "n d"]` and its like, which nothing here reads."""

    def __class_getitem__(cls, item: object) -> type:
        del item
        return cls


def provide_annotations() -> bool:
    """Let modules that annotate shapes be imported without jaxtyping.

    To be called before anything of `ceil_jax` or `pallas_kernels` is imported.

    Returns:
        Whether jaxtyping is missing and was stood in for.
    """
    if importlib.util.find_spec("jaxtyping") is not None:
        return False
    stand_in = ModuleType("jaxtyping")
    for name in ("Array", "Bool", "Float", "Int", "Num", "PRNGKeyArray", "Shaped"):
        setattr(stand_in, name, _Annotation)
    sys.modules["jaxtyping"] = stand_in
    return True
