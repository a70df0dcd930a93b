"""Who is searched for among whom, and how well that went: protocols and figures."""

from ceil_jax.evaluation.metrics import Metrics, evaluate, evaluate_features

__all__ = ["Metrics", "evaluate", "evaluate_features"]
