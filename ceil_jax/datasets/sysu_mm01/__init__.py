"""SYSU-MM01: 491 people by four visible and two near-infrared cameras."""

import contextlib

with contextlib.suppress(ModuleNotFoundError):  # without TFDS there is the layout alone
    from ceil_jax.datasets.sysu_mm01.sysu_mm01_dataset_builder import Builder as Builder
