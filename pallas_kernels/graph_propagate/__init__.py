"""GCR's rounds on a dense graph: symmetrise, divide by the rows' sums, propagate."""

from pallas_kernels.graph_propagate.api import gcr_round, propagate, symmetrise

__all__ = ["gcr_round", "propagate", "symmetrise"]
