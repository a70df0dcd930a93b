"""Training augmentation on the device, from uint8 images, in pure JAX."""

from ceil_jax.inputs.augment.planes import normalise
from ceil_jax.inputs.augment.views import augment_batch

__all__ = ["augment_batch", "normalise"]
