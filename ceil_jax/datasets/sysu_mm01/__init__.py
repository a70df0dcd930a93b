"""SYSU-MM01: 491 people by four visible and two near-infrared cameras."""

from ceil_jax.datasets.sysu_mm01.sysu_mm01_dataset_builder import Builder

__all__ = ["Builder"]
