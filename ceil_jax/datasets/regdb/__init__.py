"""RegDB: 412 people, each ten visible and ten thermal images, ten trials."""

import contextlib

with contextlib.suppress(ModuleNotFoundError):  # without TFDS there is the layout alone
    from ceil_jax.datasets.regdb.regdb_dataset_builder import Builder as Builder
