"""LLCM: 1,064 people by nine places' cameras, by day and in low light."""

from ceil_jax.datasets.llcm.llcm_dataset_builder import Builder

__all__ = ["Builder"]
