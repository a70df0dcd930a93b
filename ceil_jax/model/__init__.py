"""A trained model in use: loaded, embedding images, packed for other programs."""

from ceil_jax.model.collected import Embedded
from ceil_jax.model.info import Info
from ceil_jax.model.loading import load
from ceil_jax.model.model import Model
from ceil_jax.model.reading import image_files
from ceil_jax.model.same_person import SamePerson

__all__ = ["Embedded", "Info", "Model", "SamePerson", "image_files", "load"]
