"""TFDS builder of SYSU-MM01, from its folder as distributed."""

from ceil_jax.datasets.listed import ListedBuilder
from ceil_jax.datasets.sysu_mm01.layout import LAYOUT


class Builder(ListedBuilder):
    """Splits `train` (the lists train and val) and `test`."""

    LAYOUT = LAYOUT
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Ask the authors (Sun Yat-sen University) for SYSU-MM01. manual_dir is the folder
    as distributed, which holds cam1 to cam6 and exp.
    """
