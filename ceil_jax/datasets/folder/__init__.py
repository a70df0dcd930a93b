"""A folder of one's own cameras, visible or infrared or both."""

import contextlib

with contextlib.suppress(ModuleNotFoundError):  # without TFDS there is the layout alone
    from ceil_jax.datasets.folder.folder_dataset_builder import Builder as Builder
