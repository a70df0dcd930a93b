"""One propagation over the neighbour graph."""

from pallas_kernels.graph_propagate.api import propagate

__all__ = ["propagate"]
