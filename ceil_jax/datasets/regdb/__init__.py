"""RegDB: 412 people, each ten visible and ten thermal images, ten trials."""

from ceil_jax.datasets.regdb.regdb_dataset_builder import Builder

__all__ = ["Builder"]
