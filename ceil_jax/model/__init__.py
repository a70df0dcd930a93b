"""A trained model in use: loaded, embedding images, packed for other programs."""

from ceil_jax.model.info import Info
from ceil_jax.model.loading import load
from ceil_jax.model.model import Embedded, Model
from ceil_jax.model.reading import image_files

__all__ = ["Embedded", "Info", "Model", "image_files", "load"]
