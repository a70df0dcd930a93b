"""A folder of one's own cameras, visible or infrared or both."""

from data.folder.folder_dataset_builder import Builder

__all__ = ["Builder"]
