"""The losses of CEIL as pure functions of arrays."""

from ceil_jax.losses.contrastive import cdl, info_nce
from ceil_jax.losses.mmd import mmd

__all__ = ["cdl", "info_nce", "mmd"]
