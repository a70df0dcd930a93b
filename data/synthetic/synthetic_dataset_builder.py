"""The builder of generated pedestrians, where TFDS looks for it."""

import tensorflow_datasets as tfds

from ceil_jax.datasets.synthetic import synthetic_dataset_builder as defined


class Builder(defined.Builder, skip_registration=True):
    """As the registered one, with its README and citations."""

    pkg_dir_path = tfds.core.Path(defined.__file__).parent
