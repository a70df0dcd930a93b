"""LLCM: 1,064 people by nine places' cameras, by day and in low light."""

import contextlib

with contextlib.suppress(ModuleNotFoundError):  # without TFDS there is the layout alone
    from ceil_jax.datasets.llcm.llcm_dataset_builder import Builder as Builder
