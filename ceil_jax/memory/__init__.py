"""The memories: explicit state, read by `scores`, replaced by pure updates."""

from ceil_jax.memory.bank import centers, scores
from ceil_jax.memory.updates import dcmu, momentum, random_member

__all__ = ["centers", "dcmu", "momentum", "random_member", "scores"]
