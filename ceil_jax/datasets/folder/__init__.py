"""A folder of one's own cameras, visible or infrared or both."""

from ceil_jax.datasets.folder.folder_dataset_builder import Builder

__all__ = ["Builder"]
