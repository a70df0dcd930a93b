"""Nearest neighbours of rows, exact and approximate."""

from ceil_jax.neighbours.search import Neighbours, itself_first, nearest

__all__ = ["Neighbours", "itself_first", "nearest"]
