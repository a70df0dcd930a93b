"""The two-stream encoder: two stems, one shared ResNet, GeM pooling, a last norm."""

from ceil_jax.encoder.model import Encoder

__all__ = ["Encoder"]
