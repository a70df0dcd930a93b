"""TFDS builder of LLCM, from its folder as distributed."""

from ceil_jax.datasets.listed import ListedBuilder
from ceil_jax.datasets.llcm.layout import LAYOUT


class Builder(ListedBuilder):
    """Splits `train` and `test`."""

    LAYOUT = LAYOUT
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Ask the authors (Xiamen University) for LLCM. manual_dir is the folder as
    distributed, which holds vis, nir, test_vis, test_nir and idx.
    """
