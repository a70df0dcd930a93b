"""The nearest rows of every row by inner product."""

from pallas_kernels.neighbours.api import nearest

__all__ = ["nearest"]
