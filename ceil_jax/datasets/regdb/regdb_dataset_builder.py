"""TFDS builder of RegDB, from its folder as distributed."""

from ceil_jax.datasets.listed import ListedBuilder
from ceil_jax.datasets.regdb.layout import LAYOUT, NUM_TRIALS


class Builder(ListedBuilder):
    """One split `images`: each image once, with the trials that it belongs to."""

    LAYOUT = LAYOUT
    NUM_TRIALS = NUM_TRIALS
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Ask the authors (Dongguk University) for RegDB. manual_dir is the folder as
    distributed, which holds Visible, Thermal and idx.
    """
